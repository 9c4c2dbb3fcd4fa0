from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.errors import RulesError
from tests.anonymise.masks.masking import OTHER_KEY, column_of, masked

MANY = [f"value {number}" for number in range(600)]


def test_pick_takes_each_of_its_choices_about_as_often() -> None:
    picked = masked("pick(a, b, c)", MANY)
    assert set(picked) == {"a", "b", "c"}
    assert min(Counter(picked).values()) > 150
    assert masked("pick(a, b, c)", MANY, key=OTHER_KEY) != picked


def test_map_looks_values_up() -> None:
    assert masked("map(a=x, b=, *=z)", ["a", "b", "c", "", None]) == ["x", "", "z", "", None]
    assert masked("map(a=x, =empty)", ["a", "c", "", None]) == ["x", None, "empty", None]
    assert masked("map(a=b=c)", ["a"]) == ["b=c"]


@pytest.mark.parametrize(("mask", "problem"), [("map(a)", "lacks its `=`"), ("map(a=1, a=2)", "two things about one")])
def test_a_map_that_can_not_be_read_is_refused(mask: str, problem: str) -> None:
    with pytest.raises(RulesError, match=problem):
        parse(mask)


def test_choices_have_to_be_values_of_the_column() -> None:
    assert "is no label of mood" in str(misfit(parse("pick(happy, angry)"), column_of("mood"), unique=False))
    assert "is no value of type integer" in str(misfit(parse("map(1=x, *=2)"), column_of("integer"), unique=False))
    assert misfit(parse("map(1=2)"), column_of("integer"), unique=False) is None
    assert "say what they become with *=" in str(misfit(parse("map(1=2)"), column_of("integer", not_null=True), False))


@given(values=st.lists(st.sampled_from("abcdefg") | st.none() | st.just(""), max_size=30), blocks=st.integers(1, 4))
def test_shuffle_gives_every_value_another_that_occurs(values: list[str | None], blocks: int) -> None:
    shuffled = masked("shuffle", values, blocks=blocks)
    instead = dict(zip(values, shuffled, strict=True))
    occurring = {value for value in values if value}
    assert {instead[value] for value in occurring} == occurring
    assert all(instead[value] != value for value in occurring) or len(occurring) == 1
    assert all(instead[value] == value for value in ("", None) if value in values)


def test_shuffle_of_more_values_than_are_kept_at_once() -> None:
    values = [str(number) for number in range(120_000)]
    shuffled = masked("shuffle", values, blocks=6)
    assert sorted(map(str, shuffled)) == sorted(values)
    assert shuffled != masked("shuffle", values, key=OTHER_KEY, blocks=6)
