"""Letters: which characters words are made of, and each without its accents and in lower case.

Two spellings of one name are one sequence of words here: `Siân Llŷr-Ŵyn`, `SIAN LLYR-WYN` and `sian_llyr-wyn`.
"""

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.eights import EACH, HIGHEST, load, lower
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.values import Bytes

Folding = npt.NDArray[np.uint32]

SEPARATOR, MARK = 0, 1
"""What a character is that is no letter and no digit: it ends a word, or it only changes the letter before it."""

_UNACCENTED = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ß": "s", "æ": "a", "œ": "o"}
"""Letters that Unicode doesn't decompose. Of two letters in one, the first."""

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060"
_PLANES = 0x20000  # beyond these two planes there are ideographs alone, which stand for themselves

_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: 2^64 divided by the golden ratio
START = np.uint64(0xCBF29CE484222325)
"""The hash of the empty word, and of the empty sequence of words."""


@lru_cache
def folding() -> Folding:
    """For each code point: SEPARATOR, MARK, or the letter that it is without accents and in lower case."""
    table = np.zeros(_PLANES, np.uint32)
    for point in range(_PLANES):
        character = chr(point)
        if character.isalnum():
            table[point] = ord(_folded(character))
        elif character in _INVISIBLE or unicodedata.category(character).startswith("M"):
            table[point] = MARK
    return table


def _folded(character: str) -> str:
    lower = unicodedata.normalize("NFKD", character).lower()[0]
    return _UNACCENTED.get(lower, lower)


@inlined
def character(buffer: Bytes, place: int) -> tuple[int, int]:
    """The code point at a place of UTF-8 text, and how many bytes it takes."""
    first = int(buffer[place])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | int(buffer[place + 1]) & 0x3F, 2
    second = int(buffer[place + 1]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | int(buffer[place + 2]) & 0x3F, 3
    third = int(buffer[place + 2]) & 0x3F
    return (first & 0x07) << 18 | second << 12 | third << 6 | int(buffer[place + 3]) & 0x3F, 4


@inlined
def folded(folding: Folding, point: int) -> int:
    """SEPARATOR, MARK or the folded letter."""
    return int(folding[point]) if point < len(folding) else point


@inlined
def plain_letters(buffer: Bytes, place: int) -> tuple[int, np.uint64]:
    """How many of the eight bytes from a place on are ASCII letters and digits before another, and those in lower case.

    Adding what is missing to 128 sets a byte's highest bit where the byte is at least `a`, more than `z` and so on."""
    eight = load(buffer, place)
    small = lower(eight)
    low = small & ~HIGHEST
    letters = (low + EACH * np.uint64(128 - 97)) & ~(low + EACH * np.uint64(127 - 122))
    digits = (low + EACH * np.uint64(128 - 48)) & ~(low + EACH * np.uint64(127 - 57))
    others = ~((letters | digits) & ~eight) & HIGHEST
    before = ((others & (~others + np.uint64(1))) >> np.uint64(7)) - np.uint64(1)
    return int(((before & EACH) * EACH) >> np.uint64(56)), small & before


@kernel
def rest_of_word(
    buffer: Bytes, place: int, folding: Folding, hash_: np.uint64, group: np.uint64, filled: int
) -> tuple[np.uint64, int]:
    """The hash of a word from a place on, and where it ends; a NUL must stand behind it.

    Letters fill groups of eight bytes, which are hashed when full; so what `plain_letters` gives is a group, too.
    """
    while True:
        point, width = character(buffer, place)
        letter = folded(folding, point)
        if letter == SEPARATOR:
            return (with_word(hash_, group) if filled else hash_), place
        while letter > 0 and letter != MARK:
            group |= np.uint64(letter & 0xFF) << np.uint64(8 * filled)
            letter, filled = letter >> 8, filled + 1
            if filled == 8:
                hash_, group, filled = with_word(hash_, group), np.uint64(0), 0
        place += width


@inlined
def with_word(sequence: np.uint64, word: np.uint64) -> np.uint64:
    """The hash of a sequence of words that goes on with a word; the empty one is START."""
    mixed = (sequence ^ word ^ (word >> np.uint64(29))) * _MIX
    return mixed ^ (mixed >> np.uint64(32))
