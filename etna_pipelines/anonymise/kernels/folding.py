"""Lower case without outer white space: what makes one of `Siân`, ` SIÂN` and `siân`."""

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers, Values


def lowered(values: Values) -> Values:
    """Values in lower case and without white space around, as Unicode has both. NULL stays NULL."""
    out, starts, lengths, beyond = _lowered(values.buffer, values.starts, values.lengths, _LOWER)
    if beyond.any():
        others = Values.of(values.at(beyond).series().str.strip_chars().str.to_lowercase())
        starts[beyond], lengths[beyond] = others.starts + len(out), others.lengths
        out = np.concatenate([out, others.buffer])
    return Values(out, starts, lengths)


def _two_byte_lower() -> Bytes:
    """For each character of two bytes (U+0080 to U+07FF) the two of its lower case; zeros for what needs to be looked
    at more closely: spaces, letters that become two, and the Greek S, which ends words in another form."""
    table = np.zeros((0x800, 2), np.uint8)
    for code in range(0x80, 0x800):
        lower = chr(code).lower().encode()
        if len(lower) == 2 and not chr(code).isspace() and chr(code) != "Σ":
            table[code] = list(lower)
    return table


_LOWER = _two_byte_lower()


@inlined
def is_space(byte: np.uint8) -> bool:
    return bool(byte == 32 or 9 <= byte <= 13)


@kernel
def _lowered(buffer: Bytes, starts: Numbers, lengths: Numbers, lower: Bytes) -> tuple[Bytes, Numbers, Numbers, Choice]:
    """The values, and which of them hold what the table does not know."""
    most = 0
    for length in lengths:
        most += max(length, 0)
    out = np.empty(most, np.uint8)
    places, sizes = np.zeros(len(starts), np.int64), lengths.copy()
    beyond = np.zeros(len(starts), np.bool_)
    place = 0
    for row in range(len(starts)):
        start, end = starts[row], starts[row] + lengths[row]
        while start < end and is_space(buffer[start]):
            start += 1
        while start < end and is_space(buffer[end - 1]):
            end -= 1
        places[row] = place
        while start < end:
            byte = buffer[start]
            if byte < 0x80:
                out[place] = byte + 32 if 65 <= byte <= 90 else byte
                start += 1
                place += 1
                continue
            code = (int(byte) & 0x1F) << 6 | (int(buffer[start + 1]) & 0x3F)
            if byte >= 0xE0 or lower[code, 0] == 0:
                beyond[row] = True
                break
            out[place], out[place + 1] = lower[code]
            start += 2
            place += 2
        if lengths[row] >= 0:
            sizes[row] = place - places[row]
    return out, places, sizes, beyond
