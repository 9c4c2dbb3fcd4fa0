import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.values import Values

STRINGS = st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)))


@given(STRINGS)
def test_strings_come_back_as_they_were(strings: list[str | None]) -> None:
    assert Values.of(strings).to_list() == strings


@given(STRINGS, st.integers(0, 4))
def test_cutting_counts_characters(strings: list[str | None], characters: int) -> None:
    assert Values.of(strings).cut(characters).to_list() == [None if s is None else s[:characters] for s in strings]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "", None]), st.sampled_from(["ŵ", "", None]))))
def test_a_choice_of_two(rows: list[tuple[bool, str | None, str | None]]) -> None:
    ours, theirs = Values.of([one for _, one, _ in rows]), Values.of([other for _, _, other in rows])
    chosen = ours.where(np.array([choice for choice, _, _ in rows], np.bool_), theirs)
    assert chosen.to_list() == [one if choice else other for choice, one, other in rows]


def test_some_of_them_and_one_repeated() -> None:
    values = Values.of(["a", None, "ŵb"])
    assert values.at(np.array([2, 2, 1])).to_list() == ["ŵb", "ŵb", None]
    assert values.at(np.array([False, False, True])).to_list() == ["ŵb"]
    assert Values.repeated("ŵ", 2).to_list() == ["ŵ", "ŵ"]
    assert Values.repeated(None, 2).to_list() == [None, None]
    assert values.filled.tolist() == [True, False, True]


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "ab", "a" * 9, "a" * 8]), st.text("ab"))))
def test_each_once(strings: list[str | None]) -> None:
    assert Values.of(strings).distinct().to_list() == list(dict.fromkeys(s for s in strings if s is not None))


def test_which_are_equal() -> None:
    same = Values.of(["a", None, "", "ab", "ŵ"]).same(Values.of(["b", None, "", "ab", "ŵx"]))
    assert same.tolist() == [False, False, True, True, False]


def test_one_behind_another() -> None:
    first, last = Values.of(["Ann", "Bo", None, ""]), Values.of(["Lee", None, "Ng", "Wu"])
    assert first.then(last, b" ").to_list() == ["Ann Lee", "Bo", None, " Wu"]
    assert first.then(last).to_list() == ["AnnLee", "Bo", None, "Wu"]


def test_what_is_a_value_is_not_written_to_any_more() -> None:
    lengths = np.array([1])
    Values(np.array([65], np.uint8), np.array([0]), lengths)
    with pytest.raises(ValueError, match="read-only"):
        lengths[0] = 2
