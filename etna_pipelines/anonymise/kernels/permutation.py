"""Integers for integers: a keyed one-to-one mapping that keeps the sign and fits the same type.

Numbers below 2^15 become others below 2^15, those from there to 2^31 others of that span, likewise to 2^63: so equal
ids become equal in a `smallint`, an `integer` and a `bigint`. A Feistel network of ten rounds (NIST SP 800-38G has as
many) with SipHash-2-4 (Aumasson and Bernstein 2012) as its round function goes over the next power of four, and again
until it lands in the span.
"""

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.kernels.siphash import sip_round
from etna_pipelines.anonymise.values import Numbers

_ROUNDS = 10


def permuted(numbers: Numbers, key: bytes) -> Numbers:
    """Another number for each, under 16 bytes of key."""
    return _permute(numbers, np.frombuffer(key, np.uint64))


@kernel
def siphash(word: np.uint64, key: npt.NDArray[np.uint64]) -> np.uint64:
    """SipHash-2-4 of a message of eight bytes."""
    v0, v1 = key[0] ^ np.uint64(0x736F6D6570736575), key[1] ^ np.uint64(0x646F72616E646F6D)
    v2, v3 = key[0] ^ np.uint64(0x6C7967656E657261), key[1] ^ np.uint64(0x7465646279746573)
    for block in (word, np.uint64(8 << 56)):  # the message, and its length
        v3 ^= block
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
        v0 ^= block
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = sip_round(v0, v1, v2, v3)
    return np.uint64(v0 ^ v1 ^ v2 ^ v3)


@kernel
def _permute(numbers: Numbers, key: npt.NDArray[np.uint64]) -> Numbers:
    out = np.empty_like(numbers)
    for row in range(len(numbers)):
        negative = numbers[row] < 0
        number = np.uint64(-1 - numbers[row] if negative else numbers[row])
        low, half = np.uint64(0), 8
        if number >= np.uint64(1 << 31):
            low, half = np.uint64(1 << 31), 32
        elif number >= np.uint64(1 << 15):
            low, half = np.uint64(1 << 15), 16
        high = np.uint64(1) << np.uint64(2 * half - 1)
        mask = (np.uint64(1) << np.uint64(half)) - np.uint64(1)
        context = np.uint64(half << 48) | np.uint64(negative) << np.uint64(56)  # behind the half's 32 bits at most
        first = True
        while first or not low <= number < high:
            first = False
            left, right = number >> np.uint64(half), number & mask
            for turn in range(_ROUNDS):
                message = right | context | np.uint64(turn << 40)
                left, right = right, left ^ (siphash(message, key) & mask)
            number = (left << np.uint64(half)) | right
        out[row] = -1 - np.int64(number) if negative else np.int64(number)
    return out
