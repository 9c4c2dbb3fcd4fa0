"""Shapes: where numbers that mean something end: dates and UUIDs, telephones, postcodes, IP addresses.

Places are offsets into texts with a NUL after each. What only looks alike is for `patterns` to tell.
"""

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.kernels.letters import plain_letters
from etna_pipelines.anonymise.values import Bytes

OTHER, DIGIT, UPPER, LOWER, AT, SIGN = range(6)
CLASSES = np.zeros(256, np.uint8)
CLASSES[ord("0") : ord("9") + 1] = DIGIT
CLASSES[ord("A") : ord("Z") + 1] = UPPER
CLASSES[ord("a") : ord("z") + 1] = LOWER
CLASSES[ord("@")] = AT
CLASSES[[ord(":"), ord("=")]] = SIGN


@inlined
def class_at(buffer: Bytes, place: int) -> int:
    """Of the byte at a place, also where there is none."""
    return int(CLASSES[buffer[place]]) if 0 <= place < len(buffer) else OTHER


@inlined
def is_letter(buffer: Bytes, place: int) -> bool:
    return class_at(buffer, place) in (UPPER, LOWER)


@inlined
def is_alphanumeric(buffer: Bytes, place: int) -> bool:
    return OTHER < class_at(buffer, place) < AT


@inlined
def is_hexadecimal(buffer: Bytes, place: int) -> bool:
    return class_at(buffer, place) == DIGIT or (is_letter(buffer, place) and buffer[place] | 0x20 <= 0x66)


@inlined
def gap(buffer: Bytes, place: int) -> int:
    """The width of a space, hyphen, plus (a URL's space), full stop, slash, bracket or Unicode's spaces and dashes."""
    if place >= len(buffer):
        return 0
    if buffer[place] in (0x20, 0x28, 0x29, 0x2B, 0x2D, 0x2E, 0x2F):
        return 1
    if buffer[place] == 0xC2 and place + 1 < len(buffer) and buffer[place + 1] == 0xA0:
        return 2
    if buffer[place] == 0xE2 and place + 2 < len(buffer) and buffer[place + 1] == 0x80 and buffer[place + 2] != 0x99:
        return 3
    return 0


@kernel
def insurance_end(buffer: Bytes, place: int) -> int:
    """Where a National Insurance number ends whose two letters end here (`12 34 56 C`), 0 where there is none."""
    for _pair in range(3):
        place += gap(buffer, place)
        if class_at(buffer, place) != DIGIT or class_at(buffer, place + 1) != DIGIT:
            return 0
        place += 2
    place += gap(buffer, place)
    is_suffix = is_letter(buffer, place) and buffer[place] | 0x20 <= 0x64  # A to D
    return place + 1 if is_suffix and not is_alphanumeric(buffer, place + 1) else 0


@kernel
def account_end(buffer: Bytes, place: int) -> int:
    """Where an IBAN may end at the latest (ISO 13616: 15 to 34 capitals and digits), 0 where it can't be one."""
    total, end = 0, place
    while total < 34:
        while total < 34 and (class_at(buffer, place) == DIGIT or class_at(buffer, place) == UPPER):
            place, total = place + 1, total + 1
        end = place
        width = gap(buffer, place)
        if width == 0 or not is_alphanumeric(buffer, place + width) or total % 4:
            break
        place += width
    return end if total >= 15 else 0


@kernel
def postcode_end(buffer: Bytes, place: int) -> int:
    """Where a postcode ends whose letters end before its first digit here, 0 where there is none."""
    for outward in (2, 1):  # `SW1A 1AA` is tried before `SW1 1AA`, and `SE19GF` as `SE1 9GF` last
        if outward == 2 and not is_alphanumeric(buffer, place + 1):
            continue
        inward = place + outward
        inward += gap(buffer, inward)
        if (
            class_at(buffer, inward) == DIGIT
            and is_letter(buffer, inward + 1)
            and is_letter(buffer, inward + 2)
            and not is_alphanumeric(buffer, inward + 3)
        ):
            return inward + 3
    return 0


@kernel
def number_end(buffer: Bytes, place: int) -> tuple[int, int]:
    """Where groups of digits with gaps of up to three signs end, and how many digits they have."""
    end, digits = place, 0
    while True:
        group = place
        while class_at(buffer, place) == DIGIT:
            place += 1
        if is_alphanumeric(buffer, place) and group > end:
            return end, digits
        end, digits = place, digits + place - group
        for _sign in range(3):
            place += gap(buffer, place)
        if place == end or class_at(buffer, place) != DIGIT:
            return end, digits


@kernel
def date_end(buffer: Bytes, place: int) -> int:
    """Where `2026-11-23` ends, and the time after it (ISO 8601), 0 where there is none."""
    for digit in (0, 1, 2, 3, 5, 6, 8, 9):
        if class_at(buffer, place + digit) != DIGIT:
            return 0
    if buffer[place + 4] != 0x2D or buffer[place + 7] != 0x2D or _is_digit_or_gap(buffer, place + 10):
        return 0
    place += 10
    has_time = place + 3 < len(buffer) and buffer[place] in (0x20, 0x54) and buffer[place + 3] == 0x3A
    if has_time and class_at(buffer, place + 1) == DIGIT:
        place += 3
        while class_at(buffer, place) == DIGIT or buffer[place] in (0x2B, 0x2D, 0x2E, 0x3A):
            place += 1
    return place


@inlined
def _is_digit_or_gap(buffer: Bytes, place: int) -> bool:
    return class_at(buffer, place) == DIGIT or (place < len(buffer) and buffer[place] == 0x2D)


@kernel
def ipv4_end(buffer: Bytes, place: int) -> int:
    for part in range(4):
        first = place
        while class_at(buffer, place) == DIGIT:
            place += 1
        if not 1 <= place - first <= 3:
            return 0
        if part < 3:
            if place >= len(buffer) or buffer[place] != 0x2E:
                return 0
            place += 1
    return 0 if is_alphanumeric(buffer, place) else place


@inlined
def is_in_ipv6(buffer: Bytes, place: int) -> bool:
    return is_hexadecimal(buffer, place) or (0 <= place < len(buffer) and buffer[place] == 0x3A)


@kernel
def ipv6_start(buffer: Bytes, place: int) -> int:
    while place > 0 and is_in_ipv6(buffer, place - 1):
        place -= 1
    return place


@kernel
def ipv6_end(buffer: Bytes, colon: int) -> int:
    """Where what may be an IPv6 address ends whose first colon this is, 0 where there is none.

    It has `::` or seven colons (RFC 4291, section 2.2)."""
    start, colons, is_short = ipv6_start(buffer, colon), 0, False
    for place in range(start, colon):
        if buffer[place] == 0x3A:
            return 0
    place = start
    while place < len(buffer) and (is_hexadecimal(buffer, place) or buffer[place] in (0x3A, 0x2E)):
        if buffer[place] == 0x3A:
            colons += 1
            is_short |= place + 1 < len(buffer) and buffer[place + 1] == 0x3A
        place += 1
    if colons < 2 or not (is_short or colons == 7) or place - start < 6:
        return 0
    return 0 if is_alphanumeric(buffer, start - 1) or is_alphanumeric(buffer, place) else place


@inlined
def is_uuid(buffer: Bytes, place: int) -> bool:
    """Whether a word of eight is followed by words of four, four, four and twelve, with hyphens (RFC 9562)."""
    is_one = place + 44 <= len(buffer) and (
        buffer[place + 13] == 0x2D and buffer[place + 18] == 0x2D and buffer[place + 23] == 0x2D
    )
    if is_one:
        is_one = (
            plain_letters(buffer, place + 9)[0] == 4
            and plain_letters(buffer, place + 14)[0] == 4
            and plain_letters(buffer, place + 19)[0] == 4
            and plain_letters(buffer, place + 24)[0] == 8
            and plain_letters(buffer, place + 32)[0] == 4
        )
    return is_one
