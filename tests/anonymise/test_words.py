import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.words import SLICE, HashSet, contains, distinct, words_of

SEED = 4711


def spelt(text: str) -> list[bytes]:
    """The words that are read out of a text."""
    words = words_of(text.encode(), SEED)
    before = 9  # what the text is padded with
    pieces = zip(words.starts - before, words.lengths, strict=True)
    return [text.lower().encode()[start : start + length] for start, length in pieces]


def hashes(text: str) -> list[int]:
    return words_of(text.encode(), SEED).hashes.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" .,-", []),
        ("Jane", ["jane"]),
        ("Jane-Doe_1984.pdf", ["jane", "doe", "1984", "pdf"]),
        ("a\tb\nc", ["a", "b", "c"]),
        ("x" * 100, ["x" * 100]),
        ("{[`@/:~", []),
    ],
)
def test_words_are_letters_and_digits_in_lower_case(text: str, words: list[str]) -> None:
    assert spelt(text) == [word.encode() for word in words]


@pytest.mark.parametrize("same", ["Siân Ŵyn", "SIÂN ŴYN", "siân–ŵyn", "“Siân” (Ŵyn)…", "siân\u00a0ŵyn"])
def test_letters_outside_ascii_are_letters_and_signs_are_not(same: str) -> None:
    assert hashes(same) == hashes("siân ŵyn")
    assert len(hashes(same)) == 2


@given(st.lists(st.text("abcdefgh0123456789", min_size=1, max_size=30), min_size=1, max_size=20))
def test_a_word_has_its_hash_wherever_it_stands(words: list[str]) -> None:
    alone = [hashes(word)[0] for word in words]
    assert hashes(" ".join(words)) == alone
    assert hashes("\t.".join(words).upper()) == alone
    assert len(set(alone)) == len(set(words))


@pytest.mark.parametrize("around", range(-3, 4))
def test_a_word_across_two_slices_is_one(around: int) -> None:
    text = "." * (SLICE + around - 2) + "quillfeather" + "\t" + "." * SLICE + "jane"
    assert hashes(text) == [*hashes("quillfeather"), *hashes("jane")]


def test_another_seed_makes_other_hashes() -> None:
    assert not set(words_of(b"jane doe", 1).hashes.tolist()) & set(words_of(b"jane doe", 2).hashes.tolist())


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cc"]), max_size=4), max_size=5))
def test_fields_are_told_apart(fields: list[list[str]]) -> None:
    words = words_of("\t".join(" ".join(field) for field in fields).encode(), SEED)
    assert words.fields()[-1].tolist() == [len(field) for field in fields if field]


def test_sequences_stay_inside_their_field() -> None:
    words = words_of(b"ann lee\tbo\nann lee bo", SEED)
    [pair] = words_of(b"Ann-Lee", SEED).sequences(np.array([0]), 2).tolist()
    pairs = words.sequences(np.arange(6), 2).tolist()
    assert pairs.count(pair) == 2
    assert len(pairs) == 3
    assert len(words.sequences(np.arange(6), 3)) == 1
    assert len(words.sequences(np.arange(6), 4)) == 0


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=5)), st.integers(0, 2**64 - 1))
def test_a_set_of_hashes_is_a_set(added: list[list[int]], other: int) -> None:
    hashes = HashSet()
    for each in added:
        hashes.add(np.array(each, np.uint64))
    everything = sorted({number for each in added for number in each})
    assert hashes.sorted().tolist() == everything
    assert len(hashes) == len(everything)
    looked_for = np.array([*everything, other], np.uint64)
    assert contains(hashes.sorted(), looked_for).tolist() == [number in everything for number in looked_for.tolist()]


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
    assert contains(kept, hashes).sum() == len(kept)


def test_what_a_set_can_hold_it_holds_whole() -> None:
    hashes = HashSet(most=1_000)

    hashes.add(np.arange(1_000, dtype=np.uint64))

    assert (len(hashes), hashes.share) == (1_000, 1.0)
