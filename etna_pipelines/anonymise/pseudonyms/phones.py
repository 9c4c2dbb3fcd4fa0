"""Phone numbers of the UK: as they are dialled inside the country, and fake ones."""

from functools import cache

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

PHONE_AREAS = [
    # Ofcom, "Telephone numbers for use in TV and radio drama programmes": 1,000 numbers after each prefix. The mobile
    # range (07700 900xxx) is left out, so that a pseudonym is never taken for a mobile that could get a message.
    *("0113 496 0", "0114 496 0", "0115 496 0", "0116 496 0", "0117 496 0", "0118 496 0"),
    *("0121 496 0", "0131 496 0", "0141 496 0", "0151 496 0", "0161 496 0", "0191 498 0"),
    *("020 7946 0", "028 9649 6", "029 2018 0", "01632 960", "03069 990", "0808 157 0"),
]


def _forms(area: str) -> tuple[str, str, str, str]:
    """The beginning of a number without spaces and with them, then likewise from abroad."""
    return area.replace(" ", ""), area, f"+44{area[1:].replace(' ', '')}", f"+44 {area[1:]}"


@cache
def phone_forms() -> Values:
    """How fake numbers begin: four forms of each area. Made when it is first asked for: a process that has worked with
    Polars can't be forked, and one that only imported this can."""
    return Values.of(form for area in PHONE_AREAS for form in _forms(area))


def national_numbers(values: Values) -> tuple[Values, Numbers]:
    """The digits of UK phone numbers as dialled inside the country, `+44 (0)7700 900123` -> `07700900123`; and the form
    that each had: 1 with spaces, 2 from abroad, 3 both."""
    out, starts, lengths, forms = _national(values.buffer, values.starts, values.lengths)
    return Values(out, starts, lengths), forms


@kernel
def _national(buffer: Bytes, starts: Numbers, lengths: Numbers) -> tuple[Bytes, Numbers, Numbers, Numbers]:
    most = 0
    for length in lengths:
        most += max(length, 0)
    out = np.empty(most, np.uint8)
    places = np.empty(len(starts), np.int64)
    sizes = lengths.copy()
    forms = np.zeros(len(starts), np.int64)
    end = 0
    for row in range(len(starts)):
        first = end
        is_spaced = False
        for position in range(starts[row], starts[row] + lengths[row]):
            byte = buffer[position]
            if 48 <= byte <= 57 or byte == 43:  # a digit or "+"
                out[end] = byte
                end += 1
                if is_spaced:
                    forms[row] = 1
            elif byte == 32:
                is_spaced = end > first  # between digits
        places[row] = first
        if lengths[row] >= 0:
            abroad = _code(out, first, end)
            forms[row] += 2 * int(abroad > 0)
            kept = first
            if abroad:
                out[kept] = 48
                kept += 1
            for position in range(first + abroad, end):
                if out[position] != 43:
                    out[kept] = out[position]
                    kept += 1
            sizes[row] = kept - first
            end = kept
    return out, places, sizes, forms


@kernel
def _code(digits: Bytes, start: int, end: int) -> int:
    """How many characters of a number are the country's code, `+44` or `0044`, and the `(0)` behind it."""
    after = start
    if after < end and digits[after] == 43:
        after += 1
    elif after + 1 < end and digits[after] == 48 and digits[after + 1] == 48:
        after += 2
    if after == start or after + 1 >= end or digits[after] != 52 or digits[after + 1] != 52:
        return 0
    after += 2
    return after - start + int(after < end and digits[after] == 48)
