import pytest

from etna_pipelines.anonymise.proof.contacts import hashes_of
from etna_pipelines.anonymise.proof.spelling import IGNORED, SEPARATES, keyed

LETTERS = keyed(4711)


@pytest.mark.parametrize(
    ("character", "letter"), [("Â", "a"), ("ŵ", "w"), ("ß", "ß"), ("É", "e"), ("７", "7"), ("日", "日"), ("Ж", "ж")]
)
def test_a_letter_counts_without_case_and_accents(character: str, letter: str) -> None:
    assert chr(LETTERS.folds[ord(character)]) == letter


@pytest.mark.parametrize("character", ["\u0302", "\u00ad", "\u200d", "\ufe0f"])
def test_what_nobody_sees_within_a_word_is_nothing(character: str) -> None:
    assert LETTERS.folds[ord(character)] == IGNORED


@pytest.mark.parametrize("character", ["–", "’", "\u00a0", "\u200b", "🐑", "€"])
def test_signs_divide_words(character: str) -> None:
    assert LETTERS.folds[ord(character)] == SEPARATES


def test_whole_texts_have_a_hash_without_regard_to_case_and_accents_but_with_their_signs() -> None:
    assert len(hashes_of(["Siân@b.co", "SIAN@B.CO", "sia\u0302n@b.co"], LETTERS)) == 1
    assert len(hashes_of(["sian@b.co", "sian@b-co", "sian@bco", "sian@b.co "], LETTERS)) == 4
