import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.spelling import keyed
from etna_pipelines.anonymise.values import Values
from etna_pipelines.anonymise.words import (
    HashSet,
    Sequences,
    distinct,
    handles_of,
    known,
    names_of,
    pairs_of,
    secrets_of,
)

LETTERS = keyed(4711)
NOBODY = np.empty(0, np.uint64)


def names(*values: str | None) -> Sequences:
    return names_of(Values.of(values), LETTERS, NOBODY)


def test_a_name_is_its_words_whatever_they_are_dressed_in() -> None:
    made = names("Siân Llŷr-Ŵyn", "SIÂN LLŶR ŴYN", "sian.llyr_wyn", "Sia\u0302n Lly\u0302r\u00a0W\u0302yn", None, "")
    assert made.counts.tolist() == [3]


def test_an_apostrophe_may_be_left_out() -> None:
    made = names("Conor O'Brien", "Conor O’Brien")
    assert made.counts.tolist() == [3, 2]
    assert made.hashes[1] == names("conor-obrien").hashes[0]


def test_a_word_alone_counts_where_it_stands_alone_and_says_something() -> None:
    assert len(names("Quillfeather").counts) == 1
    assert len(names("Quillfeather -", "Ann", "1234567", " ", "-").counts) == 0
    assert len(names("Quillfeather -", "Quillfeather").counts) == 1
    some = names("Quillfeather", "Threlfall")
    values = Values.of(["quillfeather", "Threlfall", "van Quill"])
    assert len(handles_of(values, LETTERS, NOBODY).counts) == 3
    assert handles_of(values, LETTERS, distinct(some.hashes)).counts.tolist() == [2]


def test_two_columns_make_the_names_of_their_rows() -> None:
    pairs = pairs_of(Values.of(["Ann", "Bo", None, "", "Ann"]), Values.of(["Lee", "O'Quill", "x", "y", "LEE"]), LETTERS)
    assert pairs.hashes.tolist() == names("Ann Lee", "Bo O'Quill").hashes.tolist()


def test_secrets_are_long_words_and_what_underscores_divide() -> None:
    made = secrets_of(Values.of(["pbkdf2$1000$f00dfacecafe4242", "sk_live_42ab_cd", "short"]), LETTERS)
    assert made.counts.tolist() == [1, 4]


@given(st.lists(st.text("abcdefgh0123456789", min_size=13, max_size=90), min_size=1, max_size=20, unique=True))
def test_words_that_differ_have_hashes_that_differ(words: list[str]) -> None:
    assert len(set(secrets_of(Values.of(words), LETTERS).hashes.tolist())) == len(words)


def test_another_seed_makes_other_hashes() -> None:
    other = names_of(Values.of(["Ann Lee"]), keyed(1), NOBODY)
    assert other.hashes[0] != names("Ann Lee").hashes[0]


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=5)), st.integers(0, 2**64 - 1))
def test_a_set_of_hashes_is_a_set(added: list[list[int]], other: int) -> None:
    hashes = HashSet()
    for each in added:
        hashes.add(np.array(each, np.uint64))
    everything = sorted({number for each in added for number in each})
    assert hashes.sorted().tolist() == everything
    assert len(hashes) == len(everything)
    assert all(known(hashes.sorted(), np.uint64(number)) for number in everything)
    assert known(hashes.sorted(), np.uint64(other)) == (other in everything)


def test_distinct_hashes() -> None:
    assert distinct(np.array([3, 1, 3, 0, 2**64 - 1, 0], np.uint64)).tolist() == [0, 1, 3, 2**64 - 1]
    assert distinct(np.array([], np.uint64)).tolist() == []


def test_of_more_than_a_set_may_hold_a_fair_share_is_kept_whatever_the_order() -> None:
    hashes = np.random.default_rng(7).integers(0, 2**64, 10_000, np.uint64)
    forwards, backwards = HashSet(most=1_000), HashSet(most=1_000)

    for part in np.split(hashes, 10):
        forwards.add(part)
    for part in reversed(np.split(hashes, 10)):
        backwards.add(part)

    kept = forwards.sorted()
    assert len(kept) <= 1_000
    assert kept.tolist() == backwards.sorted().tolist()
    assert forwards.share == 1 / 16
    assert 0.8 < len(kept) / (len(hashes) * forwards.share) < 1.2
    assert set(kept.tolist()) <= set(hashes.tolist())


def test_what_a_set_can_hold_it_holds_whole() -> None:
    hashes = HashSet(most=1_000)

    hashes.add(np.arange(1_000, dtype=np.uint64))

    assert (len(hashes), hashes.share) == (1_000, 1.0)
