"""Bytes eight at a time, for kernels: a value of some twenty bytes is three steps instead of twenty.

The compiler makes one machine instruction of each `load` and `store` (little-endian, wherever the bytes stand).
"""

from typing import TYPE_CHECKING

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import inlined

if TYPE_CHECKING:
    from etna_pipelines.anonymise.values import Bytes

SLACK = 16
"""Bytes that a buffer needs behind what is written to it eight at a time."""

EACH = np.uint64(0x0101010101010101)
"""Times a byte: that byte, eight times."""

HIGHEST = EACH * np.uint64(128)
"""The highest bit of each."""


@inlined
def load(buffer: "Bytes", place: int) -> np.uint64:
    """The eight bytes from a place on, which must all be in the buffer."""
    word = np.uint64(0)
    for index in range(8):
        word |= np.uint64(buffer[np.uint64(place) + np.uint64(index)]) << np.uint64(8 * index)
    return word


@inlined
def load_some(buffer: "Bytes", place: int, count: int) -> np.uint64:
    """At most eight bytes from a place on, and zeros."""
    if place + 8 <= len(buffer):
        word = load(buffer, place)
        return word if count >= 8 else word & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1))
    word = np.uint64(0)
    for index in range(min(count, 8)):
        word |= np.uint64(buffer[place + index]) << np.uint64(8 * index)
    return word


@inlined
def store(out: "Bytes", place: int, word: np.uint64) -> None:
    for index in range(8):
        out[np.uint64(place) + np.uint64(index)] = np.uint8(word >> np.uint64(8 * index))


@inlined
def copy(out: "Bytes", place: int, buffer: "Bytes", start: int, length: int) -> int:
    """Copy a value, and say where the next may stand. Up to SLACK bytes behind it are written over."""
    done = 0
    if start + length + 16 <= len(
        buffer
    ):  # always sixteen: most values are that short, and no branch is foretold wrong
        first, second = load(buffer, start), load(buffer, start + 8)
        store(out, place, first)
        store(out, place + 8, second)
        done = 16
        while done < length:
            store(out, place + done, load(buffer, start + done))
            done += 8
    while done < length:
        store(out, place + done, load_some(buffer, start + done, length - done))
        done += 8
    return place + max(length, 0)


@inlined
def lower(word: np.uint64) -> np.uint64:
    """A to Z in lower case, all other bytes as they are."""
    sevens = word & ~HIGHEST
    from_a, after_z = sevens + EACH * np.uint64(128 - ord("A")), sevens + EACH * np.uint64(127 - ord("Z"))
    return word | ((from_a & ~after_z & ~word & HIGHEST) >> np.uint64(2))


@inlined
def hexed(half: np.uint64) -> np.uint64:
    """The eight hex digits of four bytes (the lower half of a word), in the order of the bytes."""
    half = (half | (half << np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    half = (half | (half << np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    digits = ((half >> np.uint64(4)) & np.uint64(0x000F000F000F000F)) | (
        (half & np.uint64(0x000F000F000F000F)) << np.uint64(8)
    )
    letters = ((digits + EACH * np.uint64(6)) >> np.uint64(4)) & EACH
    return digits + EACH * np.uint64(ord("0")) + letters * np.uint64(ord("a") - ord("0") - 10)
