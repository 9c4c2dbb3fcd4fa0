"""Plain: texts with their encodings undone, as scrub reads them, and where each byte of that stood.

One reading undoes JSON's escapes (however many backslashes stand before them), percent-encoding and HTML's character
references, so whatever looks for a name or a number looks for it once and as it is. What was encoded twice needs
another reading. Nothing is ever written from here but the places of what was found.
"""

from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.eights import EACH, HIGHEST, SLACK, load, store
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

ROUNDS = 3
"""Encodings one inside another that are undone: a URL of an HTML page in a JSON string."""

_LONGEST_NAME = 8  # bytes of an HTML character reference, so that a name fits a 64-bit number
_BACKSLASH, _PERCENT, _AMPERSAND = 0x5C, 0x25, 0x26
_SIGNS = (_BACKSLASH, _PERCENT, _AMPERSAND)
_NONE = -1


@dataclass(frozen=True)
class Plain:
    """The texts with a NUL after each (PostgreSQL's text has none), a few NULs more, and the way back."""

    buffer: Bytes
    starts: Numbers
    lengths: Numbers
    """Of the texts, in bytes; 0 for NULL."""
    _ways: tuple[tuple[Numbers, Numbers], ...]
    """For each round, the last one first: from which offsets on, how much further right a byte stood before it."""

    @classmethod
    def of(cls, texts: Values) -> "Plain":
        names, points = _character_references()
        starts, lengths = texts.starts, np.maximum(texts.lengths, 0)
        buffer, ways = texts.buffer, list[tuple[Numbers, Numbers]]()
        for _ in range(ROUNDS):
            buffer, starts, lengths, at, shift, is_nested = _undressed(buffer, starts, lengths, names, points)
            ways.insert(0, (at, shift))
            if not is_nested:
                break
        return cls(buffer, starts, lengths, tuple(ways))

    def places(self, offsets: Numbers) -> Numbers:
        """Where in the original buffer what stands at these offsets begins: of an end, where the piece ended."""
        for at, shift in self._ways:
            offsets = offsets + shift[np.searchsorted(at, offsets, "right") - 1]
        return offsets


@lru_cache
def _character_references() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """HTML's names for single characters, as sorted numbers (little-endian bytes), with their code points."""
    known = {
        int.from_bytes(name[:-1].encode(), "little"): ord(character)
        for name, character in html5.items()
        if name.endswith(";") and len(name) <= _LONGEST_NAME + 1 and len(character) == 1
    }
    names = np.array(sorted(known), np.uint64)
    return names, np.array([known[int(name)] for name in names], np.int64)


@kernel
def _undressed(
    buffer: Bytes, starts: Numbers, lengths: Numbers, names: npt.NDArray[np.uint64], points: Numbers
) -> tuple[Bytes, Numbers, Numbers, Numbers, Numbers, bool]:
    """One reading: the plain buffer, starts, lengths, the way back, and whether some of it looks encoded still."""
    size, signs = len(starts) + SLACK, len(starts)
    for row in range(len(starts)):
        size += lengths[row]
        for byte in buffer[starts[row] : starts[row] + lengths[row]]:
            signs += (byte == _BACKSLASH) | (byte == _PERCENT) | (byte == _AMPERSAND)
    out = np.empty(size, np.uint8)
    at, shift = np.empty(signs, np.int64), np.empty(signs, np.int64)
    plain_starts, plain_lengths = np.empty_like(starts), np.empty_like(lengths)
    end, turns, is_nested = 0, 0, False
    for row in range(len(starts)):
        place, stop = starts[row], starts[row] + lengths[row]
        plain_starts[row] = end
        at[turns], shift[turns] = end, place - end
        turns += 1
        while place < stop:
            if place + 8 <= stop:
                eight = load(buffer, place)
                if not _holds_sign(eight):
                    store(out, end, eight)
                    end, place = end + 8, place + 8
                    continue
            byte = buffer[place]
            if byte != _BACKSLASH and byte != _PERCENT and byte != _AMPERSAND:
                out[end] = byte
                end, place = end + 1, place + 1
                continue
            if byte == _BACKSLASH:
                point, following = _escaped(buffer, place, stop)
            elif byte == _PERCENT:
                point, following = _percent_encoded(buffer, place, stop)
            else:
                point, following = _referred_to(buffer, place, stop, names, points)
            if point == _NONE:  # a sign that stands for itself; of backslashes, all that stand together
                while place < following:
                    out[end] = buffer[place]
                    end, place = end + 1, place + 1
                continue
            if point in _SIGNS:
                is_nested |= _goes_on(buffer, point, following, stop, names, points)
            end = _put(out, end, point)
            place = following
            at[turns], shift[turns] = end, place - end
            turns += 1
        plain_lengths[row] = end - plain_starts[row]
        out[end] = 0
        end += 1
    out[end : end + SLACK] = 0
    return out[: end + SLACK], plain_starts, plain_lengths, at[:turns], shift[:turns], is_nested


@inlined
def _holds_sign(eight: np.uint64) -> bool:
    """Whether one of eight bytes begins an encoding. A byte that is nothing borrows when one is taken off."""
    found = np.uint64(0)
    for sign in _SIGNS:
        others = eight ^ (EACH * np.uint64(sign))
        found |= (others - EACH) & ~others & HIGHEST
    return bool(found != 0)


@kernel
def _goes_on(buffer: Bytes, sign: int, place: int, stop: int, names: npt.NDArray[np.uint64], points: Numbers) -> bool:
    """Whether a sign that was encoded itself encodes something, or may do so with what is encoded after it."""
    if place == stop:
        return False
    if buffer[place] == _BACKSLASH or buffer[place] == _PERCENT or buffer[place] == _AMPERSAND:
        return True
    if sign == _BACKSLASH:
        return _escaped(buffer, place, stop)[0] != _NONE
    if sign == _PERCENT:
        return _percent_encoded(buffer, place - 1, stop)[0] != _NONE
    return _referred_to(buffer, place - 1, stop, names, points)[0] != _NONE


@kernel
def _escaped(buffer: Bytes, place: int, stop: int) -> tuple[int, int]:
    """The character that backslashes escape (RFC 8259, section 7), or none, and where what follows begins."""
    after = place
    while after < stop and buffer[after] == _BACKSLASH:
        after += 1
    if after == stop:
        return _NONE, after
    letter = buffer[after]
    if letter == 0x75:  # u
        high = _hexadecimal(buffer, after + 1, after + 5, stop)
        if high == _NONE:
            return _NONE, after
        if 0xD800 <= high < 0xDC00:
            second = after + 5
            while second < stop and buffer[second] == _BACKSLASH:
                second += 1
            if second > after + 5 and second < stop and buffer[second] == 0x75:
                low = _hexadecimal(buffer, second + 1, second + 5, stop)
                if 0xDC00 <= low < 0xE000:
                    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), second + 5
        return (0x20 if high == 0 or 0xD800 <= high < 0xE000 else high), after + 5
    if letter == 0x6E:  # n
        return 0x0A, after + 1
    if letter == 0x72:  # r
        return 0x0D, after + 1
    if letter == 0x74:  # t
        return 0x09, after + 1
    if letter in (0x62, 0x66, 0x76):  # b, f, v
        return 0x20, after + 1
    if letter in (0x22, 0x27, 0x2F):  # quotes and the slash stand for themselves
        return int(letter), after + 1
    return _NONE, after


@kernel
def _percent_encoded(buffer: Bytes, place: int, stop: int) -> tuple[int, int]:
    """The character of `%41` or `%C3%A9` (RFC 3986, section 2.1; UTF-8, else Latin-1), or none."""
    first = _hexadecimal(buffer, place + 1, place + 3, stop)
    if first == _NONE:
        return _NONE, place + 1
    if first < 0x80:
        return (0x20 if first == 0 else first), place + 3
    more = 1 if 0xC2 <= first < 0xE0 else 2 if 0xE0 <= first < 0xF0 else 3 if 0xF0 <= first < 0xF5 else 0
    point = first & (0x7F >> (more + 1))
    for number in range(1, more + 1):
        here = place + 3 * number
        byte = _hexadecimal(buffer, here + 1, here + 3, stop) if here < stop and buffer[here] == _PERCENT else _NONE
        if byte == _NONE or byte & 0xC0 != 0x80:
            return first, place + 3
        point = point << 6 | (byte & 0x3F)
    if more == 0 or 0xD800 <= point < 0xE000 or point > 0x10FFFF or (more == 2 and point < 0x800):
        return first, place + 3
    return point, place + 3 * (more + 1)


@kernel
def _referred_to(
    buffer: Bytes, place: int, stop: int, names: npt.NDArray[np.uint64], points: Numbers
) -> tuple[int, int]:
    """The character of `&#64;`, `&#x40;` or `&commat;`, or none."""
    after = place + 1
    if after < stop and buffer[after] == 0x23:  # #
        after += 1
        base = 10
        if after < stop and buffer[after] | 0x20 == 0x78:  # x
            after, base = after + 1, 16
        point, first = 0, after
        while after < stop and after < first + 10:
            digit = _digit(buffer[after])
            if digit == _NONE or digit >= base:
                break
            point = min(point * base + digit, 0x110000)
            after += 1
        if first < after < stop and buffer[after] == 0x3B and 0 < point < 0x110000:
            return (0x20 if 0xD800 <= point < 0xE000 else point), after + 1
        return _NONE, place + 1
    name = np.uint64(0)
    while after < stop and after <= place + _LONGEST_NAME and _is_alphanumeric(buffer[after]):
        name |= np.uint64(buffer[after]) << np.uint64(8 * (after - place - 1))
        after += 1
    if after == place + 1 or after >= stop or buffer[after] != 0x3B:
        return _NONE, place + 1
    which = np.searchsorted(names, name)
    if which < len(names) and names[which] == name:
        return points[which], after + 1
    return _NONE, place + 1


@kernel
def _hexadecimal(buffer: Bytes, begin: int, end: int, stop: int) -> int:
    if end > stop:
        return _NONE
    number = 0
    for place in range(begin, end):
        digit = _digit(buffer[place])
        if digit == _NONE:
            return _NONE
        number = number << 4 | digit
    return number


@inlined
def _digit(byte: int) -> int:
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    lower = byte | 0x20
    return lower - 0x57 if 0x61 <= lower <= 0x66 else _NONE


@inlined
def _is_alphanumeric(byte: int) -> bool:
    return 0x30 <= byte <= 0x39 or 0x61 <= byte | 0x20 <= 0x7A


@inlined
def _put(out: Bytes, end: int, point: int) -> int:
    """Write a character in UTF-8 (RFC 3629, section 3); gives the new end."""
    if point < 0x80:
        out[end] = point
        return end + 1
    if point < 0x800:
        out[end] = 0xC0 | point >> 6
        out[end + 1] = 0x80 | point & 0x3F
        return end + 2
    if point < 0x10000:
        out[end] = 0xE0 | point >> 12
        out[end + 1] = 0x80 | point >> 6 & 0x3F
        out[end + 2] = 0x80 | point & 0x3F
        return end + 3
    out[end] = 0xF0 | point >> 18
    out[end + 1] = 0x80 | point >> 12 & 0x3F
    out[end + 2] = 0x80 | point >> 6 & 0x3F
    out[end + 3] = 0x80 | point & 0x3F
    return end + 4
