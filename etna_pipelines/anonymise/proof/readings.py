"""Readings: the ways in which bytes may hide a text, undone: escapes, URLs, HTML entities, base64, hex, tsvectors.

Used by the proof alone, and on purpose not by scrub: a mistake in one must not hide itself in the other. Only the
surroundings of what is encoded are read again, as far as a name reaches.
"""

import html.entities
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.eights import EACH, load
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.proof.spelling import signed
from etna_pipelines.anonymise.values import Bytes, Numbers

REACH = 256
"""Bytes around a piece of encoding that are read with it: longer than any name or token."""

SHORTEST_BASE64, _FEWEST_BYTES, _FEWEST_HEX = 16, 12, 6
ENCODINGS = ("escapes", "\\u escapes", "URL encoding", "HTML entities", "base64", "base64 for URLs", "hex", "tsvector")
"""What is undone, each within each other too."""

_SLICE = 1 << 13  # bytes that stay in the cache from one look at them to the next
_TAB, _NEWLINE, _RETURN, _SPACE = 9, 10, 13, 32
_PERCENT, _AMPERSAND, _BACKSLASH, _SEMICOLON, _HASH = (ord(sign) for sign in "%&\\;#")
_SMALL_U, _SMALL_X, _SMALL_N, _SMALL_R = (ord(letter) for letter in "uxnr")
_ESCAPE_LETTERS = np.isin(np.arange(256), np.frombuffer(b"nrtbfv", np.uint8))


def _digits(alphabet: bytes) -> npt.NDArray[np.int16]:
    values: npt.NDArray[np.int16] = np.full(256, -1, np.int16)
    values[np.frombuffer(alphabet, np.uint8)] = np.arange(len(alphabet))
    return values


_HEX = _digits(b"0123456789abcdef")
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)
_SIX = _digits(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_SIX[np.frombuffer(b"-_", np.uint8)] = (62, 63)
_IN_ADDRESS = (_SIX >= 0) & (np.arange(256) != ord("/")) | (np.arange(256) > 127) | (np.arange(256) == ord("."))
_IN_ADDRESS[np.frombuffer(b"@'%", np.uint8)] = True
"""What an e-mail address is made of: surroundings don't end in the midst of one, or its domain would be another."""

_THREE, _EIGHT = np.uint64(3), np.uint64(8)


class Reading(NamedTuple):
    """Bytes that some encoding was undone in: windows of one field each, divided by newlines."""

    raw: Bytes
    starts: Numbers
    """Where each window starts."""
    origins: Numbers
    """Where what it was made of starts, in the bytes that were read."""
    unpacked: bool = False
    """Whether it came out of base64 or hex, where random bytes may spell something short by chance."""

    def origin(self, position: int) -> int:
        """What a position in these bytes was made of, as far as it needs to be known: the field."""
        return int(self.origins[np.searchsorted(self.starts, position, "right") - 1])

    def within(self, outer: "Reading") -> "Reading":
        """The same reading, where the bytes that were read are themselves a reading."""
        origins = np.array([outer.origin(each) for each in self.origins.tolist()], np.int64)
        return self._replace(origins=origins, unpacked=self.unpacked or outer.unpacked)


def readings(raw: Bytes, marks: Numbers) -> Iterator[Reading]:
    """What bytes hide. `marks`: the positions of each `%`, `&` and backslash that may belong to an encoding."""
    signs = raw[marks]
    following = raw[np.minimum(marks + 1, len(raw) - 1)] if len(raw) else signs
    backslashes = signs == _BACKSLASH
    letters = marks[backslashes & _ESCAPE_LETTERS[following]]
    encoded = marks[(signs == _PERCENT) | (signs == _AMPERSAND) | (backslashes & (following == _SMALL_U))]
    packed = marks[backslashes & (following == _SMALL_X)]
    if len(letters):
        yield _reading(_with_letters(raw, letters))
    if len(encoded) and len((undone := _reading(_undone(raw, encoded, *_entities()))).raw):
        yield undone
    if len((unpacked := _reading(_unpacked(raw, packed), unpacked=True)).raw):
        yield unpacked


def _reading(made: tuple[Bytes, Numbers, Numbers], unpacked: bool = False) -> Reading:
    raw, starts, origins = made
    raw.flags.writeable = False  # as what is read out of a file is: kernels have a version for each of the two
    return Reading(raw, starts, origins, unpacked)


@kernel
def _with_letters(raw: Bytes, marks: Numbers) -> tuple[Bytes, Numbers, Numbers]:
    """What stands around escapes, when their letter belongs to the word after it: `CORP\\nina` is no `ina`."""
    out = np.empty(len(raw) + len(marks), np.uint8)
    starts, origins = np.empty(len(marks), np.int64), np.empty(len(marks), np.int64)
    made = windows = done = 0
    for mark in marks:
        begin = _window(raw, mark, done)
        if mark >= done:
            out[made] = _NEWLINE
            made += 1
            starts[windows], origins[windows] = made, begin
            windows += 1
        else:
            begin = done
        position = begin
        while position < len(raw) and _surrounds(raw[position], position - mark):
            out[made] = raw[position] if raw[position] != _BACKSLASH else _SPACE
            made += 1
            position += 1
        done = position
    return out[:made], starts[:windows], origins[:windows]


@inlined
def _window(raw: Bytes, mark: int, done: int) -> int:
    """Where the surroundings of a mark begin, within its field and after what was read already."""
    begin = mark
    while begin > done and _surrounds(raw[begin - 1], mark - begin):
        begin -= 1
    return begin


@inlined
def _surrounds(byte: int, distance: int) -> bool:
    """Whether a byte of the mark's field belongs to the mark's surroundings: as far as REACH, and to the end of what
    may be an address there."""
    if byte in (_TAB, _NEWLINE):
        return False
    return distance < REACH or (distance < 2 * REACH and _IN_ADDRESS[byte])


@kernel
def _undone(
    raw: Bytes, marks: Numbers, names: npt.NDArray[np.uint64], codes: npt.NDArray[np.int64]
) -> tuple[Bytes, Numbers, Numbers]:
    out = np.empty(len(raw) + len(marks) + 4, np.uint8)
    starts, origins = np.empty(len(marks), np.int64), np.empty(len(marks), np.int64)
    made = windows = done = 0
    for mark in marks:
        if mark < done or not _piece(raw, mark, out, made, names, codes)[0]:
            continue
        out[made] = _NEWLINE
        made += 1
        position = _window(raw, mark, done)
        starts[windows], origins[windows] = made, position
        last = mark
        while position < len(raw) and _surrounds(raw[position], position - last):
            length = 0
            byte = raw[position]
            if byte in (_PERCENT, _AMPERSAND, _BACKSLASH):
                begin = made
                while byte == _BACKSLASH and begin > starts[windows] and out[begin - 1] == _BACKSLASH:
                    begin -= 1  # any number of backslashes may stand before the u
                length, end = _piece(raw, position, out, begin, names, codes)
            if length:
                made = end
                position += length
                last = position
            else:
                out[made] = byte
                made += 1
                position += 1
        windows += 1
        done = position
    return out[:made], starts[:windows], origins[:windows]


@kernel
def _piece(
    raw: Bytes, position: int, out: Bytes, made: int, names: npt.NDArray[np.uint64], codes: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """Write what a piece of encoding stands for; the bytes that it has (0 where there is none), the end of `out`."""
    left = len(raw) - position
    sign = raw[position]
    if sign == _PERCENT:
        if left < 3 or _HEX[raw[position + 1]] < 0 or _HEX[raw[position + 2]] < 0:
            return 0, made
        byte = _HEX[raw[position + 1]] << 4 | _HEX[raw[position + 2]]
        out[made] = _SPACE if byte in (_TAB, _NEWLINE) else byte
        return 3, made + 1
    if sign == _BACKSLASH:
        code = _unit(raw, position)
        if code < 0:
            return 0, made
        length = 6
        if 0xD800 <= code < 0xDC00:
            low = position + 6
            while low + 1 < len(raw) and raw[low] == _BACKSLASH and raw[low + 1] == _BACKSLASH:
                low += 1
            second = _unit(raw, low)
            if 0xDC00 <= second < 0xE000:
                code = 0x10000 + ((code - 0xD800) << 10) + second - 0xDC00
                length = low + 6 - position
        return length, _write(out, made, code)
    if left > 3 and raw[position + 1] == _HASH:
        return _numbered(raw, position, out, made)
    hash_ = np.uint64(0)
    end = position + 1
    while end < len(raw) and end < position + 32 and raw[end] < 128 and raw[end] >= 48:
        if raw[end] == _SEMICOLON:
            place = np.searchsorted(names, hash_)
            if place == len(names) or names[place] != hash_:
                return 0, made
            made = _write(out, made, codes[place, 0])
            if codes[place, 1]:
                made = _write(out, made, codes[place, 1])
            return end + 1 - position, made
        hash_ = hash_ * np.uint64(0x100000001B3) + np.uint64(raw[end])
        end += 1
    return 0, made


@kernel
def _unit(raw: Bytes, position: int) -> int:
    """The UTF-16 unit of `\\u00e2`; -1 where there is none."""
    if len(raw) - position < 6 or raw[position] != _BACKSLASH or raw[position + 1] != _SMALL_U:
        return -1
    code = 0
    for digit in range(2, 6):
        value = int(_HEX[raw[position + digit]])
        if value < 0:
            return -1
        code = code << 4 | value
    return code


@kernel
def _numbered(raw: Bytes, position: int, out: Bytes, made: int) -> tuple[int, int]:
    """`&#226;` and `&#xe2;`, also without a semicolon, as browsers read them."""
    end = position + 2
    base = 10
    if raw[end] | 32 == _SMALL_X:
        end += 1
        base = 16
    code, digits = 0, 0
    while end < len(raw) and digits < 8 and 0 <= _HEX[raw[end]] < base:
        code = code * base + int(_HEX[raw[end]])
        digits += 1
        end += 1
    if not digits or code > 0x10FFFF:
        return 0, made
    if end < len(raw) and raw[end] == _SEMICOLON:
        end += 1
    return end - position, _write(out, made, code)


@kernel
def _write(out: Bytes, made: int, code: int) -> int:
    """A code point in UTF-8; what would end a field is a space."""
    if code < 0x80:
        out[made] = _SPACE if code in (_TAB, _NEWLINE) else code
        return made + 1
    if code < 0x800:
        out[made] = 0xC0 | code >> 6
    else:
        if code < 0x10000:
            out[made] = 0xE0 | code >> 12
        else:
            out[made] = 0xF0 | code >> 18
            made += 1
            out[made] = 0x80 | code >> 12 & 0x3F
        made += 1
        out[made] = 0x80 | code >> 6 & 0x3F
    out[made + 1] = 0x80 | code & 0x3F
    return made + 2


@lru_cache
def _entities() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The sorted hashes of HTML's named entities, and the one or two code points of each."""
    found = {}
    for name, text in html.entities.html5.items():
        if name.endswith(";"):
            hash_ = 0
            for byte in name[:-1].encode():
                hash_ = (hash_ * 0x100000001B3 + byte) % (1 << 64)
            found[hash_] = [*map(ord, text), 0][:2]
    ordered = sorted(found)
    return np.array(ordered, np.uint64), np.array([found[hash_] for hash_ in ordered], np.int64)


@kernel
def _unpacked(raw: Bytes, marks: Numbers) -> tuple[Bytes, Numbers, Numbers]:
    """Texts out of base64 and hex. `marks`: where `\\x` stands, whose bytes are read, text or not."""
    most = len(raw) // SHORTEST_BASE64 * 2 + len(marks) + 2
    out = np.empty(len(raw) + most, np.uint8)
    starts, origins = np.empty(most, np.int64), np.empty(most, np.int64)
    made = windows = 0
    for mark in marks:
        end = _from_hex(raw, mark + 2, out, made + 1, False)[0]
        if end - made - 1 >= _FEWEST_HEX:
            out[made] = _NEWLINE
            starts[windows], origins[windows] = made + 1, mark
            windows += 1
            made = end
    size, probe, finished, one = np.uint64(len(raw)), np.uint64(0), np.uint64(0), np.uint64(1)
    whole = _sixes(raw)
    while probe + _EIGHT < size:  # whatever is so long holds all from one multiple of eight to the next
        if not whole[probe >> _THREE]:
            probe += _EIGHT
            continue
        first = last = probe
        while first > finished and _SIX[raw[first - one]] >= 0:
            first -= one
        while last < size and _SIX[raw[last]] >= 0:
            last += one
        finished = last
        if last - first >= np.uint64(SHORTEST_BASE64):
            made, windows, read = _unpack(raw, signed(first), signed(last), out, made, starts, origins, windows)
            finished = max(last, np.uint64(read))
        probe = (max(finished, probe) + _EIGHT) & ~np.uint64(7)
    return out[:made], starts[:windows], origins[:windows]


@kernel
def _sixes(raw: Bytes) -> npt.NDArray[np.bool_]:
    """Of eight bytes each, whether all are characters of base64. Compared, not looked up: dozens at a time."""
    whole = np.empty((len(raw) >> 3) + 1, np.bool_)
    each = np.empty(_SLICE, np.uint8)
    for begin in range(np.uint64(0), np.uint64(len(raw)), np.uint64(_SLICE)):
        size = min(np.uint64(_SLICE), np.uint64(len(raw)) - begin)
        for place in range(size):
            byte = raw[begin + place]
            small = byte | np.uint8(32)
            letter = ((small >= 97) & (small <= 122)) | ((byte >= 47) & (byte <= 57))
            each[place] = letter | (byte == 43) | (byte == 45) | (byte == 95)
        for place in range(np.uint64(0), size, _EIGHT):
            whole[(begin + place) >> _THREE] = load(each, place) == EACH
    return whole


@inlined
def _unpack(
    raw: Bytes, position: int, end: int, out: Bytes, made: int, starts: Numbers, origins: Numbers, windows: int
) -> tuple[int, int, int]:
    """Texts out of a run of characters of base64; also returns where what was read ends."""
    if position and raw[position - 1] == _BACKSLASH and (_ESCAPE_LETTERS[raw[position]] or raw[position] == _SMALL_X):
        position += 1  # the letter of an escape
    while position + SHORTEST_BASE64 <= end:
        last, read = _from_base64(raw, position, out, made + 1)
        if last - made - 1 < _FEWEST_BYTES:
            last, read = _from_hex(raw, position, out, made + 1, True)
        if last - made - 1 >= _FEWEST_HEX:
            out[made] = _NEWLINE
            starts[windows], origins[windows] = made + 1, position
            windows += 1
            made = last
            position = max(read, position + 1)
            end = max(end, read)
        else:  # what looks like a path or a name may have some among its parts
            while position < end and 0 <= _SIX[raw[position]] < 62:
                position += 1
            position += 1
    return made, windows, end


@inlined
def _text_state(byte: int, waiting: int) -> int:
    """How many more bytes a character of UTF-8 needs after this one; -1 for what is no text."""
    if waiting:
        return waiting - 1 if byte & 0xC0 == 0x80 else -1
    if 32 <= byte < 127 or byte in (_TAB, _NEWLINE, _RETURN):
        return 0
    if 0xC2 <= byte < 0xE0:
        return 1
    if 0xE0 <= byte < 0xF0:
        return 2
    return 3 if 0xF0 <= byte < 0xF5 else -1


@inlined
def _from_base64(raw: Bytes, position: int, out: Bytes, made: int) -> tuple[int, int]:
    """Write what base64 holds as far as it is text; the end of `out`, and of what was read."""
    bits, held, waiting = 0, 0, 0
    while position < len(raw):
        value = int(_SIX[raw[position]])
        if value < 0:  # lines of a letter end with escapes
            after = position
            while after < len(raw) and raw[after] == _BACKSLASH:
                after += 1
                if after + 1 < len(raw) and raw[after] in (_SMALL_N, _SMALL_R):
                    after += 1
            if after == position or after >= len(raw) or _SIX[raw[after]] < 0:
                break
            position = after
            continue
        position += 1
        bits = (bits << 6 | value) & 0xFFFF
        held += 6
        if held < 8:
            continue
        held -= 8
        byte = bits >> held & 0xFF
        waiting = _text_state(byte, waiting)
        if waiting < 0:
            break
        out[made] = _SPACE if byte in (_TAB, _NEWLINE) else byte
        made += 1
    return made, position


@inlined
def _from_hex(raw: Bytes, position: int, out: Bytes, made: int, text_only: bool) -> tuple[int, int]:
    """Likewise of hex; bytes that are no text end fields where they are read all the same."""
    waiting = 0
    while position + 1 < len(raw) and _HEX[raw[position]] >= 0 and _HEX[raw[position + 1]] >= 0:
        byte = int(_HEX[raw[position]] << 4 | _HEX[raw[position + 1]])
        waiting = _text_state(byte, max(waiting, 0))
        if waiting < 0 and text_only:
            break
        position += 2
        out[made] = _SPACE if byte in (_TAB, _NEWLINE, _RETURN) else byte if byte >= _SPACE else _NEWLINE
        made += 1
    return made, position
