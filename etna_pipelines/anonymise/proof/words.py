"""Words of values as keyed 64-bit hashes.

Words follow one another inside a value, at most LONGEST of them make a sequence; whatever stands between two of them.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.hash_sets import Index, known
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.proof.spelling import (
    IGNORED,
    SEPARATES,
    Hashes,
    Letters,
    begun,
    chained,
    code_at,
    finished,
    folded,
    spelled,
)
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

LONGEST = 4
"""Words of a sequence that are looked at."""

SHORTEST = 4
"""Characters that a single word needs to point to a person by itself."""

SECRET_LENGTH = 12
"""Bytes that a word of a secret needs: shorter ones happen by chance."""

_SHORT_SECRET = 8  # bytes that letters and digits need together: a number of National Insurance has nine
_HYPHEN, _SLASH, _SMALL_F = ord("-"), ord("/"), ord("f")
_SEEN = 13  # bits of the table of what a block said lately: 64 KB stay in the processor's cache
_APOSTROPHE, _CURLED, _UNDERSCORE, _SPACE, _AFTER_DIGITS = ord("'"), ord("’"), ord("_"), ord(" "), ord(":")


class Sequences(NamedTuple):
    """Sequences of words. Most are there once; what comes again much later may be there again."""

    hashes: Hashes
    firsts: Hashes
    """The hashes of the words that they begin with; 0 where that word came shortly before."""
    counts: npt.NDArray[np.uint8]
    """How many words each has."""


def names_of(values: Values, letters: Letters, indistinct: Index) -> Sequences:
    """Those of two words and more; one word alone where it stands alone and is distinctive.

    `indistinct`: the sequences that are no sign of anybody. NULL makes none, here and below.
    """
    return Sequences(*_names(values.buffer, values.starts, values.lengths, letters, indistinct, False))


def handles_of(values: Values, letters: Letters, indistinct: Index) -> Sequences:
    """Those of all lengths, of distinctive values."""
    return Sequences(*_names(values.buffer, values.starts, values.lengths, letters, indistinct, True))


def secrets_of(values: Values, letters: Letters) -> Sequences:
    """Long words alone, and values that underscores alone divide. Where no word is long, and of a UUID (whose last word
    may name a machine): the value's words, of many the first. Their count is 0 where that would be found by chance."""
    return Sequences(*_secrets(values.buffer, values.starts, values.lengths, letters))


@inlined
def _read(
    buffer: Bytes, start: int, end: int, letters: Letters, joining: bool, words: Hashes, count: int
) -> tuple[int, bool, bool]:
    """Add the words of a value to `words` as far as there is room; `joining` reads over apostrophes.

    Returns how many there are then, whether there is an apostrophe, and whether they are too short to point to a
    person, or digits alone.
    """
    numbers = letters.words
    word = begun(letters)
    apostrophes = False
    characters, digits = 0, 0
    position = start
    while position < end and count < LONGEST:
        code = int(buffer[position])
        characters += 1
        if code < 128:
            position += 1
            if numbers[code] != 0:
                digits += code < _AFTER_DIGITS
                word = spelled(word, code)
                continue
        else:
            code, length = code_at(buffer, position, end)
            position += length
            letter = folded(code, letters)
            if letter == IGNORED:
                continue
            if letter != SEPARATES:
                word = spelled(word, letter)
                continue
        if code in (_APOSTROPHE, _CURLED):
            apostrophes = True
            if joining:
                continue
        if word[2] != 0:
            words[count] = finished(word)
            count += 1
            word = begun(letters)
    if word[2] != 0 and count < LONGEST:
        words[count] = finished(word)
        count += 1
    return count, apostrophes, characters < SHORTEST or digits == characters


@inlined
def _sequence(words: Hashes, count: int) -> np.uint64:
    total: np.uint64 = words[0]
    for position in range(1, count):
        total = chained(total, words[position])
    return total


@inlined
def trimmed(buffer: Bytes, start: int, end: int) -> tuple[int, int]:
    """Without the spaces around it."""
    while start < end and buffer[start] <= _SPACE:
        start += 1
    while end > start and buffer[end - 1] <= _SPACE:
        end -= 1
    return start, end


@inlined
def _is_spaced(buffer: Bytes, start: int, end: int) -> bool:
    for position in range(start, end):  # noqa: SIM110 - kernels know no generators
        if buffer[position] <= _SPACE:
            return True
    return False


@kernel
def _names(
    buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters, indistinct: Index, handles: bool
) -> tuple[Hashes, Hashes, npt.NDArray[np.uint8]]:
    hashes, firsts, counts, seen = _room(2 * len(starts))
    made = 0
    nobody, places, shift = indistinct
    words = np.empty(LONGEST, np.uint64)
    for row in range(len(starts)):
        start, end = trimmed(buffer, starts[row], starts[row] + lengths[row])
        count, apostrophes, dull = _read(buffer, start, end, letters, False, words, 0)
        for joining in range(2 if apostrophes else 1):
            if joining:
                count, _, dull = _read(buffer, start, end, letters, True, words, 0)
            alone = count == 1 or handles
            if count == 0 or (alone and dull) or (count == 1 and not handles and _is_spaced(buffer, start, end)):
                continue
            sequence = _sequence(words, count)
            if not (alone and known(nobody, places, shift, sequence)):
                made = _put(hashes, firsts, counts, seen, made, sequence, words[0], count)
    return hashes[:made], firsts[:made], counts[:made]


@kernel
def _secrets(
    buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters
) -> tuple[Hashes, Hashes, npt.NDArray[np.uint8]]:
    room = 2 * len(starts)
    for length in lengths:
        room += max(length, 0) // SECRET_LENGTH
    hashes, firsts, counts, seen = _room(room)
    made = 0
    words = np.empty(LONGEST, np.uint64)
    numbers = letters.words
    for row in range(len(starts)):
        end = starts[row] + lengths[row]
        word = begun(letters)
        begin = position = starts[row]
        underscores, others = 0, 0
        has_long = False
        is_uuid = _is_uuid(buffer, starts[row], lengths[row])
        while position < end and not is_uuid:
            code, length = int(buffer[position]), 1
            letter = code if code < 128 and numbers[code] != 0 else SEPARATES
            if code >= 128:
                code, length = code_at(buffer, position, end)
                letter = folded(code, letters)
                if letter == IGNORED:
                    position += length
                    continue
            if letter != SEPARATES:
                word = spelled(word, letter)
            else:
                if position - begin >= SECRET_LENGTH:
                    has_long = True
                    words[0] = finished(word)
                    made = _put(hashes, firsts, counts, seen, made, words[0], words[0], 1)
                word = begun(letters)
                begin = position + length
                underscores += code == _UNDERSCORE
                others += code != _UNDERSCORE
            position += length
        if end - begin >= SECRET_LENGTH and not is_uuid:
            has_long = True
            words[0] = finished(word)
            made = _put(hashes, firsts, counts, seen, made, words[0], words[0], 1)
        if underscores and not others and lengths[row] >= SECRET_LENGTH:
            count, _, _ = _read(buffer, starts[row], end, letters, False, words, 0)
            if count > 1:
                made = _put(hashes, firsts, counts, seen, made, _sequence(words, count), words[0], count)
        elif not has_long:
            count, _, _ = _read(buffer, starts[row], end, letters, False, words, 0)
            if count:
                says = count if _says_enough(buffer, starts[row], end, letters) else 0
                made = _put(hashes, firsts, counts, seen, made, _sequence(words, count), words[0], says)
    return hashes[:made], firsts[:made], counts[:made]


@inlined
def _is_uuid(buffer: Bytes, start: int, length: int) -> bool:
    """Whether hyphens stand where those of a UUID do."""
    if length != 36:
        return False
    return bool(buffer[start + 8] == buffer[start + 13] == buffer[start + 18] == buffer[start + 23] == _HYPHEN)


@inlined
def _says_enough(buffer: Bytes, start: int, end: int, letters: Letters) -> bool:
    """Whether the first words of a secret, none of them long, are unlikely to be written elsewhere by chance: digits
    and letters as long as a number of National Insurance, else as long as a word of a secret; more words than are
    looked at are no prose, and no link to a site."""
    numbers = letters.words
    count, characters, digits, past_f = 0, 0, 0, 0
    inside, spaced, link = False, False, False
    for position in range(start, end):
        code = int(buffer[position])
        is_letter = code >= 128 or numbers[code] != 0
        if is_letter and not inside:
            count += 1
        inside = is_letter
        spaced = spaced or code <= _SPACE
        link = link or (code == _SLASH and position > start and buffer[position - 1] == _SLASH)
        if is_letter and count <= LONGEST:
            characters += 1
            digits += code < _AFTER_DIGITS
            past_f += code >= _AFTER_DIGITS and code | 0x20 > _SMALL_F
    if link or (count > LONGEST and spaced and not digits):
        return False
    mixed = digits > 0 and (past_f > 0 or (count > 1 and digits < characters))
    return characters >= (_SHORT_SECRET if mixed else SECRET_LENGTH)


@inlined
def _room(size: int) -> tuple[Hashes, Hashes, npt.NDArray[np.uint8], Hashes]:
    return (
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
        np.empty(size, np.uint8),
        np.zeros(1 << _SEEN, np.uint64),
    )


@inlined
def _put(
    hashes: Hashes,
    firsts: Hashes,
    counts: npt.NDArray[np.uint8],
    seen: Hashes,
    made: int,
    sequence: np.uint64,
    first: np.uint64,
    count: int,
) -> int:
    if not _is_new(seen, sequence):
        return made
    hashes[made] = sequence
    firsts[made] = first if _is_new(seen, first + np.uint64(count)) else np.uint64(0)
    counts[made] = count
    return made + 1


@inlined
def _is_new(seen: Hashes, hash_: np.uint64) -> bool:
    """False for what came shortly before."""
    slot = hash_ >> np.uint64(64 - _SEEN)
    if seen[slot] == hash_:
        return False
    seen[slot] = hash_
    return True
