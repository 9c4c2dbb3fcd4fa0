"""COPY text: blocks of whole lines to columns and back, byte for byte.

The format is PostgreSQL's (documentation of COPY, "Text Format"): fields between tabs, rows between newlines, NULL is
`\\N`, and backslash escapes for the characters that would be mistaken for them. Only columns that a rule changes are
ever unescaped; all others pass as they are. Escapes that COPY reads but never writes (octal, hex) are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from etna_pipelines.anonymise.kernels.eights import EACH, HIGHEST, SLACK, copy, load, load_some, store
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.values import NULL_LENGTH, Bytes, Choice, Numbers, Values
from etna_pipelines.errors import ValueMalformed

_TAB, _NEWLINE, _BACKSLASH, _N = (np.uint8(byte) for byte in b"\t\n\\N")


def _letters() -> tuple[Bytes, Bytes]:
    """By byte: the letter that a character is escaped with, and the character that a letter stands for; else 0."""
    escaped, meant = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for character, letter in zip(b"\\\b\f\n\r\t\v", b"\\bfnrtv", strict=True):
        escaped[character], meant[letter] = letter, character
    return escaped, meant


_LETTER, _MEANT = _letters()
_NONE = np.empty(0, np.uint8)
_BACKSLASHES, _FOURTEENS, _ALL = EACH * np.uint64(92), EACH * np.uint64(14), ~np.uint64(0)


@dataclass(frozen=True)
class Fields:
    """The raw (still escaped) fields of a block of whole lines."""

    raw: Bytes
    ends: Numbers
    """Where each field ends, row after row: the place of its tab or newline."""
    width: int
    has_escapes: bool
    """Whether any field is escaped; where none is, nothing needs to be looked for in it."""

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.ends) // max(self.width, 1)

    def values(self, position: int) -> Values:
        """The values of a column. Raises ValueMalformed for escapes that COPY does not write."""
        starts, lengths = _places(self.raw, self.ends, self.width, position)
        if not self.has_escapes:
            return Values(self.raw, starts, lengths)
        buffer, places, sizes, bad = _unescaped(self.raw, starts, lengths)
        if bad >= 0:
            raise ValueMalformed(bad, "holds a backslash that COPY does not write")
        return Values(buffer, places, sizes)

    def written(self, changed: Mapping[int, Values], kept: Choice | None = None) -> Bytes:
        """The block with other values in some columns; `kept` says which of its rows stay."""
        columns = sorted(changed)
        buffers = {id(values.buffer): values.buffer for values in changed.values()}
        before = dict(zip(buffers, np.cumsum([0, *map(len, buffers.values())]).tolist(), strict=False))
        plain = {identity: not _has_specials(buffer) for identity, buffer in buffers.items()}
        starts, lengths = (np.empty((len(columns), len(self)), np.int64) for _ in range(2))
        for number, values in enumerate(changed[column] for column in columns):
            np.add(values.starts, before[id(values.buffer)], out=starts[number])
            lengths[number] = values.lengths
        joined = next(iter(buffers.values())) if len(buffers) == 1 else np.concatenate([_NONE, *buffers.values()])
        joined.flags.writeable = False
        return _written(
            self.raw,
            self.ends,
            max(self.width, 1),
            np.ones(len(self), np.bool_) if kept is None else kept,
            np.array(columns, np.int64),
            joined,
            starts,
            lengths,
            np.array([plain[id(changed[column].buffer)] for column in columns], np.bool_),
        )


def split(block: bytes, width: int) -> Fields:
    """A block of whole lines cut into the fields of `width` columns.

    Raises ValueMalformed, without a value, for the first row that has another number of fields or is not UTF-8.
    """
    raw = np.frombuffer(block, np.uint8)
    ends, has_escapes = _ends(raw)
    bad = _misfit(raw, ends, width, has_escapes)
    if bad >= 0:
        raise ValueMalformed(bad, f"has not {width} columns")
    nul = block.find(b"\0")
    if nul >= 0:
        raise ValueMalformed(block.count(b"\n", 0, nul), "holds a NUL, which PostgreSQL's text has not")
    if not block.isascii():
        _refuse_other_encodings(block, width)
    return Fields(raw, ends, width, has_escapes)


def _refuse_other_encodings(block: bytes, width: int) -> None:
    try:
        pl.Series([block]).cast(pl.String)  # twice as fast as decoding
    except pl.exceptions.PolarsError:
        try:
            block.decode()
        except UnicodeDecodeError as problem:
            raise ValueMalformed(block.count(b"\n", 0, problem.start), f"is not {width} columns of UTF-8") from None


@inlined
def _ends_in(word: np.uint64) -> np.uint64:
    """Which of eight bytes are tabs or newlines: their lowest bit."""
    tabs, newlines = word ^ (EACH * _TAB), word ^ (EACH * _NEWLINE)
    other = (((tabs & ~HIGHEST) + ~HIGHEST) | tabs) & (((newlines & ~HIGHEST) + ~HIGHEST) | newlines)
    return (~other & HIGHEST) >> np.uint64(7)


@inlined
def _lowest(flags: np.uint64) -> int:
    """Which of eight bytes is the first whose lowest bit is set."""
    return int(((flags & (~flags + np.uint64(1))) * np.uint64(0x0001020304050607)) >> np.uint64(56))


@kernel
def _ends(raw: Bytes) -> tuple[Numbers, bool]:
    """Where tabs and newlines stand, and whether any backslash is there but those of NULL."""
    count = escapes = 0
    for index in range(len(raw) - 1):
        count += int(np.uint8(raw[index] - _TAB) < 2)
        escapes += int((raw[index] == _BACKSLASH) & (raw[index + 1] != _N))
    ends = np.empty(count + 3, np.int64)
    count = place = 0
    while place + 8 <= len(raw):
        flags = _ends_in(load(raw, place))
        others = flags & (flags - np.uint64(1))
        ends[count] = place + _lowest(flags)  # no branch for the first two: what is none is written over by the next
        ends[count + 1] = place + _lowest(others)
        more = count + 2
        count += int((flags * EACH) >> np.uint64(56))
        while more < count:
            others &= others - np.uint64(1)
            ends[more] = place + _lowest(others)
            more += 1
        place += 8
    while place < len(raw):
        ends[count] = place
        count += int(np.uint8(raw[place] - _TAB) < 2)
        place += 1
    return ends[:count], escapes > 0


@inlined
def _is_null(raw: Bytes, start: int, end: int) -> bool:
    return end - start == 2 and raw[start] == _BACKSLASH and raw[start + 1] == _N


@kernel
def _misfit(raw: Bytes, ends: Numbers, width: int, has_escapes: bool) -> int:
    """The first row that has not so many fields, or one whose end is escaped; -1 where all fit."""
    start = 0
    stride = max(width, 1)
    for row in range((len(ends) + stride - 1) // stride):
        last = min((row + 1) * stride, len(ends)) - 1
        if raw[ends[last]] != _NEWLINE or (width == 0 and ends[last] > start):
            return row
        for field in range(row * stride, last):
            if raw[ends[field]] == _NEWLINE:
                return row
        if has_escapes:
            for field in range(row * stride, last + 1):
                if _is_escaped(raw, start, ends[field]):
                    return row
                start = ends[field] + 1
        start = ends[last] + 1
    return -1 if start == len(raw) and len(ends) % stride == 0 else len(ends) // stride


@inlined
def _is_escaped(raw: Bytes, start: int, end: int) -> bool:
    """Whether the tab or newline behind a field belongs to it: an odd number of backslashes stands before."""
    before = end
    while before > start and raw[before - 1] == _BACKSLASH:
        before -= 1
    return (end - before) % 2 == 1


@kernel
def _places(raw: Bytes, ends: Numbers, width: int, position: int) -> tuple[Numbers, Numbers]:
    """Where the fields of a column start, and their lengths."""
    rows = len(ends) // width
    starts = np.empty(rows, np.int64)
    lengths = np.empty(rows, np.int64)
    for row in range(rows):
        index = row * width + position
        start = ends[index - 1] + 1 if index else 0
        starts[row] = start
        lengths[row] = NULL_LENGTH if _is_null(raw, start, ends[index]) else ends[index] - start
    return starts, lengths


@kernel
def _unescaped(raw: Bytes, starts: Numbers, lengths: Numbers) -> tuple[Bytes, Numbers, Numbers, int]:
    """The fields as values in a buffer of their own, and the first that can't be read (or -1)."""
    total = SLACK
    for length in lengths:
        total += max(length, 0)
    out = np.empty(total, np.uint8)
    places = np.empty(len(starts), np.int64)
    sizes = lengths.copy()
    place = 0
    for row in range(len(starts)):
        places[row] = place
        start, end = starts[row], starts[row] + lengths[row]
        while start < end:
            word = load_some(raw, start, end - start)
            other = word ^ _BACKSLASHES
            if (other - EACH) & ~other & HIGHEST == 0:  # no backslash
                store(out, place, word)
                count = min(end - start, 8)
                start += count
                place += count
                continue
            byte = raw[start]
            if byte == _BACKSLASH:
                start += 1
                byte = _MEANT[raw[start]]
                if byte == 0:
                    return out, places, sizes, row
            out[place] = byte
            start += 1
            place += 1
        sizes[row] = place - places[row] if lengths[row] >= 0 else NULL_LENGTH
    return out[:place], places, sizes, -1


@kernel
def _has_specials(buffer: Bytes) -> bool:
    """Whether any byte is one that has to be escaped, or a control character like those."""
    specials = 0
    for byte in buffer:
        specials += (byte < 14) | (byte == _BACKSLASH)
    return specials > 0


@inlined
def _escaped(out: Bytes, place: int, buffer: Bytes, start: int, length: int) -> int:
    """Copy a value, escaped, and say where the next may stand."""
    while length > 0:
        count = min(length, 8)
        word = load_some(buffer, start, count)
        filled = word if count == 8 else word | (_ALL << np.uint64(8 * count))
        other = filled ^ _BACKSLASHES
        if (
            ((filled - _FOURTEENS) & ~filled) | ((other - EACH) & ~other)
        ) & HIGHEST == 0:  # none under 14, no backslash
            store(out, place, word)
            place += count
        else:
            for byte in buffer[start : start + count]:
                letter = _LETTER[byte]
                out[place] = _BACKSLASH
                place += letter > 0
                out[place] = letter if letter else byte
                place += 1
        start += count
        length -= count
    return place


@kernel
def _written(
    raw: Bytes,
    ends: Numbers,
    width: int,
    kept: Choice,
    columns: Numbers,
    buffer: Bytes,
    starts: Numbers,
    lengths: Numbers,
    plain: Choice,
) -> Bytes:
    """The kept rows: fields of `columns` from the buffer, escaped unless plain, and what stands between as it was."""
    most = len(raw) + SLACK
    for row in range(len(kept)):
        for number in range(len(columns)):
            most += max(lengths[number, row] * (1 if plain[number] else 2), 2)
    out = np.empty(most, np.uint8)
    place = 0
    for row in range(len(kept)):
        if not kept[row]:
            continue
        first = row * width
        done = ends[first - 1] + 1 if first else 0
        for number in range(len(columns)):
            field = first + columns[number]
            start = ends[field - 1] + 1 if field else 0
            place = copy(out, place, raw, done, start - done)
            done = ends[field]
            length = lengths[number, row]
            if length < 0:
                out[place], out[place + 1] = _BACKSLASH, _N
                place += 2
            elif plain[number]:
                place = copy(out, place, buffer, starts[number, row], length)
            else:
                place = _escaped(out, place, buffer, starts[number, row], length)
        place = copy(out, place, raw, done, ends[first + width - 1] + 1 - done)
    return out[:place]
