"""The search for known words, sequences of them and phone numbers in raw bytes: one pass, some hundred MB/s.

A table that says which words known sequences begin with, and which sequences may be known, stays in the processor's
cache and leaves few places to look at closely.
"""

from typing import NamedTuple

import numpy as np

from etna_pipelines.anonymise.kernels.eights import EACH, HIGHEST, load, load_some
from etna_pipelines.anonymise.kernels.hash_sets import NOTHING, Index, index, known
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.proof.contacts import IN_NUMBERS, phone_before
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.spelling import (
    IGNORED,
    SEPARATES,
    Hashes,
    Letters,
    begun,
    chained,
    code_at,
    eight_more,
    finished,
    folded,
    signed,
    spelled,
)
from etna_pipelines.anonymise.proof.words import LONGEST
from etna_pipelines.anonymise.values import Bytes, Numbers

SEQUENCE, PHONE = 0, 1
"""Kinds of hits."""

_SLICE = 1 << 13  # bytes whose words are gathered before they are looked up: they stay in the cache
_TAB, _NEWLINE, _PLUS, _COMMA, _COLON, _BACKSLASH = 9, 10, 43, 44, 58, 92
_ZERO, _ONE, _TWO, _EIGHT, _SIXTEEN, _STEP = (np.uint64(number) for number in (0, 1, 2, 8, 16, _SLICE))
_THREE, _FIVE, _SEVEN, _NINE = (np.uint64(number) for number in (3, 5, 7, 9))
_SMALL = EACH * np.uint64(32)
_FIRST = np.array([(1 << 8 * min(length, 8)) - 1 for length in range(17)], np.uint64)
_SECOND = np.array([(1 << 8 * max(length - 8, 0)) - 1 for length in range(17)], np.uint64)
_DIGIT = 48
_COMPLETE = LONGEST  # bits 0 to 3: words that begin sequences of 1 to 4; bits 4 to 7: such sequences themselves
_EDGES = np.isin(np.arange(256), np.frombuffer(b"\t\n\"'<>\\()[]{}", np.uint8))

_IS_LETTER = np.isin(np.arange(256), np.frombuffer(b"nrtbfvux", np.uint8))


class Known(NamedTuple):
    """What is searched for."""

    letters: Letters
    firsts: Bytes
    """A bit for each beginning of hashes: whether words with such a hash begin sequences."""
    firsts_shift: np.uint64
    table: Bytes
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
    words = sum(map(len, begins.values()))
    table, shift = _table(words + sum(map(len, sequences.values())))
    begin, firsts_shift = _table(words)
    for length, hashes in sequences.items():
        table[begins[length] >> shift] |= np.uint8(1 << (length - 1))
        begin[begins[length] >> firsts_shift] = 1
        table[hashes >> shift] |= np.uint8(1 << (length - 1 + _COMPLETE))
    one, two, three, four = (
        index(sequences[length]) if length in sequences else NOTHING for length in range(1, LONGEST + 1)
    )
    phones, emails = index(originals.phones), index(originals.emails)
    return Known(
        originals.letters,
        np.packbits(begin, bitorder="little"),
        firsts_shift,
        table,
        shift,
        (one, two, three, four),
        phones,
        emails,
    )


def _table(most: int) -> tuple[Bytes, np.uint64]:
    """A table with a place for every beginning of hashes, and how far those are to be shifted."""
    bits = min(max((most * 16).bit_length(), 16), 27)
    return np.zeros(1 << bits, np.uint8), np.uint64(64 - bits)


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
    flags, edges = np.zeros(_SLICE + 8, np.uint8), np.empty(_SLICE + 8, np.uint64)
    words, word_ends = np.empty(_SLICE, np.uint64), np.empty(_SLICE, np.uint64)
    hits = marked = count = 0
    turns, position, size = _ZERO, _ZERO, np.uint64(len(raw))
    while True:
        until = min(position + _STEP, size)
        marked = _flagged(raw, position, until, flags, marks, marked)
        turns = _edges_of(flags, position, until, edges, turns)
        if until == size and turns & _ONE:
            edges[turns] = size
            turns += _ONE
        longest = _ZERO
        for edge in range(_ONE, turns, _TWO):
            longest = max(longest, edges[edge] - edges[edge - _ONE])
        most = count + signed(turns + longest)
        if most > len(words):  # a word of other letters than ASCII's may turn out to be many
            words, word_ends = (
                np.append(words, np.empty(most, np.uint64)),
                np.append(word_ends, np.empty(most, np.uint64)),
            )
        count = _hashed(raw, edges[:turns], known_.letters, words, word_ends, count)
        edges[_ZERO] = edges[turns - _ONE] if turns else _ZERO
        turns &= _ONE
        ready = count if until == size else max(count - LONGEST, 0)
        hits = _look_up(raw, known_, words, word_ends, ready, count, room, hits)
        if until == size:
            return hits, marked
        position = until
        count -= ready
        for left in range(count):
            words[left], word_ends[left] = words[ready + left], word_ends[ready + left]


@kernel
def _flagged(raw: Bytes, position: np.uint64, until: np.uint64, flags: Bytes, marks: Numbers, marked: int) -> int:
    """The flags of a slice, after that of the byte before it; also writes down its marks."""
    flags[0] = flags[_STEP]
    if position < until:
        flags[1] = _flag(raw[position - _ONE] if position else np.uint8(0), raw[position])
    for place in range(_ONE, until - position):  # the compiler makes it some dozens of bytes at a time
        flags[place + _ONE] = _flag(raw[position + place - _ONE], raw[position + place])
    filled = until - position
    flags[filled + _ONE : filled + _EIGHT] = 0
    for eight in range(_ONE, filled + _ONE, _EIGHT):
        if load(flags, eight) & (EACH * _TWO):
            for each in range(np.uint64(eight), np.uint64(eight) + _EIGHT):
                if flags[each] & 2:
                    at = position + each - _ONE
                    if marked < len(marks):
                        marks[marked] = at - np.uint64(_IS_LETTER[raw[at]])
                    marked += 1
    return marked


@inlined
def _flag(before: np.uint8, byte: np.uint8) -> np.uint8:
    """1 for what words are made of, if it is no letter of an escape; 2 for a mark, at the second byte of an escape."""
    small = byte | np.uint8(32)
    letter = ((small >= 97) & (small <= 122)) | ((byte >= 48) & (byte <= 57)) | (byte > 127)
    escape = (byte == 110) | (byte == 114) | (byte == 116) | (byte == 98) | (byte == 102) | (byte == 118)
    escaped = (before == _BACKSLASH) & escape
    mark = (
        escaped
        | ((before == _BACKSLASH) & ((byte == 117) | (byte == 120)))
        | (byte == 64)
        | (byte == 37)
        | (byte == 38)
    )
    return np.uint8(letter & (not escaped)) | (np.uint8(mark) << np.uint8(1))


@kernel
def _edges_of(flags: Bytes, position: np.uint64, until: np.uint64, edges: Hashes, turns: np.uint64) -> np.uint64:
    """Add where words begin and end in a slice, in turn, without a branch that would be guessed wrong."""
    for place in range(until - position):
        edges[turns] = position + place
        turns += np.uint64((flags[place] ^ flags[place + _ONE]) & 1)
    return turns


@kernel
def _hashed(raw: Bytes, edges: Hashes, letters: Letters, words: Hashes, word_ends: Hashes, count: int) -> int:
    """Add the hashes of the words between edges and where they end."""
    size, made = np.uint64(len(raw)), np.uint64(count)
    for edge in range(_ONE, np.uint64(len(edges)), _TWO):
        start, end = edges[edge - _ONE], edges[edge]
        length = end - start
        if length > _SIXTEEN or start + _SIXTEEN > size:
            made = _hashed_long(raw, start, end, letters, words, word_ends, made)
            continue
        first, second = load(raw, start) & _FIRST[length], load(raw, start + _EIGHT) & _SECOND[length]
        if (first | second) & HIGHEST:
            made = _hashed_folded(raw, start, end, letters, words, word_ends, made)
            continue
        hash_ = eight_more(letters.seed, first | (_SMALL & _FIRST[length]))
        words[made] = eight_more(hash_, second | (_SMALL & _SECOND[length]))
        word_ends[made] = end
        made += _ONE
    return signed(made)


@inlined
def _hashed_long(
    raw: Bytes, start: np.uint64, end: np.uint64, letters: Letters, words: Hashes, word_ends: Hashes, made: np.uint64
) -> np.uint64:
    """Likewise of one that is long, or near the end."""
    hash_ = letters.seed
    high, place = _ZERO, start
    while place < end or place < start + _SIXTEEN:
        left = min(max(signed(end) - signed(place), 0), 8)
        eight = load_some(raw, signed(place), left)
        high |= eight
        hash_ = eight_more(hash_, eight | (_SMALL & _FIRST[left]))
        place += _EIGHT
    if high & HIGHEST:
        return _hashed_folded(raw, start, end, letters, words, word_ends, made)
    words[made], word_ends[made] = hash_, end
    return made + _ONE


@kernel
def _hashed_folded(
    raw: Bytes, start: np.uint64, end: np.uint64, letters: Letters, words: Hashes, word_ends: Hashes, made: np.uint64
) -> np.uint64:
    """Likewise of what are other letters than ASCII's, and perhaps signs between several words."""
    word = begun(letters)
    position = signed(start)
    while position < signed(end):
        code, length = code_at(raw, position, len(raw))
        letter = folded(code, letters)
        if letter > IGNORED:
            word = spelled(word, letter)
        elif letter == SEPARATES and word[2] != _ZERO:
            words[made], word_ends[made] = finished(word), position
            made += _ONE
            word = begun(letters)
        position += length
    if word[2] != _ZERO:
        words[made], word_ends[made] = finished(word), end
        made += _ONE
    return made


@kernel
def _look_up(
    raw: Bytes, known_: Known, words: Hashes, word_ends: Hashes, ready: int, count: int, room: Hits, hits: int
) -> int:
    """Look the first `ready` of `count` words up, and the sequences that they begin."""
    firsts, shift = known_.firsts, known_.firsts_shift
    size = np.uint64(len(raw))
    begins, digits = np.empty(ready + 1, np.int64), np.empty(ready + 1, np.int64)
    commas = np.empty(ready + 1, np.int64)
    some_begins = some_digits = some_commas = word = _ZERO
    while word < np.uint64(ready):  # which are worth a closer look, without a branch that would be guessed wrong
        end = word_ends[word]
        begins[some_begins], digits[some_digits], commas[some_commas] = word, word, word
        bit = words[word] >> shift
        some_begins += np.uint64(firsts[bit >> _THREE]) >> (bit & _SEVEN) & _ONE
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
