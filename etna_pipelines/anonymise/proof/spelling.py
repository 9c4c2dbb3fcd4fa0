"""Spelling, as the proof sees it: which characters words are made of, and the keyed hash of a word, byte by byte.

A word is letters and digits, without regard to case and accents: `SIÂN`, `Siân` (composed or not) and `sian` are one.
Hashes live in memory only, under a key as long-lived as the process, so they need not be cryptographic. On purpose
nothing of this is shared with scrub: a mistake in one must not hide itself in the other.
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.kernel import inlined
from etna_pipelines.anonymise.values import Bytes

Hash = np.uint64
Hashes = npt.NDArray[np.uint64]
Word = tuple[np.uint64, np.uint64, np.uint64]
"""A word that is being read: the hash of its full eights of bytes, the bytes after them, and how many it has in all."""
Codes = npt.NDArray[np.uint32]

SEPARATES, IGNORED = 0, 1
"""What a character may be folded to besides a letter: what divides words, and what is nothing within one."""

_TABLED = 0x20000  # code points; beyond them are CJK ideographs up to _LETTERS, and nothing that makes words
_LETTERS = 0x40000
_NOTHING = "\u00ad\u200c\u200d\u2060\ufeff"  # soft hyphen and joiners: seen by nobody

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: 2^64 divided by the golden ratio
_ZERO, _ONE, _SEVEN, _EIGHT, _HALF = (np.uint64(number) for number in (0, 1, 7, 8, 32))
_TURN, _BACK = np.uint64(5), np.uint64(59)


class Letters(NamedTuple):
    """What kernels hash characters with."""

    seed: np.uint64
    words: Hashes
    """By ASCII code: a random number for a letter (the same for both cases) or digit, 0 for all others."""
    signs: Hashes
    """By ASCII code: likewise a random number for every character."""
    folds: Codes
    """By code point: the lower-case letter without accents, SEPARATES or IGNORED."""


def keyed(seed: int) -> Letters:
    """The letters of a run: another seed makes other hashes."""
    numbers = np.random.default_rng(seed).integers(1, 1 << 64, 128, np.uint64)
    characters = [chr(code) for code in range(128)]
    lower = numbers[[ord(character.lower()) for character in characters]]
    alphanumeric = np.array([character.isalnum() for character in characters])
    return Letters(np.uint64(seed), np.where(alphanumeric, lower, np.uint64(0)), lower, _folds())


@lru_cache
def _folds() -> Codes:
    return np.array([_fold(chr(code)) for code in range(_TABLED)], np.uint32)


def _fold(character: str) -> int:
    if character in _NOTHING or unicodedata.category(character).startswith("M"):
        return IGNORED
    if not character.isalnum():
        return SEPARATES
    lower = character.lower()
    bare = [c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.category(c).startswith("M")]
    return ord(bare[0] if len(bare) == 1 else lower[0])


@inlined
def signed(number: np.uint64) -> int:
    """As kernels calculate with elsewhere: with a signed and an unsigned one they would with fractions."""
    return np.int64(number)  # type: ignore[return-value]  # in a kernel it is an int


@inlined
def code_at(buffer: Bytes, position: int, end: int) -> tuple[int, int]:
    """The code point at a position and its bytes; 0 and 1 for what is no UTF-8."""
    first = int(buffer[position])
    if first < 0x80:
        return first, 1
    if 0xC2 <= first < 0xE0:
        code, length = first & 0x1F, 2
    elif 0xE0 <= first < 0xF0:
        code, length = first & 0x0F, 3
    elif 0xF0 <= first < 0xF5:
        code, length = first & 0x07, 4
    else:
        return 0, 1
    if position + length > end:
        return 0, 1
    for offset in range(1, length):
        following = int(buffer[position + offset])
        if following & 0xC0 != 0x80:
            return 0, 1
        code = code << 6 | following & 0x3F
    return code, length


@inlined
def folded(code: int, letters: Letters) -> int:
    """The letter that a code point counts as, SEPARATES or IGNORED."""
    if code < _TABLED:
        return int(letters.folds[code])
    return code if code < _LETTERS else SEPARATES


@inlined
def begun(letters: Letters) -> Word:
    """A word without letters."""
    return letters.seed, _ZERO, _ZERO


@inlined
def number_of(letter: int, letters: Letters) -> Hash:
    """The random number of a folded letter (by its code point)."""
    return letters.words[letter] if letter < 128 else mixed(np.uint64(letter) ^ letters.seed)


@inlined
def spelled(word: Word, letter: int) -> Word:
    """A word and one folded letter more: three bytes of seven bits for what is not ASCII."""
    if letter < 128:  # small letters and digits stay what they are
        return _longer(word, np.uint64(letter | 32))
    for turn in range(3):
        word = _longer(word, np.uint64(letter >> 7 * turn & 127 | 128))
    return word


@inlined
def _longer(word: Word, byte: np.uint64) -> Word:
    hash_, eight, size = word
    eight |= byte << ((size & _SEVEN) * _EIGHT)
    size += _ONE
    if size & _SEVEN == _ZERO:
        return eight_more(hash_, eight), _ZERO, size
    return hash_, eight, size


@inlined
def finished(word: Word) -> Hash:
    """The hash of a word."""
    hash_, eight, size = word
    if size & _SEVEN:
        hash_ = eight_more(hash_, eight)
    return eight_more(hash_, _ZERO) if size <= _EIGHT else hash_


@inlined
def eight_more(hash_: Hash, eight: np.uint64) -> Hash:
    """The hash of what was read so far and eight bytes more; every word has sixteen at least, the last ones zeros."""
    hash_ = (hash_ ^ eight) * _FACTOR
    return hash_ ^ (hash_ >> _HALF)


@inlined
def stepped(hash_: Hash, number: Hash) -> Hash:
    """The hash of what was read so far and one character more."""
    return ((hash_ << _TURN) | (hash_ >> _BACK)) + number


@inlined
def chained(sequence: Hash, word: Hash) -> Hash:
    """The hash of a sequence of words and one word more."""
    return sequence * _FACTOR + word


@inlined
def mixed(number: Hash) -> Hash:
    """A number that looks random (SplitMix64: Steele, Lea and Flood 2014)."""
    number += _FACTOR
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@inlined
def whole_hash(buffer: Bytes, start: int, end: int, letters: Letters) -> Hash:
    """The hash of all characters of a text, signs too, without regard to case and accents."""
    hash_ = np.uint64(0)
    signs = letters.signs
    position = start
    while position < end:
        if buffer[position] < 128:
            hash_ = stepped(hash_, signs[buffer[position]])
            position += 1
            continue
        code, length = code_at(buffer, position, end)
        letter = folded(code, letters)
        if letter != IGNORED:
            hash_ = stepped(hash_, number_of(letter if letter != SEPARATES else code, letters))
        position += length
    return hash_
