"""SipHash-2-4: a keyed hash of 64 bits that is made for short values.

J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012). Who does not know the key can't tell the
hash of a value from chance, nor try values until one fits.
"""

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.eights import HIGHEST, load, load_some, lower
from etna_pipelines.anonymise.kernels.folding import is_space, lowered
from etna_pipelines.anonymise.kernels.kernel import inlined, kernel
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers, Values

Hashes = npt.NDArray[np.uint64]


def hashes_of(values: Values, key: bytes, *, folded: bool = False) -> Hashes:
    """The hashes of values under a key of 16 bytes, 0 for NULL.

    `folded`: without regard to case and to white space around, whatever the alphabet.
    """
    first, second = np.frombuffer(key, "<u8")
    hashes, _none, beyond = _siphash(values.buffer, values.starts, values.lengths, first, second, folded, False)
    if folded and beyond.any():  # what is not ASCII
        others = lowered(values.at(beyond))
        hashes[beyond] = _siphash(others.buffer, others.starts, others.lengths, first, second, False, False)[0]
    return hashes


def wide_hashes_of(values: Values, key: bytes) -> Hashes:
    """Two hashes of each value, together 128 bits: the first is that of `hashes_of`, the second is made of the same
    state as the authors' SipHash-128 does it."""
    first, second = np.frombuffer(key, "<u8")
    return np.stack(_siphash(values.buffer, values.starts, values.lengths, first, second, False, True)[:2], axis=1)


@inlined
def _turned(word: np.uint64, bits: int) -> np.uint64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@inlined
def sip_round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v2 += v3
    v1 = _turned(v1, 13) ^ v0
    v3 = _turned(v3, 16) ^ v2
    v0 = _turned(v0, 32)
    v2 += v1
    v0 += v3
    v1 = _turned(v1, 17) ^ v2
    v3 = _turned(v3, 21) ^ v0
    v2 = _turned(v2, 32)
    return v0, v1, v2, v3


@kernel
def _siphash(
    buffer: Bytes, starts: Numbers, lengths: Numbers, first: np.uint64, second: np.uint64, folded: bool, wide: bool
) -> tuple[Hashes, Hashes, Choice]:
    """The hashes, their second halves where those are wanted, and which values are not ASCII."""
    hashes, more = np.zeros(len(starts), np.uint64), np.zeros(len(starts) if wide else 0, np.uint64)
    beyond = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        start, length = starts[row], lengths[row]
        if length < 0:
            continue
        if folded:
            while length > 0 and is_space(buffer[start]):
                start += 1
                length -= 1
            while length > 0 and is_space(buffer[start + length - 1]):
                length -= 1
        v0, v1 = first ^ np.uint64(0x736F6D6570736575), second ^ np.uint64(0x646F72616E646F6D)
        v2, v3 = first ^ np.uint64(0x6C7967656E657261), second ^ np.uint64(0x7465646279746573)
        seen = np.uint64(0)
        done = 0
        while done <= length:
            word = load(buffer, start + done) if done + 8 <= length else load_some(buffer, start + done, length - done)
            seen |= word
            if folded:
                word = lower(word)
            if done + 8 > length:
                word |= np.uint64(length) << np.uint64(56)
            v3 ^= word
            v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
            v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
            v0 ^= word
            done += 8
        v2 ^= np.uint64(0xFF)
        for _ in range(4):
            v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
        hashes[row] = v0 ^ v1 ^ v2 ^ v3
        if wide:
            v1 ^= np.uint64(0xDD)
            for _ in range(4):
                v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
            more[row] = v0 ^ v1 ^ v2 ^ v3
        beyond[row] = seen & HIGHEST != 0
    return hashes, more, beyond
