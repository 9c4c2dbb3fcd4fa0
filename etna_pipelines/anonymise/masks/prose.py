"""Text made of text: other letters in the same places, other words of the same number."""

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.values import Bytes, Numbers, Values

Seeds = npt.NDArray[np.uint64]


def scrambled(values: Values, seeds: Seeds) -> Values:
    """Other ASCII letters for letters (of any script), other digits for digits; case, spaces and punctuation stay."""
    return _scrambled(values, seeds, 0)


def redacted(values: Values, character: str) -> Values:
    """An ASCII character for every letter and digit; spaces and punctuation stay."""
    return _scrambled(values, np.zeros(len(values), np.uint64), ord(character))


def _scrambled(values: Values, seeds: Seeds, fill: int) -> Values:
    starts = _starts(values.lengths)
    source = (values.buffer, values.starts, values.lengths)
    return Values(*_scramble(*source, starts, _room(values.lengths), seeds, fill))


def prose(values: Values, seeds: Seeds, words: Values) -> Values:
    """A word of `words` for each word. White space stays, and so do a capital at a word's beginning and a mark at its
    end."""
    longest = int(words.lengths.max())
    # Half of a text's bytes may be words of one letter, with white space between.
    room = (np.maximum(values.lengths, 0) + 1) // 2 * (longest + 2) + 1
    starts = _starts(room)
    source = (values.buffer, values.starts, values.lengths)
    return Values(*_prose(*source, starts, _room(room), seeds, words.buffer, words.starts, words.lengths))


def _room(lengths: Numbers) -> int:
    return int(np.maximum(lengths, 0).sum())


def _starts(lengths: Numbers) -> Numbers:
    """Where each of some lengths begins, one after another."""
    taken = np.maximum(lengths, 0)
    return np.cumsum(taken) - taken


@kernel
def _drawn(state: np.uint64) -> np.uint64:
    """SplitMix64's output for a state (Steele, Lea and Flood 2014)."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _is_punctuation(code: int) -> bool:
    """Of characters beyond ASCII: what no script has for letters or digits in Latin-1, in General Punctuation and in
    CJK Symbols and Punctuation. Signs elsewhere are taken for letters."""
    if 0x80 <= code <= 0xBF:
        is_letter = code == 0xAA or code == 0xB5 or code == 0xBA
        return not (is_letter or code == 0xB2 or code == 0xB3 or code == 0xB9 or 0xBC <= code <= 0xBE)
    return 0x2000 <= code <= 0x206F or 0x3000 <= code <= 0x3004 or 0x3008 <= code <= 0x3020


@kernel
def _scramble(
    buffer: Bytes, starts: Numbers, lengths: Numbers, into: Numbers, room: int, seeds: Seeds, fill: int
) -> tuple[Bytes, Numbers, Numbers]:
    """Written from `into` on, with drawn letters and digits, or `fill` instead of either where that is not 0."""
    out = np.empty(room, np.uint8)
    made = lengths.copy()
    for row in range(len(starts)):
        state, place = seeds[row], into[row]
        position, end = starts[row], starts[row] + lengths[row]
        while position < end:
            byte = buffer[position]
            position += 1
            if byte < 0x80:
                begin = 0
                if 48 <= byte <= 57:
                    begin = 48
                elif 65 <= byte <= 90:
                    begin = 65
                elif 97 <= byte <= 122:
                    begin = 97
                if begin:
                    state += np.uint64(0x9E3779B97F4A7C15)
                    byte = np.uint8(fill or begin + _drawn(state) % np.uint64(10 if begin == 48 else 26))
                out[place] = byte
                place += 1
                continue
            begin, code = position - 1, int(byte) & (0x1F if byte < 0xE0 else 0x0F if byte < 0xF0 else 0x07)
            while position < end and buffer[position] & 0xC0 == 0x80:
                code = code << 6 | (int(buffer[position]) & 0x3F)
                position += 1
            if _is_punctuation(code):
                for offset in range(begin, position):
                    out[place] = buffer[offset]
                    place += 1
            else:
                state += np.uint64(0x9E3779B97F4A7C15)
                out[place] = np.uint8(fill or 97 + _drawn(state) % np.uint64(26))
                place += 1
        if lengths[row] > 0:
            made[row] = place - into[row]
    return out, into, made


@kernel
def _prose(
    buffer: Bytes,
    starts: Numbers,
    lengths: Numbers,
    into: Numbers,
    room: int,
    seeds: Seeds,
    words: Bytes,
    word_starts: Numbers,
    word_lengths: Numbers,
) -> tuple[Bytes, Numbers, Numbers]:
    out = np.empty(room, np.uint8)
    made = lengths.copy()
    for row in range(len(starts)):
        state, place = seeds[row], into[row]
        position, end = starts[row], starts[row] + lengths[row]
        while position < end:
            byte = buffer[position]
            if byte <= 32:
                out[place] = byte
                place += 1
                position += 1
                continue
            is_capital = 65 <= byte <= 90
            while position < end and buffer[position] > 32:
                position += 1
            last = buffer[position - 1]
            state += np.uint64(0x9E3779B97F4A7C15)
            word = np.int64(_drawn(state) % np.uint64(len(word_starts)))
            begin = place
            for offset in range(word_lengths[word]):
                out[place] = words[word_starts[word] + offset]
                place += 1
            if is_capital and 97 <= out[begin] <= 122:
                out[begin] -= np.uint8(32)
            if last == 33 or last == 44 or last == 46 or last == 58 or last == 59 or last == 63:  # ! , . : ; ?
                out[place] = last
                place += 1
        if lengths[row] > 0:
            made[row] = place - into[row]
    return out, into, made
