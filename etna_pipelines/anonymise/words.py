"""Words of a text as keyed 64-bit hashes, read out of its bytes: some hundred MB/s, where a regex makes ten.

A word is letters and digits, without regard to case. Words follow one another inside a field; tabs and newlines end
fields. Hashes live in memory only, under a key as long-lived as the process, so they need not be cryptographic.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: 2^64 divided by the golden ratio
_HALF = np.uint64(32)
_PADDING = b"\n" + b" " * 8, b"\n" + b" " * 15  # eight bytes may be read at any word, and every word has an end
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)

SLICE = 1 << 18
"""Bytes that are read at a time, so that what is computed on the way stays in the processor's cache."""


@dataclass(frozen=True)
class Words:
    """The words of a text in order: hashes, lengths in bytes, and where they start."""

    hashes: Hashes
    lengths: Positions
    starts: Positions
    breaks: Positions
    """Where fields end."""

    def sequences(self, firsts: Positions, length: int) -> Hashes:
        """The hashes of those sequences of `length` words from the words `firsts` on that stay in one field."""
        firsts = firsts[firsts + length <= len(self.hashes)]
        if length > 1 and len(firsts):
            ends = self.starts[firsts + length - 1]
            firsts = firsts[np.searchsorted(self.breaks, self.starts[firsts]) == np.searchsorted(self.breaks, ends)]
        total = self.hashes[firsts]
        for position in range(1, length):
            total = total * _FACTOR + self.hashes[firsts + position]
        return total

    def fields(self) -> tuple[Positions, Positions]:
        """The first word of every field that has words, and how many it has."""
        field = np.searchsorted(self.breaks, self.starts)
        firsts = np.flatnonzero(np.diff(field, prepend=0))
        return firsts, np.diff(firsts, append=len(field))


def words_of(text: bytes, seed: int) -> Words:
    """The words of UTF-8 text."""
    if not text.isascii():
        text = _letters_only(text)
    lower = b"".join((_PADDING[0], text.lower(), _PADDING[1]))
    raw = np.frombuffer(lower, np.uint8)
    edges, breaks = _edges(raw)
    starts = edges[0::2]
    lengths = edges[1::2] - starts
    return Words(_hashes(raw, starts, lengths, seed), lengths, starts, breaks)


def _letters_only(text: bytes) -> bytes:
    """The text with what is no letter and no digit outside ASCII made a space, and what is one in lower case.

    Of such characters a text has many and few different ones, so each is judged once.
    """
    block = pl.Series([text], dtype=pl.Binary).cast(pl.String)
    characters = set("".join(block.str.extract_all(r"[^\x00-\x7f]+").explode().unique()))
    changes = {c: c.lower() if c.isalnum() else " " for c in characters}
    changes = {c: instead for c, instead in changes.items() if c != instead}
    changed: bytes = block.str.replace_many(changes).cast(pl.Binary).item() if changes else text
    return changed


def _edges(raw: npt.NDArray[np.uint8]) -> tuple[Positions, Positions]:
    """Where words start and end, in turn; and where fields end."""
    edges: list[Positions] = []
    breaks: list[Positions] = []
    for start in range(0, len(raw) - 1, SLICE):
        part = raw[start : start + SLICE + 1]
        inside = ((part - np.uint8(97)) < 26) | ((part - np.uint8(48)) < 10) | (part >= 128)
        edges.append(np.flatnonzero(inside[1:] != inside[:-1]) + (start + 1))
        breaks.append(np.flatnonzero((part[:SLICE] - np.uint8(9)) < 2) + start)
    return np.concatenate(edges), np.concatenate(breaks)


def _hashes(raw: npt.NDArray[np.uint8], starts: Positions, lengths: Positions, seed: int) -> Hashes:
    eights: Hashes = np.ndarray((len(raw) - 7,), np.dtype("<u8"), raw, strides=(1,))
    hashes = _mixed(np.uint64(seed) ^ (eights[starts] & _FIRST_BYTES[np.minimum(lengths, 8)]))
    longer = np.flatnonzero(lengths > 8)
    done = 8
    while len(longer):
        bytes_ = eights[starts[longer] + done] & _FIRST_BYTES[np.minimum(lengths[longer] - done, 8)]
        hashes[longer] = _mixed(hashes[longer] ^ bytes_)
        done += 8
        longer = longer[lengths[longer] > done]
    return hashes


def _mixed(hashes: Hashes) -> Hashes:
    product = hashes * _FACTOR
    return product ^ (product >> _HALF)


def as_fields(values: pl.Series) -> bytes:
    """One field for each of the values, which are not null."""
    if not len(values):
        return b""
    fields: bytes = values.str.replace_all(r"[\t\n]", " ").str.join("\n").cast(pl.Binary).item()
    return fields


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


def contains(known: Hashes, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which of the hashes are in the sorted array `known`."""
    if not len(known):
        return np.zeros(len(hashes), np.bool_)
    places = np.searchsorted(known, hashes)
    places[places == len(known)] = 0
    return np.equal(known[places], hashes)


class SequenceSearch:
    """Counts known sequences in texts: a table of the words they begin with leaves few places to look at closely."""

    def __init__(self, known: dict[int, Hashes], firsts: dict[int, Hashes]) -> None:
        """`known`: sequences by length; `firsts`: the words that those begin with."""
        self._known = known
        most = max((len(hashes) for hashes in firsts.values()), default=0)
        bits = min(max((most * 16).bit_length(), 16), 26)
        self._shift = np.uint64(64 - bits)
        self._lengths: npt.NDArray[np.uint8] = np.zeros(1 << bits, np.uint8)
        for length, hashes in firsts.items():
            self._lengths[hashes >> self._shift] |= np.uint8(1 << length)

    def count(self, words: Words) -> int:
        """How often known sequences occur."""
        lengths = self._lengths[words.hashes >> self._shift]
        places = np.flatnonzero(lengths)
        found = 0
        for length, known in self._known.items():
            firsts = places[lengths[places] & np.uint8(1 << length) != 0]
            found += int(contains(known, words.sequences(firsts, length)).sum())
        return found
