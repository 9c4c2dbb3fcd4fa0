"""Windows: the few places of a text that are worth a closer look, found in one pass over its bytes.

A window says of what kind the personal data may be that stands there; `patterns` judges. What is most of any text is
passed over here: words, prices, dates, UUIDs, slugs, and names that only look like base64.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from etna_pipelines.anonymise.kernels.eights import EACH
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.kernels.letters import plain_letters
from etna_pipelines.anonymise.kernels.shapes import (
    AT,
    CLASSES,
    DIGIT,
    OTHER,
    SIGN,
    UPPER,
    account_end,
    class_at,
    date_end,
    insurance_end,
    ipv4_end,
    ipv6_end,
    ipv6_start,
    is_alphanumeric,
    is_in_ipv6,
    is_letter,
    is_uuid,
    number_end,
    postcode_end,
)
from etna_pipelines.anonymise.values import Bytes, Numbers


class Looks(IntEnum):
    """What may stand in a window."""

    LIKE_EMAIL = 0
    LIKE_NUMBER = 1
    LIKE_HEALTH_NUMBER = 2
    LIKE_INSURANCE = 3
    LIKE_ACCOUNT = 4
    LIKE_POSTCODE = 5
    LIKE_ADDRESS = 6
    LIKE_SECRET = 7
    LIKE_KEY = 8
    LIKE_BASE64 = 9


EMAIL, NUMBER, HEALTH, INSURANCE, ACCOUNT, POSTCODE, ADDRESS, SECRET, KEY, BASE64 = (int(kind) for kind in Looks)

HIDDEN = (
    *("token", "secret", "password", "passwd", "passphrase", "pwd", "signature", "authorization"),
    *("api-key", "access-key", "secret-key", "private-key", "session-id"),
)
"""What secrets are called; the hyphen may be missing, or another sign."""

SHORTEST_BASE64 = 16
_LONGEST_SECRET = 4096
_BEARER = np.uint64(int.from_bytes(b"bearer", "little"))  # as `plain_letters` gives it
_REACH = 96  # bytes of an address before its @
_DOMAIN_REACH = 260
_SAYS_HEALTH = 24  # bytes before a number in which its being an NHS number is said
_USUALLY_APART = 64  # bytes between one window and the next; where they are closer, texts are read twice

_IN_BASE64 = np.full(256, -1, np.int8)
for _value, _character in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):
    _IN_BASE64[ord(_character)] = _value
_IN_BASE64[ord("-")], _IN_BASE64[ord("_")] = 62, 63

_IN_LOCAL_PART = (CLASSES > OTHER) & (CLASSES < AT)
_IN_LOCAL_PART[[ord(character) for character in "._+'-"]] = True
_IN_LOCAL_PART[0x80:] = True

_ENDINGS = np.zeros((len(HIDDEN), 16), np.uint8)
for _row, _name in enumerate(HIDDEN):
    _ENDINGS[_row, : len(_name)] = np.frombuffer(_name[::-1].encode(), np.uint8)

_ENDS = np.zeros((32, 32, 32), np.bool_)  # the last three letters of these names
for _name in HIDDEN:
    for _joined in ("-", "_", ""):
        _ENDS[tuple(ord(letter) & 31 for letter in _name.replace("-", _joined)[-3:])] = True

_KEYS = np.array(
    [
        int.from_bytes(begin.encode(), "little")
        for begin in (
            *("AKIA", "ASIA", "eyJh", "eyJ0", "eyJr", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "gith", "glpa", "npm_"),
            *("xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xapp", "sk_l", "sk_t", "rk_l", "AIza", "SG.", "pypi"),
        )
    ],
    np.int64,
)
"""How keys begin that services give out: Amazon's, GitHub's, GitLab's, npm's, Slack's, Stripe's, Google's, JWTs."""


@dataclass(frozen=True)
class Windows:
    """Offsets into a buffer, in order, and what the windows look like."""

    starts: Numbers
    ends: Numbers
    looks: Numbers


def windows(buffer: Bytes) -> Windows:
    """The windows of texts, each with a NUL after it, the last one with eight."""
    room = np.empty((len(buffer) // _USUALLY_APART + 64, 3), np.int64)
    count = _windows(room, buffer)
    if count > len(room):
        room = np.empty((count, 3), np.int64)
        _windows(room, buffer)
    return Windows(room[:count, 0], room[:count, 1], room[:count, 2])


@kernel
def _windows(found: Numbers, buffer: Bytes) -> int:
    """Note the windows; gives how many there are, noted as far as they fit.

    What is done for every word stands here: a call with an array costs as much as reading fifty bytes.
    """
    count, place, packed_until = 0, 0, 0
    while place < len(buffer):
        kind = CLASSES[buffer[place]]
        if kind == OTHER:
            place += 1
            continue
        if kind == AT:
            count = _note(found, count, _local_part(buffer, place), _domain(buffer, place), EMAIL)
            place += 1
            continue
        if kind == SIGN:
            last = place - 2 if place > 1 and buffer[place - 1] == 0x22 else place - 1
            may_name = last > 1 and _ENDS[buffer[last - 2] & 31, buffer[last - 1] & 31, buffer[last] & 31]
            if may_name or (is_in_ipv6(buffer, place - 1) and is_in_ipv6(buffer, place + 1)):
                count = _sign(found, count, buffer, place)
            place += 1
            continue
        taken, eight = plain_letters(buffer, place)
        end, letters = place + taken, _letters_of(eight)
        while taken == 8:
            taken, eight = plain_letters(buffer, end)
            end, letters = end + taken, letters + _letters_of(eight)
        digits = end - place - letters
        if end - place == 8 and buffer[end] == 0x2D and is_uuid(buffer, place):
            place += 36
            continue
        if place >= packed_until and (end - place >= SHORTEST_BASE64 or _IN_BASE64[buffer[end]] >= 0):
            packed_until = end
            while _IN_BASE64[buffer[packed_until]] >= 0:
                packed_until += 1
            if packed_until - place >= SHORTEST_BASE64:
                count = _packed(found, count, buffer, place, packed_until)
        if digits == end - place:
            if digits < 9 and not _has_digit_near(buffer, end):
                place = end
            else:
                count, place = _digits(found, count, buffer, place)
        elif CLASSES[buffer[place]] != DIGIT and (digits or (end - place == 2 and _has_digit_near(buffer, end))):
            count, place = _letters_and_digits(found, count, buffer, place, end)
        else:
            if end - place == 6 and eight == _BEARER:
                count = _note(found, count, place, _text_end(buffer, place, _LONGEST_SECRET), SECRET)
            place = end
    return count


@kernel
def _sign(found: Numbers, count: int, buffer: Bytes, place: int) -> int:
    """At a colon or an equals sign."""
    start = _hidden_name(buffer, place)
    if start >= 0:
        count = _note(found, count, start, _text_end(buffer, place, _LONGEST_SECRET), SECRET)
    end = ipv6_end(buffer, place) if buffer[place] == 0x3A else 0
    if end:
        count = _note(found, count, ipv6_start(buffer, place), end, ADDRESS)
    return count


@inlined
def _note(found: Numbers, count: int, start: int, end: int, looks: int) -> int:
    if count < len(found):
        found[count, 0], found[count, 1], found[count, 2] = start, end, looks
    return count + 1


@inlined
def _letters_of(eight: np.uint64) -> int:
    """How many of `plain_letters` are letters: digits have another second bit."""
    return int((((eight >> np.uint64(6)) & EACH) * EACH) >> np.uint64(56))


@inlined
def _has_digit_near(buffer: Bytes, end: int) -> bool:
    """Whether a digit follows after one to three signs."""
    near = (
        class_at(buffer, end + 1) == DIGIT or class_at(buffer, end + 2) == DIGIT or class_at(buffer, end + 3) == DIGIT
    )
    return near or buffer[end] >= 0x80


@kernel
def _text_end(buffer: Bytes, place: int, reach: int) -> int:
    end = place
    while end < len(buffer) and end < place + reach and buffer[end] != 0:
        end += 1
    return end


@kernel
def _letters_and_digits(found: Numbers, count: int, buffer: Bytes, place: int, end: int) -> tuple[int, int]:
    """At a word that begins with a letter, and has digits or is two letters."""
    letters = 1 if not is_letter(buffer, place + 1) else 2 if not is_letter(buffer, place + 2) else 3
    if letters == 3:
        return count, end
    digits = place + letters
    if letters == 2:
        after = insurance_end(buffer, digits)
        if after:
            return _note(found, count, place, after, INSURANCE), after
    if class_at(buffer, digits) != DIGIT:
        return count, end
    if letters == 2 and class_at(buffer, digits + 1) == DIGIT:
        after = account_end(buffer, place)
        if after:
            return _note(found, count, place, after, ACCOUNT), after
    after = postcode_end(buffer, digits)
    if after:
        return _note(found, count, max(place - 2, 0), min(after + 2, len(buffer)), POSTCODE), after
    return count, end


@kernel
def _says(buffer: Bytes, start: int, end: int, one: int, two: int, three: int) -> bool:
    """Whether three letters (in lower case) stand in a row somewhere."""
    for place in range(max(start, 0), end - 2):
        if buffer[place] | 0x20 == one and buffer[place + 1] | 0x20 == two and buffer[place + 2] | 0x20 == three:
            return True
    return False


@kernel
def _digits(found: Numbers, count: int, buffer: Bytes, place: int) -> tuple[int, int]:
    """At a word of digits."""
    after = date_end(buffer, place)
    if after:
        return count, after
    after = ipv4_end(buffer, place)
    if after:
        return _note(found, count, place, after, ADDRESS), after
    after, digits = number_end(buffer, place)
    if digits == 10 and after - place == 10 and _says(buffer, place - _SAYS_HEALTH, place, 0x6E, 0x68, 0x73):
        return _note(found, count, place, after, HEALTH), after
    if digits >= 9:
        sign = buffer[place - 1] if place else 0
        before = 2 if place > 1 and (sign == 0x3A or sign == 0x2E) else 1 if sign == 0x2B else 0
        count = _note(found, count, place - before, min(after + 1, len(buffer)), NUMBER)
    return count, after


@kernel
def _local_part(buffer: Bytes, at: int) -> int:
    place = at
    while place > 0 and at - place < _REACH and _IN_LOCAL_PART[buffer[place - 1]]:
        place -= 1
    while place < at and buffer[place] & 0xC0 == 0x80:  # not in the midst of a character
        place += 1
    return place


@kernel
def _domain(buffer: Bytes, at: int) -> int:
    place = at + 1
    while place < len(buffer) and place - at < _DOMAIN_REACH:
        byte = buffer[place]
        if byte < 0x80 and byte != 0x2D and byte != 0x2E and not is_alphanumeric(buffer, place):
            break
        place += 1
    return place


@kernel
def _hidden_name(buffer: Bytes, sign: int) -> int:
    """Where a name of something secret begins that ends before a sign (and quotes and spaces), -1 without one."""
    last = sign - 1
    while last >= 0 and sign - last < 4 and buffer[last] in (0x20, 0x22, 0x27):
        last -= 1
    for row in range(len(_ENDINGS)):
        place, letter = last, 0
        while place >= 0 and _ENDINGS[row, letter]:
            if _ENDINGS[row, letter] == 0x2D:  # api_key, api-key, apikey
                place -= buffer[place] == 0x2D or buffer[place] == 0x5F
                letter += 1
            elif buffer[place] | 0x20 == _ENDINGS[row, letter]:
                place -= 1
                letter += 1
            else:
                break
        if letter and _ENDINGS[row, letter] == 0:
            return place + 1
    return -1


@kernel
def _packed(found: Numbers, count: int, buffer: Bytes, place: int, end: int) -> int:
    """Note what may be base64 (RFC 4648, either alphabet) or a service's key, whole or between slashes."""
    part = place
    while end - part >= SHORTEST_BASE64:
        key = int(buffer[part]) | int(buffer[part + 1]) << 8 | int(buffer[part + 2]) << 16 | int(buffer[part + 3]) << 24
        for known in _KEYS:
            if key == known:
                return _note(found, count, part, _key_end(buffer, end), KEY)
        slash = part
        while slash < end and buffer[slash] != 0x2F:
            slash += 1
        if part == place and slash < end and _holds_text(buffer, part, end):
            count = _note(found, count, part, _padding_end(buffer, end), BASE64)
        if slash - part >= SHORTEST_BASE64 and _holds_text(buffer, part, slash):
            count = _note(found, count, part, _padding_end(buffer, slash), BASE64)
        part = slash + 1
    return count


@kernel
def _key_end(buffer: Bytes, end: int) -> int:
    """A JWT's three parts have full stops between them (RFC 7519)."""
    while end < len(buffer) and (_IN_BASE64[buffer[end]] >= 0 or buffer[end] == 0x2E):
        end += 1
    return end


@kernel
def _padding_end(buffer: Bytes, end: int) -> int:
    for _sign in range(2):
        if end < len(buffer) and buffer[end] == 0x3D:
            end += 1
    return end


@kernel
def _holds_text(buffer: Bytes, start: int, end: int) -> bool:
    """Whether base64 could hold UTF-8 without control characters, and is no mere word in small letters."""
    bits, held, more, capitals = 0, 0, 0, 0
    for place in range(start, end):
        capitals += CLASSES[buffer[place]] == UPPER
        bits, held = (bits << 6 | int(_IN_BASE64[buffer[place]])) & 0xFFFF, held + 6
        if held < 8:
            continue
        held -= 8
        byte = bits >> held & 0xFF
        if more:
            if byte & 0xC0 != 0x80:
                return False
            more -= 1
        elif byte >= 0x80:
            if not 0xC2 <= byte < 0xF5:
                return False
            more = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
        elif byte == 0x7F or (byte < 0x20 and byte not in (0x09, 0x0A, 0x0D)):
            return False
    return more == 0 and capitals > 0
