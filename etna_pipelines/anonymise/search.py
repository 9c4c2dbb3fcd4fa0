"""The search for known words, sequences of them and phone numbers in raw bytes: one pass, some hundred MB/s.

A table that says which words known sequences begin with, and which sequences may be known, stays in the processor's
cache and leaves few places to look at closely.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.contacts import IN_NUMBERS, phone_before
from etna_pipelines.anonymise.hash_sets import NOTHING, Index, index, known
from etna_pipelines.anonymise.kernel import inlined, kernel
from etna_pipelines.anonymise.originals import Originals
from etna_pipelines.anonymise.spelling import (
    IGNORED,
    SEPARATES,
    Hashes,
    Letters,
    chained,
    code_at,
    folded,
    number_of,
    signed,
    stepped,
)
from etna_pipelines.anonymise.values import Bytes, Numbers
from etna_pipelines.anonymise.words import LONGEST

SEQUENCE, PHONE = 0, 1
"""Kinds of hits."""

_SLICE = 1 << 14  # bytes whose words are gathered before they are looked up: they stay in the cache
_TAB, _NEWLINE, _PLUS, _COMMA, _COLON, _BACKSLASH = 9, 10, 43, 44, 58, 92
_SMALL_U, _SMALL_X = ord("u"), ord("x")
_ZERO, _ONE, _STEP, _ALL = np.uint64(0), np.uint64(1), np.uint64(_SLICE), np.uint64(2**64 - 1)
_THREE, _FIVE, _SEVEN, _NINE = np.uint64(3), np.uint64(5), np.uint64(7), np.uint64(9)
_DIGIT = 48
_BEGINS, _COMPLETE = (
    15,
    LONGEST,
)  # bits 0 to 3: words that begin sequences of 1 to 4; bits 4 to 7: such sequences themselves
_EDGES = np.isin(np.arange(256), np.frombuffer(b"\t\n\"'<>\\()[]{}", np.uint8))

_SPECIAL = np.isin(np.arange(256), np.frombuffer(b"\\@%&", np.uint8)) | (np.arange(256) > 127)
_ESCAPE_LETTERS = np.isin(np.arange(256), np.frombuffer(b"nrtbfv", np.uint8))


class Known(NamedTuple):
    """What is searched for."""

    letters: Letters
    table: npt.NDArray[np.uint8]
    shift: np.uint64
    sequences: tuple[Index, Index, Index, Index]
    phones: Index
    emails: Index


class Hits(NamedTuple):
    """What was found: kinds, hashes, and from where to where in the bytes."""

    kinds: Numbers
    hashes: Hashes
    starts: Numbers
    ends: Numbers


def known_of(originals: Originals) -> Known:
    """The search for all originals."""
    sequences = originals.sequences()
    begins = {length: originals.begins(length) for length in sequences}
    most = sum(map(len, sequences.values())) + sum(map(len, begins.values()))
    bits = min(max((most * 16).bit_length(), 16), 27)
    shift = np.uint64(64 - bits)
    table: npt.NDArray[np.uint8] = np.zeros(1 << bits, np.uint8)
    for length, hashes in sequences.items():
        table[begins[length] >> shift] |= np.uint8(1 << (length - 1))
        table[hashes >> shift] |= np.uint8(1 << (length - 1 + _COMPLETE))
    one, two, three, four = (
        index(sequences[length]) if length in sequences else NOTHING for length in range(1, LONGEST + 1)
    )
    phones, emails = index(originals.phones), index(originals.emails)
    return Known(originals.letters, table, shift, (one, two, three, four), phones, emails)


def find(raw: Bytes, known_: Known) -> tuple[Hits, Numbers]:
    """The hits in fields that end with tabs and newlines, and the marks: where `@`, `%`, `&` and backslashes stand
    that are worth a closer look."""
    most = 1 << 12
    while True:
        kinds, starts, ends, marks = (np.empty(most, np.int64) for _ in range(4))
        room = Hits(kinds, np.empty(most, np.uint64), starts, ends)
        hits, marked = _find(raw, known_, room, marks)
        if max(hits, marked) <= most:
            return Hits(kinds[:hits], room.hashes[:hits], starts[:hits], ends[:hits]), marks[:marked]
        most = max(hits, marked)


@kernel
def _find(raw: Bytes, known_: Known, room: Hits, marks: Numbers) -> tuple[int, int]:
    # Positions are unsigned here: at a signed one, what a negative one means would be asked for every byte.
    letters = known_.letters
    numbers, masks = np.zeros(256, np.uint64), np.zeros(256, np.uint64)
    numbers[:128] = letters.words
    for byte in range(128):
        masks[byte] = _ALL if numbers[byte] != 0 else _ZERO
    words, word_ends = np.zeros(_SLICE + 8, np.uint64), np.zeros(_SLICE + 8, np.uint64)
    hits = marked = 0
    count = position = hash_ = _ZERO
    size = np.uint64(len(raw))
    while True:
        until = min(position + _STEP, size)
        while position < until:
            byte = raw[position]
            if not _SPECIAL[byte]:
                mask = masks[byte]
                words[count] = hash_
                word_ends[count] = position
                count += np.uint64((mask == _ZERO) & (hash_ != _ZERO))
                hash_ = stepped(hash_, numbers[byte]) & mask
                position += _ONE
                continue
            length = 1
            if byte >= 128:
                code, length = code_at(raw, signed(position), len(raw))
                letter = folded(code, letters)
                if letter == IGNORED:
                    position += np.uint64(length)
                    continue
                if letter != SEPARATES:
                    hash_ = stepped(hash_, number_of(letter, letters))
                    position += np.uint64(length)
                    continue
            else:
                following = raw[position + _ONE] if position + _ONE < size else np.uint8(0)
                escape = byte == _BACKSLASH and _ESCAPE_LETTERS[following]
                if byte != _BACKSLASH or following in (_SMALL_U, _SMALL_X) or escape:
                    if marked < len(marks):
                        marks[marked] = position
                    marked += 1
                length += escape
            words[count] = hash_
            word_ends[count] = position
            count += np.uint64(hash_ != _ZERO)
            hash_ = _ZERO
            position += np.uint64(length)
        if position >= size and hash_ != _ZERO:
            words[count] = hash_
            word_ends[count] = size
            count += _ONE
        ready = signed(count) if position >= size else max(signed(count) - LONGEST, 0)
        hits = _look_up(raw, known_, words, word_ends, ready, signed(count), room, hits)
        if position >= size:
            return hits, marked
        count -= np.uint64(ready)
        for left in range(count):
            words[left] = words[np.uint64(ready) + left]
            word_ends[left] = word_ends[np.uint64(ready) + left]


@kernel
def _look_up(
    raw: Bytes, known_: Known, words: Hashes, word_ends: Hashes, ready: int, count: int, room: Hits, hits: int
) -> int:
    """Look the first `ready` of `count` words up, and the sequences that they begin."""
    table, shift = known_.table, known_.shift
    size = np.uint64(len(raw))
    begins, digits = np.empty(ready + 1, np.int64), np.empty(ready + 1, np.int64)
    commas = np.empty(ready + 1, np.int64)
    some_begins = some_digits = some_commas = word = _ZERO
    while word < np.uint64(ready):  # which are worth a closer look, without a branch that would be guessed wrong
        end = word_ends[word]
        begins[some_begins], digits[some_digits], commas[some_commas] = word, word, word
        some_begins += np.uint64(table[words[word] >> shift] & _BEGINS != 0)
        some_digits += np.uint64(_may_end_phone(raw, end, size))
        some_commas += np.uint64(raw[min(end, size - _ONE)] == _COMMA)
        word += _ONE
    hits = _sequences_at(raw, known_, words, word_ends, begins[:some_begins], count, room, hits)
    seed, (phones, places, first_bits) = known_.letters.seed, known_.phones
    if len(phones):
        for place in digits[:some_digits]:
            last = signed(word_ends[place])
            phone, start = phone_before(raw, last, seed, phones, places, first_bits)
            if start >= 0:
                hits = _put(room, hits, PHONE, phone, start, last)
    if len(known_.sequences[1].hashes):
        hits = _turned_pairs_at(raw, known_, words, word_ends, commas[:some_commas], count, room, hits)
    return hits


@inlined
def _may_end_phone(raw: Bytes, end: np.uint64, size: np.uint64) -> bool:
    """Whether a phone number may end there: digits and what stands between them come before, and it is no part of a
    time (`10:20`) and no time zone (`+00`)."""
    if end < _NINE:
        return False
    before = IN_NUMBERS[raw[end - _THREE]] & IN_NUMBERS[raw[end - _FIVE]] & IN_NUMBERS[raw[end - _SEVEN]]
    before &= IN_NUMBERS[raw[end - _NINE]] & (raw[end - _THREE] != _PLUS)
    following = raw[min(end + _ONE, size - _ONE)]
    timed = (raw[min(end, size - _ONE)] == _COLON) & (following >= _DIGIT) & (following < _COLON)
    return bool((raw[end - _ONE] < _COLON) & before & (not timed))


@inlined
def _sequences_at(
    raw: Bytes, known_: Known, words: Hashes, word_ends: Hashes, places: Numbers, count: int, room: Hits, hits: int
) -> int:
    table, shift = known_.table, known_.shift
    for place in places:
        sequence = words[place]
        begins = table[sequence >> shift]
        for length in range(1, min(LONGEST, count - place) + 1):
            if length > 1:
                sequence = chained(sequence, words[place + length - 1])
            if not begins >> (length - 1) & 1 or not table[sequence >> shift] >> (_COMPLETE + length - 1) & 1:
                continue
            hashes, buckets, bits = known_.sequences[length - 1]
            if known(hashes, buckets, bits, sequence):
                end, last = signed(word_ends[place]), signed(word_ends[place + length - 1])
                if not _is_divided(raw, end, last):
                    hits = _put(room, hits, SEQUENCE, sequence, _start(raw, end, known_.letters), last)
    return hits


@inlined
def _turned_pairs_at(
    raw: Bytes, known_: Known, words: Hashes, word_ends: Hashes, places: Numbers, count: int, room: Hits, hits: int
) -> int:
    """`Lee, Ann` where nothing else stands in the field, or in a quoted part of it: in a list of people it is chance,
    as every two neighbours make one."""
    table, shift = known_.table, known_.shift
    hashes, buckets, bits = known_.sequences[1]
    for place in places:
        if place + 1 == count:
            continue
        pair = chained(words[place + 1], words[place])
        if table[pair >> shift] >> (_COMPLETE + 1) & 1 and known(hashes, buckets, bits, pair):
            start, end = _start(raw, signed(word_ends[place]), known_.letters), signed(word_ends[place + 1])
            alone = (start == 0 or _EDGES[raw[start - 1]]) and (end >= len(raw) or _EDGES[raw[end]])
            if alone and not _is_divided(raw, start, end):
                hits = _put(room, hits, SEQUENCE, pair, start, end)
    return hits


@inlined
def _put(room: Hits, hits: int, kind: int, hash_: np.uint64, start: int, end: int) -> int:
    """One hit more, written down as far as there is room."""
    if hits < len(room.kinds):
        room.kinds[hits], room.hashes[hits], room.starts[hits], room.ends[hits] = kind, hash_, start, end
    return hits + 1


@inlined
def _is_divided(raw: Bytes, start: int, end: int) -> bool:
    """Whether a field ends in between."""
    for position in range(start, end):  # noqa: SIM110 - kernels know no generators
        if raw[position] == _TAB or raw[position] == _NEWLINE:
            return True
    return False


@inlined
def _start(raw: Bytes, end: int, letters: Letters) -> int:
    """Where the word that ends there begins, as far as ASCII can tell."""
    position = end
    while position > 0 and (raw[position - 1] >= 128 or letters.words[raw[position - 1]] != 0):
        position -= 1
    return position
