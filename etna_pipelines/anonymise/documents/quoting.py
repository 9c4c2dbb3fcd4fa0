"""How JSON, arrays, hstore and rows write a text inside quotes, as kernels: undone, done, and places found again.

A notation is a number, because kernels take numbers: JSON escapes as RFC 8259 says; BACKSLASHED is that of PostgreSQL's
arrays and of hstore, a backslash before whatever needs one; in a DOUBLED one, that of composite types, a quote stands
for itself twice, too.
"""

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

JSON, BACKSLASHED, DOUBLED = 0, 1, 2

_QUOTE, _BACKSLASH = 0x22, 0x5C
_REPLACEMENT = 0xFFFD  # for what JSON can write and a text can't hold: NUL, half a surrogate pair


def enclosed(values: Values, notation: int, quote: bytes) -> Values:
    """The values escaped, and with the quote (or none) before and after; NULL stays NULL."""
    return Values(*_enclosed(values.buffer, values.starts, values.lengths, notation, np.frombuffer(quote, np.uint8)))


@kernel
def _enclosed(
    buffer: Bytes, starts: Numbers, lengths: Numbers, notation: int, quote: Bytes
) -> tuple[Bytes, Numbers, Numbers]:
    size = 2 * len(quote) * len(starts)
    for row in range(len(starts)):
        for position in range(starts[row], starts[row] + lengths[row]):
            size += _width(buffer[position], notation)
    out = np.empty(size, np.uint8)
    out_starts, out_lengths = np.empty_like(starts), lengths.copy()
    place = 0
    for row in range(len(starts)):
        out_starts[row] = place
        if lengths[row] < 0:
            continue
        for byte in quote:
            out[place] = byte
            place += 1
        for position in range(starts[row], starts[row] + lengths[row]):
            place = _write_quoted(buffer[position], notation, out, place)
        for byte in quote:
            out[place] = byte
            place += 1
        out_lengths[row] = place - out_starts[row]
    return out[:place], out_starts, out_lengths


@kernel
def _width(byte: int, notation: int) -> int:
    if byte in (_QUOTE, _BACKSLASH):
        return 2
    if byte >= 0x20 or notation != JSON:
        return 1
    return 2 if byte == 0x0A or byte == 0x0D or byte == 0x09 or byte == 0x08 or byte == 0x0C else 6


@kernel
def _write_quoted(byte: int, notation: int, out: Bytes, place: int) -> int:
    width = _width(byte, notation)
    if width == 1:
        out[place] = byte
        return place + 1
    out[place] = byte if notation == DOUBLED else _BACKSLASH
    if byte >= 0x20:
        out[place + 1] = byte
    elif width == 2:
        letter = 0x6E if byte == 0x0A else 0x72 if byte == 0x0D else 0x74 if byte == 0x09 else 0x62
        out[place + 1] = 0x66 if byte == 0x0C else letter
    else:
        out[place + 1], out[place + 2], out[place + 3] = 0x75, 0x30, 0x30
        out[place + 4] = 0x30 + (byte >> 4)
        low = byte & 15
        out[place + 5] = 0x30 + low if low < 10 else 0x57 + low
    return place + width


@kernel
def unquote(buffer: Bytes, at: int, end: int, notation: int, out: Bytes, place: int) -> int:
    """Write to `out` what stands between quotes from `at` to `end`, and say where that ended."""
    while at < end:
        if buffer[at] != _BACKSLASH and not (notation == DOUBLED and buffer[at] == _QUOTE):
            out[place] = buffer[at]
            at, place = at + 1, place + 1
        else:
            at, place = _unquote_one(buffer, at, end, notation, out, place)
    return place


@kernel
def raw_places(buffer: Bytes, at: int, end: int, notation: int, plain: Numbers, raw: Numbers) -> None:
    """Where the places `plain` (ascending) of a text stand in what it is written as, from `at` to `end`, into `raw`."""
    scratch = np.empty(8, np.uint8)
    reached = 0
    for number in range(len(plain)):
        while reached < plain[number] and at < end:
            if buffer[at] != _BACKSLASH and not (notation == DOUBLED and buffer[at] == _QUOTE):
                at, reached = at + 1, reached + 1
            else:
                at, width = _unquote_one(buffer, at, end, notation, scratch, 0)
                reached += width
        raw[number] = at


@kernel
def _unquote_one(buffer: Bytes, at: int, end: int, notation: int, out: Bytes, place: int) -> tuple[int, int]:
    """Write the character that the escape at `at` stands for; where the escape and the character end."""
    if notation != JSON:
        out[place] = buffer[min(at + 1, end - 1)]
        return at + 2, place + 1
    letter = buffer[at + 1]
    if letter != 0x75:
        if letter == 0x6E:
            letter = 0x0A
        elif letter == 0x72:
            letter = 0x0D
        elif letter == 0x74:
            letter = 0x09
        elif letter == 0x62:
            letter = 0x08
        elif letter == 0x66:
            letter = 0x0C
        out[place] = letter
        return at + 2, place + 1
    character = _hex(buffer, at + 2)
    at += 6
    if 0xD800 <= character < 0xDC00 and at + 6 <= end and buffer[at] == _BACKSLASH and buffer[at + 1] == 0x75:
        low = _hex(buffer, at + 2)
        if 0xDC00 <= low < 0xE000:
            character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00)
            at += 6
    if character == 0 or 0xD800 <= character < 0xE000:
        character = _REPLACEMENT
    return at, _write_utf8(character, out, place)


@kernel
def _hex(buffer: Bytes, at: int) -> int:
    value = 0
    for position in range(at, at + 4):
        value = value * 16 + hex_digit(buffer[position])
    return value


@kernel
def hex_digit(byte: int) -> int:
    """The value of a hex digit; -1 where it is none."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    byte |= 0x20
    return byte - 0x57 if 0x61 <= byte <= 0x66 else -1


@kernel
def _write_utf8(character: int, out: Bytes, place: int) -> int:
    if character < 0x80:
        out[place] = character
        return place + 1
    if character < 0x800:
        out[place] = 0xC0 | character >> 6
    else:
        if character < 0x10000:
            out[place] = 0xE0 | character >> 12
        else:
            out[place] = 0xF0 | character >> 18
            place += 1
            out[place] = 0x80 | character >> 12 & 0x3F
        place += 1
        out[place] = 0x80 | character >> 6 & 0x3F
    out[place + 1] = 0x80 | character & 0x3F
    return place + 2
