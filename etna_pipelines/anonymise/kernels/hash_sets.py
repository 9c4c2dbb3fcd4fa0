"""Sets of 64-bit hashes: many are gathered, then each is looked up in a step or two."""

from typing import NamedTuple

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import inlined
from etna_pipelines.anonymise.proof.spelling import Hashes
from etna_pipelines.anonymise.values import Numbers


class Index(NamedTuple):
    """Sorted hashes, and where those begin that share their first bits: about one to look at for each look."""

    hashes: Hashes
    places: Numbers
    shift: np.uint64


def index(hashes: Hashes) -> Index:
    """The index of sorted hashes."""
    bits = max(len(hashes).bit_length(), 1)
    shift = np.uint64(64 - bits)
    places = np.searchsorted(hashes, np.arange(1 << bits, dtype=np.uint64) << shift)
    return Index(hashes, np.append(places, len(hashes)), shift)


@inlined
def known(hashes: Hashes, places: Numbers, shift: np.uint64, hash_: np.uint64) -> bool:
    """Whether a hash is in an index. A kernel takes the index's parts out once: each time would cost more than this."""
    bucket = hash_ >> shift
    for place in range(places[bucket], places[bucket + np.uint64(1)]):  # noqa: SIM110 - kernels know no generators
        if hashes[place] == hash_:
            return True
    return False


NOTHING = index(np.empty(0, np.uint64))


class HashSet:
    """Distinct hashes, in a sorted array.

    With `most`, of more than so many distinct ones those whose lowest bits are 0 are kept: one in 2, one in 4 ... That
    is a fair sample, the same whatever the order, in bounded memory: a leak of many is found all the same.
    """

    def __init__(self, most: int | None = None) -> None:
        self._sorted: Hashes = np.empty(0, np.uint64)
        self._added: list[Hashes] = []
        self._waiting = 0
        self._most = most
        self._bits = 0

    @property
    def share(self) -> float:
        """The share of all that were added that is kept."""
        return 0.5**self._bits

    @property
    def bits(self) -> int:
        """How many of their lowest bits are 0 in all that are kept."""
        self.sorted()
        return self._bits

    def thin(self, bits: int) -> None:
        """Keep no more than a set does that was thinned by so many bits."""
        if bits > self._bits:
            self.sorted()
            self._bits = max(bits, self._bits)
            self._sorted = self._sampled(self._sorted)

    def add(self, hashes: Hashes) -> None:
        """Sorting waits until it is worth it: until as many are new as were known."""
        self._added.append(self._sampled(hashes))
        self._waiting += len(self._added[-1])
        if self._waiting > max(1 << 18, min(len(self._sorted), 1 << 21)):
            self.sorted()

    def sorted(self) -> Hashes:
        if self._added:
            self._sorted = distinct(np.concatenate([self._sorted, *self._added]))
            self._added, self._waiting = [], 0
            while self._most is not None and len(self._sorted) > self._most:
                self._bits += 1
                self._sorted = self._sampled(self._sorted)
        return self._sorted

    def _sampled(self, hashes: Hashes) -> Hashes:
        return hashes[hashes & np.uint64((1 << self._bits) - 1) == 0] if self._bits else hashes

    def __len__(self) -> int:
        return len(self.sorted())


def distinct(hashes: Hashes) -> Hashes:
    """Sorted, each once: many times as fast as np.unique, which fills a table."""
    ordered = np.sort(hashes)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]))]
