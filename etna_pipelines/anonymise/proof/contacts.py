"""E-mail addresses and phone numbers as keyed hashes: of whole values, and of what texts hold.

The hash of an e-mail is that of all its characters; of a phone number that of its digits as dialled inside the
country, so that `+44 (0)7700 900123` and `07700900123` are one.
"""

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.hash_sets import Index, known
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.proof.spelling import IGNORED, Hashes, Letters, code_at, folded, mixed, signed, whole_hash
from etna_pipelines.anonymise.proof.words import trimmed
from etna_pipelines.anonymise.values import NULL_LENGTH, Bytes, Choice, Numbers, Values

FEWEST, MOST = 9, 15
"""Digits of a phone number (E.164 allows 15)."""

_AT, _PLUS, _DOT, _ZERO = ord("@"), ord("+"), ord("."), ord("0")
_DASH, _UNDERSCORE, _QUOTE, _APOSTROPHE, _BACKSLASH, _SMALL_B, _SMALL_F = (ord(sign) for sign in "-_'’\\bf")
_BRITAIN = 44
IN_NUMBERS = np.isin(np.arange(256), np.frombuffer(b"0123456789 -()./+\xc2\xa0", np.uint8))
"""Digits, and what may stand between those of a phone number."""

_POWERS: Hashes = np.array([10**power for power in range(20)], np.uint64)


def emails_of(values: Values, letters: Letters, published: Index) -> tuple[Hashes, Choice]:
    """The hashes of the addresses, and which values are one that is of no published domain.

    `published`: the domains; those below them are published too.
    """
    return _emails(values.buffer, values.starts, values.lengths, letters, published)


def usernames_of(values: Values, letters: Letters) -> Values:
    """What addresses begin with, where digits say that it is a username too (`jane.doe82`); NULL elsewhere."""
    starts, lengths = _usernames(values.buffer, values.starts, values.lengths, letters)
    return Values(values.buffer, starts, lengths)


def phones_of(values: Values, letters: Letters) -> Hashes:
    """The hashes of values that are phone numbers of at least ten digits."""
    return _phones(values.buffer, values.starts, values.lengths, letters)


@inlined
def phone_hash(number: np.uint64, digits: int, zeros: int, plus: bool, seed: np.uint64) -> np.uint64:
    """Of a number with so many digits, of which the first `zeros` are 0, after a plus or not."""
    abroad = plus or zeros >= 2  # 00 is dialled for the plus
    significant = digits - zeros
    national = zeros == 1 and not plus
    if (abroad and 11 <= significant <= 13) or (zeros == 0 and 12 <= significant <= 13):
        rest = _POWERS[significant - 2]
        if number // rest == _BRITAIN and (abroad or significant == 12 or number % rest < rest // np.uint64(10)):
            number %= rest
            national = True
    return mixed((number * np.uint64(2) + np.uint64(national)) ^ seed)


@inlined
def is_published(buffer: Bytes, start: int, end: int, letters: Letters, published: Index) -> bool:
    """Whether a domain, or one that it is below of, is among the published ones."""
    domains, places, shift = published
    if len(domains):
        for position in range(start, end):
            begins = position == start or buffer[position - 1] == _DOT
            if begins and known(domains, places, shift, whole_hash(buffer, position, end, letters)):
                return True
    return False


@kernel
def _emails(
    buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters, published: Index
) -> tuple[Hashes, Choice]:
    hashes = np.zeros(len(starts), np.uint64)
    counts = np.zeros(len(starts), np.bool_)
    are_published = len(published.hashes) > 0
    for row in range(len(starts)):
        start, end = trimmed(buffer, starts[row], starts[row] + lengths[row])
        if start >= end:
            continue
        if are_published:
            domain = end
            while domain > start and buffer[domain - 1] != _AT:
                domain -= 1
            if domain > start and is_published(buffer, domain, end, letters, published):
                continue
        hashes[row] = whole_hash(buffer, start, end, letters)
        counts[row] = True
    return hashes, counts


@kernel
def _usernames(buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters) -> tuple[Numbers, Numbers]:
    begins = np.zeros(len(starts), np.int64)
    sizes = np.full(len(starts), NULL_LENGTH, np.int64)
    numbers = letters.words
    for row in range(len(starts)):
        start, end = trimmed(buffer, starts[row], starts[row] + lengths[row])
        run, digits = 0, 0  # letters since the last sign, digits after them
        position = start
        while position < end:
            code, length = int(buffer[position]), 1
            if code < 128:
                letter = numbers[code] != 0 and not 48 <= code < 58
            else:
                code, length = code_at(buffer, position, end)
                letter = folded(code, letters) > IGNORED
            if 48 <= code < 58 and run >= 2:
                digits += 1
            elif digits:
                if code in (_AT, _PLUS):
                    begins[row], sizes[row] = start, position - start
                break
            elif code in (_DOT, _UNDERSCORE, _DASH) and run:
                run = 0
            elif letter and not digits:
                run += 1
            else:
                break
            position += length
    return begins, sizes


@kernel
def _phones(buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters) -> Hashes:
    hashes = np.empty(len(starts), np.uint64)
    made = 0
    for row in range(len(starts)):
        number = np.uint64(0)
        digits, zeros = 0, 0
        plus = False
        for position in range(starts[row], starts[row] + lengths[row]):
            byte = buffer[position]
            if 48 <= byte < 58:
                zeros += byte == _ZERO and zeros == digits
                digits += 1
                number = number * np.uint64(10) + np.uint64(byte - _ZERO)
            elif byte == _PLUS and digits == 0:
                plus = True
        if FEWEST <= digits <= MOST + 2 and (digits > FEWEST or plus):
            hashes[made] = phone_hash(number, digits, zeros, plus, letters.seed)
            made += 1
    return hashes[:made]


def hashes_of(texts: list[str], letters: Letters) -> Hashes:
    """The sorted hashes of whole texts."""
    values = Values.of(texts)
    return np.unique(_wholes(values.buffer, values.starts, values.lengths, letters))


@kernel
def _wholes(buffer: Bytes, starts: Numbers, lengths: Numbers, letters: Letters) -> npt.NDArray[np.uint64]:
    hashes = np.empty(len(starts), np.uint64)
    for row in range(len(starts)):
        hashes[row] = whole_hash(buffer, starts[row], starts[row] + lengths[row], letters)
    return hashes


@inlined
def phone_before(
    raw: Bytes, end: int, seed: np.uint64, phones: Hashes, places: Numbers, shift: np.uint64
) -> tuple[np.uint64, int]:
    """The hash and the start of a known phone number whose last digit stands before `end`; start -1 where none is.

    Up to three signs may stand between digits; letters may stand before, but no digit of a hash.
    """
    number, power, zero, one = np.uint64(0), np.uint64(1), np.uint64(0), np.uint64(1)
    digits, zeros, gap = 0, 0, 0
    position = np.uint64(end)
    while position > zero and digits < MOST + 2:
        position -= one
        byte = raw[position]
        if 48 <= byte < 58:
            number += np.uint64(byte - _ZERO) * power
            power *= np.uint64(10)
            zeros = zeros + 1 if byte == _ZERO else 0
            digits += 1
            gap = 0
            if digits >= FEWEST and not _is_hexadecimal(raw, signed(position) - 1):
                plus = bool(position > zero and raw[position - one] == _PLUS)
                hash_ = phone_hash(number, digits, zeros, plus, seed)
                if known(phones, places, shift, hash_):
                    return hash_, signed(position)
        elif gap < 3 and IN_NUMBERS[byte]:
            gap += byte != 0xC2  # a no-break space is two bytes
        else:
            break
    return np.uint64(0), -1


@inlined
def _is_hexadecimal(raw: Bytes, position: int) -> bool:
    """Whether a digit of a hash may stand there: the letter of an escape such as a form feed's is none."""
    if position < 0:
        return False
    byte = raw[position]
    if 48 <= byte < 58:
        return True
    if 97 <= (byte | 32) <= 102:
        return not (position and raw[position - 1] == _BACKSLASH and byte in (_SMALL_B, _SMALL_F))
    return False


@inlined
def _local_start(raw: Bytes, at: int, words: Hashes, letters: Letters) -> int:
    """Where what may stand before an address's @ begins."""
    position = at
    while position > 0:
        byte = raw[position - 1]
        if byte < 128:
            if words[byte] == 0 and byte not in (_DOT, _UNDERSCORE, _PLUS, _QUOTE, _DASH):
                break
            position -= 1
        else:
            start = position - 1
            while start > 0 and raw[start] & 0xC0 == 0x80:
                start -= 1
            code, _ = code_at(raw, start, position)
            if folded(code, letters) == 0 and code != _APOSTROPHE:
                break
            position = start
    return position


@inlined
def _domain_end(raw: Bytes, at: int, words: Hashes, letters: Letters) -> int:
    """Where the domain after an @ ends: two labels at least; `at` where there is none."""
    position = end = at + 1
    dots, label = 0, 0
    while position < len(raw):
        byte = raw[position]
        length = 1
        if byte == _DOT:
            if not label:
                break
            dots += 1
            label = 0
        elif byte < 128:
            if words[byte] == 0 and byte != _DASH:
                break
            label += 1
        else:
            code, length = code_at(raw, position, len(raw))
            if folded(code, letters) == 0:
                break
            label += 1
        position += length
        if dots and label:
            end = position
    return end if end > at + 1 else at


@kernel
def addresses(
    raw: Bytes, signs: Numbers, letters: Letters, emails: Index
) -> tuple[Numbers, Numbers, Numbers, Hashes, Hashes]:
    """The e-mail addresses around each @: starts, ends, positions of the @, hashes of their domains, and hashes of
    those that are known, or 0.

    An address is known, too, without what stands before a sign or an escape's letter in it: `to+jane@...`.
    """
    starts, ends, ats = np.empty_like(signs), np.empty_like(signs), np.empty_like(signs)
    domains, hashes = np.empty(len(signs), np.uint64), np.empty(len(signs), np.uint64)
    known_emails, places, shift = emails
    words = letters.words
    made = 0
    for at in signs:
        end = _domain_end(raw, at, words, letters)
        start = _local_start(raw, at, words, letters)
        if end == at or start == at:
            continue
        starts[made], ends[made], ats[made] = start, end, at
        domains[made] = whole_hash(raw, at + 1, end, letters)
        hashes[made] = 0
        if len(known_emails):
            for begin in range(start, at):
                if begin == start or words[raw[begin - 1] & 127] == 0 or begin == start + 1:
                    hash_ = whole_hash(raw, begin, end, letters)
                    if known(known_emails, places, shift, hash_):
                        hashes[made] = hash_
                        starts[made] = begin
                        break
        made += 1
    return starts[:made], ends[:made], ats[:made], domains[:made], hashes[:made]
