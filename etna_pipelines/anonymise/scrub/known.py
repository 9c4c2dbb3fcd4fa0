"""Known: sequences of words to look for, millions of them at once, in texts of which every word is looked at once.

What is held of a sequence is a 64-bit hash of its words, and of each of its beginnings: 20 bytes or so each. Hashes
live in memory alone, and two different sequences share one in a million nights once, so they need be neither keyed nor
compared with what they stand for.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.kernels.letters import (
    MARK,
    START,
    Folding,
    character,
    folded,
    folding,
    plain_letters,
    rest_of_word,
    with_word,
)
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers, Values

Hashes = npt.NDArray[np.uint64]
Meanings = npt.NDArray[np.int32]

WIDEST_GAP = 12
"""Bytes between two words of a sequence."""

_BEGINNING = -1
_MOST_OPEN = 8  # sequences that are followed at the same time: each begins with another word
_USUALLY_APART = 256  # bytes between one found sequence and the next; where they are closer, texts are read twice
_SPARSE = 4  # bits of the filter for every sequence there is


@dataclass(frozen=True)
class Found:
    """Where sequences stand in a plain buffer, and which entry is the first to stand there."""

    starts: Numbers
    ends: Numbers
    entries: Numbers


@dataclass(frozen=True)
class Known:
    """Hashes in order, those of beginnings and of whole sequences, with what each sequence means."""

    hashes: Hashes
    meanings: Meanings
    """Of whole sequences: their caller's number, 0 or more."""
    _index: Meanings
    """For each value of the hashes' first bits, the first entry."""
    _filter: npt.NDArray[np.uint8]
    """Bits of the words that sequences begin with: small enough for the processor's cache."""

    @classmethod
    def of(cls, parts: Iterable[tuple[Values, Numbers]]) -> "Known":
        """Sequences of words and what each means, in parts that are read one after another."""
        hashes, meanings = _entries(parts)
        order = np.lexsort((meanings, hashes))
        hashes, meanings = hashes[order], meanings[order]
        bits = max(len(hashes).bit_length(), 4)
        borders = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        index = np.append(np.searchsorted(hashes, borders), len(hashes)).astype(np.int32)
        return cls(hashes, meanings, index, _filter(hashes, bits + _SPARSE))

    def find(self, plain: Plain) -> Found:
        """The sequences in the texts: of those that begin with the same word the longest."""
        if not len(self.hashes):
            nothing = np.empty(0, np.int64)
            return Found(nothing, nothing, nothing)
        search = (plain.buffer, folding(), self.hashes, self.meanings, self._index, self._filter)
        room = np.empty((len(plain.buffer) // _USUALLY_APART + 64, 3), np.int64)
        count = _find(room, *search)
        if count > len(room):
            room = np.empty((count, 3), np.int64)
            _find(room, *search)
        return Found(room[:count, 0], room[:count, 1], room[:count, 2])

    def ends_of(self, entries: Numbers) -> Numbers:
        """Up to where the meanings go that share each entry's sequence."""
        return np.searchsorted(self.hashes, self.hashes[entries], "right")

    def holds(self, sequences: Values) -> Choice:
        """Which of these are known sequences."""
        hashes, whole = _hashes_of(sequences)
        held = np.zeros(len(sequences), np.bool_)
        ends = hashes[whole >= 0]
        known = self.hashes[self.meanings >= 0]
        if len(known):
            places = np.minimum(np.searchsorted(known, ends), len(known) - 1)
            held[whole[whole >= 0]] = known[places] == ends
        return held

    def __len__(self) -> int:
        return int(np.count_nonzero(self.meanings >= 0))


def _entries(parts: Iterable[tuple[Values, Numbers]]) -> tuple[Hashes, Meanings]:
    """Of each part the distinct hashes with what they mean, beginnings (which many names share) once for all."""
    beginnings, hashes, meanings = [np.empty(0, np.uint64)], [], []
    for sequences, means in parts:
        found, whole = _hashes_of(sequences)
        beginnings.append(np.unique(found[whole < 0]))
        hashes.append(found[whole >= 0])
        meanings.append(means[whole[whole >= 0]].astype(np.int32))
    hashes.append(np.unique(np.concatenate(beginnings)))
    meanings.append(np.full(len(hashes[-1]), _BEGINNING, np.int32))
    return np.concatenate(hashes), np.concatenate(meanings)


@kernel
def _filter(hashes: Hashes, bits: int) -> npt.NDArray[np.uint8]:
    bytes_ = np.zeros(1 << (bits - 3), np.uint8)
    for one in hashes:
        place = one >> np.uint64(64 - bits)
        bytes_[place >> np.uint64(3)] |= np.uint8(1) << np.uint8(place & np.uint64(7))
    return bytes_


def _hashes_of(sequences: Values) -> tuple[Hashes, Numbers]:
    """The hash of every beginning of each sequence, and for a whole one its number, -1 for a beginning."""
    plain = Plain.of(sequences)
    return _sequence_hashes(plain.buffer, plain.starts, plain.lengths, folding())


@kernel
def _sequence_hashes(buffer: Bytes, starts: Numbers, lengths: Numbers, folding: Folding) -> tuple[Hashes, Numbers]:
    room = len(starts)
    for length in lengths:
        room += length // 2
    hashes, whole = np.empty(room, np.uint64), np.full(room, -1, np.int64)
    count = 0
    for row in range(len(starts)):
        place, first, sequence = starts[row], count, START
        while place < starts[row] + lengths[row]:
            point, width = character(buffer, place)
            if folded(folding, point) <= MARK:
                place += width
                continue
            word, place = rest_of_word(buffer, place, folding, START, np.uint64(0), 0)
            sequence = with_word(sequence, word)
            hashes[count] = sequence
            count += 1
        if count > first:
            whole[count - 1] = row
    return hashes[:count], whole[:count]


@kernel
def _find(
    found: Numbers,
    buffer: Bytes,
    folding: Folding,
    hashes: Hashes,
    meanings: Meanings,
    index: Meanings,
    filter_: npt.NDArray[np.uint8],
) -> int:
    """Note what is found: where it begins and ends, and its entry. Gives how much there is, noted as far as it fits."""
    index_shift = np.uint64(64 - _bits(len(index) - 1))
    filter_shift = np.uint64(64 - _bits(len(filter_) * 8))
    count = 0
    sequences = np.empty(_MOST_OPEN, np.uint64)  # what is open: its hash so far, where it begins,
    opened = np.empty((_MOST_OPEN, 3), np.int64)  # where it was last whole, and as which entry
    still_open = 0
    place, last = 0, 0
    while place < len(buffer):
        byte = buffer[place]
        begin = place
        if byte >= 0x80:
            point, width = character(buffer, place)
            if folded(folding, point) <= MARK:
                place += width
                continue
            word, place = rest_of_word(buffer, place, folding, START, np.uint64(0), 0)
        elif folding[byte]:
            word = START
            taken, eight = plain_letters(buffer, place)
            while taken == 8:
                word, place = with_word(word, eight), place + 8
                taken, eight = plain_letters(buffer, place)
            place += taken
            if buffer[place] >= 0x80:
                word, place = rest_of_word(buffer, place, folding, word, eight, taken)
            elif taken:
                word = with_word(word, eight)
        else:
            if byte == 0 and still_open:  # a text ends
                for one in range(still_open):
                    count = _noted(found, count, opened, one)
                still_open = 0
            place += 1
            continue
        if still_open and (begin - last > WIDEST_GAP or not _joins(buffer, last, begin)):
            for one in range(still_open):
                count = _noted(found, count, opened, one)
            still_open = 0
        last = place
        kept = 0
        for one in range(still_open):
            sequence = with_word(sequences[one], word)
            entry = _entry(sequence, hashes, index, index_shift)
            if entry >= 0:
                sequences[kept] = sequence
                for part in range(3):
                    opened[kept, part] = opened[one, part]
                _close(opened, kept, place, entry, hashes, meanings)
                kept += 1
            else:
                count = _noted(found, count, opened, one)
        still_open = kept
        sequence = with_word(START, word)
        bit = sequence >> filter_shift
        if still_open < _MOST_OPEN and filter_[bit >> np.uint64(3)] >> (bit & np.uint64(7)) & np.uint64(1):
            entry = _entry(sequence, hashes, index, index_shift)
            if entry >= 0:
                sequences[still_open] = sequence
                opened[still_open, 0], opened[still_open, 2] = begin, -1
                _close(opened, still_open, place, entry, hashes, meanings)
                still_open += 1
    return count


@kernel
def _bits(size: int) -> int:
    bits = 0
    while 1 << bits < size:
        bits += 1
    return bits


@inlined
def _joins(buffer: Bytes, begin: int, end: int) -> bool:
    """Whether what stands between two words may stand in a name: no other text, and no JSON key from its value."""
    return not np.any((buffer[begin:end] == 0) | (buffer[begin:end] == 0x3A))


@inlined
def _entry(sequence: np.uint64, hashes: Hashes, index: Meanings, shift: np.uint64) -> int:
    """The first entry of a hash, -1 where there is none."""
    top = sequence >> shift
    for entry in range(index[top], index[top + np.uint64(1)]):
        if hashes[entry] >= sequence:
            return entry if hashes[entry] == sequence else -1
    return -1


@inlined
def _close(opened: Numbers, one: int, place: int, entry: int, hashes: Hashes, meanings: Meanings) -> None:
    """Note that what is open is whole here, if the entry says so."""
    if meanings[entry] == _BEGINNING:
        entry += 1
        if entry == len(hashes) or hashes[entry] != hashes[entry - 1]:
            return
    opened[one, 1], opened[one, 2] = place, entry


@inlined
def _noted(found: Numbers, count: int, opened: Numbers, one: int) -> int:
    """Add what goes on no further to what is found, if it was whole; gives how much is found."""
    if opened[one, 2] < 0:
        return count
    if count < len(found):
        for part in range(3):
            found[count, part] = opened[one, part]
    return count + 1
