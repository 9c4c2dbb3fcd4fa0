"""Dates inside values, moved or rounded where they stand.

PostgreSQL writes dates, timestamps and ranges of them in ISO 8601 with four-digit years, so every value keeps its
length. `infinity`, years before Christ and beyond 9999, and the two dates that stand for "always" and "never"
(0001-01-01, 9999-12-31) are nobody's, and stay.
"""

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

UNITS = {"day": 1, "month": 2, "year": 3}
"""What dates can be rounded down to."""

_FIRST, _LAST = -719162, 2932896  # 0001-01-01 and 9999-12-31 in days since 1970-01-01


def shifted(values: Values, days: Numbers) -> Values:
    """Every date so many days later; the time of day and the offset from UTC stay."""
    return _changed(values, days, 0)


def rounded(values: Values, unit: str) -> Values:
    """Every date rounded down, its time of day 0; the offset from UTC stays."""
    return _changed(values, np.zeros(len(values), np.int64), UNITS[unit])


def _changed(values: Values, days: Numbers, unit: int) -> Values:
    taken = np.maximum(values.lengths, 0)
    into = np.cumsum(taken) - taken
    buffer = _change(values.buffer, values.starts, values.lengths, into, int(taken.sum()), days, unit)
    return Values(buffer, into, values.lengths)


@kernel
def _is_digit(byte: np.uint8) -> bool:
    return bool(48 <= byte <= 57)


@kernel
def _is_date(text: Bytes, at: int, end: int) -> bool:
    if at + 10 > end or text[at + 4] != 45 or text[at + 7] != 45:
        return False
    digits = 0
    for offset in range(10):
        digits += _is_digit(text[at + offset])
    return digits == 8


@kernel
def _is_nobodys(text: Bytes, at: int) -> bool:
    year, month, day = _number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2)
    return (year == 1 and month == 1 and day == 1) or (year == 9999 and month == 12 and day == 31)


@kernel
def _number(text: Bytes, at: int, digits: int) -> int:
    number = 0
    for position in range(at, at + digits):
        number = number * 10 + int(text[position]) - 48
    return number


@kernel
def _write(text: Bytes, at: int, digits: int, number: int) -> None:
    for position in range(at + digits - 1, at - 1, -1):
        text[position] = 48 + number % 10
        number //= 10


@kernel
def _later(text: Bytes, at: int, by: int) -> None:
    """Days from dates and back: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"."""
    year, month, day = _number(text, at, 4), _number(text, at + 5, 2), _number(text, at + 8, 2)
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
    days = min(max(days + by, _FIRST), _LAST) + 719468
    era = days // 146097
    day_of_era = days - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    _write(text, at, 4, year_of_era + era * 400 + (month <= 2))
    _write(text, at + 5, 2, month)
    _write(text, at + 8, 2, day_of_year - (153 * shifted_month + 2) // 5 + 1)


@kernel
def _round(text: Bytes, at: int, end: int, unit: int) -> None:
    if unit >= 2:
        _write(text, at + 8, 2, 1)
    if unit == 3:
        _write(text, at + 5, 2, 1)
    if at + 10 == end or text[at + 10] not in (32, 84):  # a space, or the T that JSON has there
        return
    position = at + 11  # the time, up to `+`, `-`, a quote or a comma
    while position < end and (_is_digit(text[position]) or text[position] == 58 or text[position] == 46):
        if _is_digit(text[position]):
            text[position] = 48
        position += 1


@kernel
def _change(
    buffer: Bytes, starts: Numbers, lengths: Numbers, into: Numbers, room: int, days: Numbers, unit: int
) -> Bytes:
    out = np.empty(room, np.uint8)
    for row in range(len(starts)):
        begin, before_christ = into[row], False
        end = begin + max(lengths[row], 0)
        for offset in range(end - begin):
            byte = buffer[starts[row] + offset]
            out[begin + offset] = byte
            before_christ |= byte == 66  # `0044-03-15 BC`
        position = begin
        while position < end and not before_christ:
            if not _is_date(out, position, end):
                position += 1
            elif position > begin and _is_digit(out[position - 1]):  # a year of five digits
                position += 10
            else:
                if _is_nobodys(out, position):
                    pass
                elif unit:
                    _round(out, position, end, unit)
                else:
                    _later(out, position, days[row])
                position += 10
    return out
