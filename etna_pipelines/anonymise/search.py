"""The search for known words, sequences of them and phone numbers in raw bytes: one pass, some hundred MB/s.

A table that says which words known sequences begin with, and which sequences may be known, stays in the processor's
cache and leaves few places to look at closely.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.contacts import phone_before
from etna_pipelines.anonymise.kernel import kernel
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
    stepped,
)
from etna_pipelines.anonymise.values import Bytes, Numbers
from etna_pipelines.anonymise.words import LONGEST, known

SEQUENCE, PHONE = 0, 1
"""Kinds of hits."""

_SLICE = 1 << 14  # bytes whose words are gathered before they are looked up: they stay in the cache
_TAB, _NEWLINE, _COMMA, _BACKSLASH = 9, 10, 44, 92
_COMPLETE = LONGEST  # bits 0 to 3: words that begin sequences of 1 to 4; bits 4 to 7: such sequences themselves
_EDGES = np.isin(np.arange(256), np.frombuffer(b"\t\n\"'<>\\()[]{}", np.uint8))

_SPECIAL = np.isin(np.arange(256), np.frombuffer(b"\\@%&", np.uint8)) | (np.arange(256) > 127)
_ESCAPE_LETTERS = np.isin(np.arange(256), np.frombuffer(b"nrtbfv", np.uint8))


class Known(NamedTuple):
    """What is searched for."""

    letters: Letters
    table: npt.NDArray[np.uint8]
    shift: np.uint64
    sequences: tuple[Hashes, Hashes, Hashes, Hashes]
    phones: Hashes
    emails: Hashes


class Hits(NamedTuple):
    """What was found, in order: kinds, hashes, and from where to where in the bytes."""

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
    nothing = np.empty(0, np.uint64)
    one, two, three, four = (sequences.get(length, nothing) for length in range(1, LONGEST + 1))
    return Known(originals.letters, table, shift, (one, two, three, four), originals.phones, originals.emails)


def find(raw: Bytes, known_: Known) -> tuple[Hits, Numbers]:
    """The hits in fields that end with tabs and newlines, and the marks: where `@`, `%`, `&` and backslashes stand
    that are worth a closer look."""
    room = 1 << 12
    while True:
        kinds, starts, ends, marks = (np.empty(room, np.int64) for _ in range(4))
        hashes = np.empty(room, np.uint64)
        hits, marked = _find(raw, known_, kinds, hashes, starts, ends, marks)
        if max(hits, marked) <= room:
            return Hits(kinds[:hits], hashes[:hits], starts[:hits], ends[:hits]), marks[:marked]
        room = max(hits, marked)


@kernel
def _find(
    raw: Bytes,
    known_: Known,
    kinds: Numbers,
    hashes: Hashes,
    starts: Numbers,
    ends: Numbers,
    marks: Numbers,
) -> tuple[int, int]:
    letters = known_.letters
    numbers = np.zeros(256, np.uint64)
    numbers[:128] = letters.words
    words = np.zeros(_SLICE + 8, np.uint64)
    word_ends = np.zeros(_SLICE + 8, np.int64)
    count = hits = marked = position = 0
    hash_ = np.uint64(0)
    size = len(raw)
    while True:
        until = min(position + _SLICE, size)
        while position < until:
            byte = raw[position]
            if not _SPECIAL[byte]:
                number = numbers[byte]
                words[count] = hash_
                word_ends[count] = position
                count += (number == 0) & (hash_ != 0)
                hash_ = stepped(hash_, number) if number != 0 else np.uint64(0)
                position += 1
                continue
            length = 1
            if byte >= 128:
                code, length = code_at(raw, position, size)
                letter = folded(code, letters)
                if letter == IGNORED:
                    position += length
                    continue
                if letter != SEPARATES:
                    hash_ = stepped(hash_, number_of(letter, letters))
                    position += length
                    continue
            else:
                following = raw[position + 1] if position + 1 < size else np.uint8(0)
                escape = byte == _BACKSLASH and _ESCAPE_LETTERS[following]
                if byte != _BACKSLASH or following in (ord("u"), ord("x")) or (escape and position + 2 < size):
                    if marked < len(marks):
                        marks[marked] = position
                    marked += 1
                length += escape
            words[count] = hash_
            word_ends[count] = position
            count += hash_ != 0
            hash_ = np.uint64(0)
            position += length
        if position >= size and hash_ != 0:
            words[count] = hash_
            word_ends[count] = size
            count += 1
            hash_ = np.uint64(0)
        ready = count if position >= size else max(count - LONGEST, 0)
        hits = _look_up(raw, known_, words, word_ends, ready, count, kinds, hashes, starts, ends, hits)
        if position >= size:
            return hits, marked
        for left in range(count - ready):
            words[left] = words[ready + left]
            word_ends[left] = word_ends[ready + left]
        count -= ready


@kernel
def _look_up(
    raw: Bytes,
    known_: Known,
    words: Hashes,
    word_ends: Numbers,
    ready: int,
    count: int,
    kinds: Numbers,
    hashes: Hashes,
    starts: Numbers,
    ends: Numbers,
    hits: int,
) -> int:
    """Look the first `ready` of `count` words up, and the sequences that they begin."""
    table, shift = known_.table, known_.shift
    any_phones = len(known_.phones) > 0
    any_pairs = len(known_.sequences[1]) > 0
    for word in range(ready):
        begins = table[words[word] >> shift]
        end = word_ends[word]
        if begins & 15:
            sequence = words[word]
            for length in range(1, min(LONGEST, count - word) + 1):
                if length > 1:
                    sequence = chained(sequence, words[word + length - 1])
                if not begins >> (length - 1) & 1 or not table[sequence >> shift] >> (_COMPLETE + length - 1) & 1:
                    continue
                last = word_ends[word + length - 1]
                if known(known_.sequences[length - 1], sequence) and not _is_divided(raw, end, last):
                    if hits < len(kinds):
                        kinds[hits], hashes[hits] = SEQUENCE, sequence
                        starts[hits], ends[hits] = _start(raw, end, known_.letters), last
                    hits += 1
        if any_phones and 48 <= raw[end - 1] < 58:
            phone, start = phone_before(raw, end, known_.letters, known_.phones)
            if start >= 0:
                if hits < len(kinds):
                    kinds[hits], hashes[hits], starts[hits], ends[hits] = PHONE, phone, start, end
                hits += 1
        if any_pairs and end < len(raw) and raw[end] == _COMMA and word + 1 < count:
            pair = chained(words[word + 1], words[word])
            if table[pair >> shift] >> (_COMPLETE + 1) & 1 and known(known_.sequences[1], pair):
                start, last = _start(raw, end, known_.letters), word_ends[word + 1]
                if _is_all(raw, start, last) and not _is_divided(raw, end, last):
                    if hits < len(kinds):
                        kinds[hits], hashes[hits], starts[hits], ends[hits] = SEQUENCE, pair, start, last
                    hits += 1
    return hits


@kernel
def _is_divided(raw: Bytes, start: int, end: int) -> bool:
    """Whether a field ends in between."""
    for position in range(start, end):  # noqa: SIM110 - kernels know no generators
        if raw[position] == _TAB or raw[position] == _NEWLINE:
            return True
    return False


@kernel
def _is_all(raw: Bytes, start: int, end: int) -> bool:
    """Whether nothing else stands in a field, or in a quoted part of it: `Lee, Ann` in a list of people is chance."""
    return (start == 0 or _EDGES[raw[start - 1]]) and (end >= len(raw) or _EDGES[raw[end]])


@kernel
def _start(raw: Bytes, end: int, letters: Letters) -> int:
    """Where the word that ends there begins, as far as ASCII can tell."""
    position = end
    while position > 0 and (raw[position - 1] >= 128 or letters.words[raw[position - 1]] != 0):
        position -= 1
    return position
