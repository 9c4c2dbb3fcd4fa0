"""Values: the strings of one column in one buffer, as masks take and give them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from etna_pipelines.anonymise.kernels.eights import SLACK, copy, load_some
from etna_pipelines.anonymise.kernels.kernel import kernel

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]

NULL_LENGTH = -1

_SEPARATOR = 0  # between values while they are one text: PostgreSQL's text has none


@dataclass(frozen=True)
class Values:
    """`lengths[i]` bytes of UTF-8 (unescaped) from `buffer[starts[i]]` on are value i; NULL has the length -1.

    Values may share a buffer, overlap in it and stand in any order. Nobody writes to the arrays once they are Values.
    """

    buffer: Bytes
    starts: Numbers
    lengths: Numbers

    def __post_init__(self) -> None:
        for array in (self.buffer, self.starts, self.lengths):
            array.flags.writeable = False  # some always are: so kernels are compiled for one type of array alone

    @classmethod
    def of(cls, strings: "pl.Series | Iterable[str | None]") -> "Values":
        """Of strings, null for NULL."""
        series = strings if isinstance(strings, pl.Series) else pl.Series(list(strings), dtype=pl.String)
        lengths = series.str.len_bytes().cast(pl.Int64).fill_null(NULL_LENGTH).to_numpy()
        taken = np.maximum(lengths, 0)
        joined: bytes = series.str.join("").cast(pl.Binary).item() if len(series) else b""
        return cls(np.frombuffer(joined, np.uint8), np.cumsum(taken) - taken, lengths)

    @classmethod
    def repeated(cls, value: str | None, count: int) -> "Values":
        """The same value (or NULL) so many times."""
        raw = np.frombuffer((value or "").encode(), np.uint8)
        length = NULL_LENGTH if value is None else len(raw)
        return cls(raw, np.zeros(count, np.int64), np.full(count, length, np.int64))

    def series(self) -> pl.Series:
        """As a Polars series of strings."""
        if not len(self):
            return pl.Series(dtype=pl.String)
        joined = _joined(self.buffer, self.starts, self.lengths, np.uint8(_SEPARATOR)).tobytes()
        strings = pl.Series([joined.decode()]).str.split(chr(_SEPARATOR)).explode()
        if self.nulls.any():
            strings = pl.select(pl.when(pl.Series(~self.nulls)).then(strings)).to_series()
        return strings

    def to_list(self) -> list[str | None]:
        return self.series().to_list()

    @property
    def nulls(self) -> Choice:
        """Which values are NULL."""
        return np.equal(self.lengths, NULL_LENGTH)

    @property
    def filled(self) -> Choice:
        """Which values are neither NULL nor empty."""
        return np.greater(self.lengths, 0)

    def at(self, rows: npt.NDArray[np.intp] | Choice) -> "Values":
        """Those at some positions, or where a choice is true."""
        return Values(self.buffer, self.starts[rows], self.lengths[rows])

    def where(self, choice: Choice, others: "Values") -> "Values":
        """These where the choice is true, the others' elsewhere."""
        if choice.all():
            return self
        shared = self.buffer is others.buffer
        shift = 0 if shared else len(self.buffer)
        return Values(
            self.buffer if shared else np.concatenate([self.buffer, others.buffer]),
            np.where(choice, self.starts, others.starts + shift),
            np.where(choice, self.lengths, others.lengths),
        )

    def same(self, others: "Values") -> Choice:
        """Which are equal, byte for byte; NULL equals nothing."""
        return _same(self.buffer, self.starts, self.lengths, others.buffer, others.starts, others.lengths)

    def distinct(self) -> "Values":
        """Each value once, NULL left out: some 20 ns a value, so before whatever takes longer and may repeat."""
        return self.at(_distinct(self.buffer, self.starts, self.lengths))

    def cut(self, characters: int) -> "Values":
        """Each with at most so many characters."""
        return Values(self.buffer, self.starts, _cut(self.buffer, self.starts, self.lengths, characters))

    def then(self, others: "Values", between: bytes = b"") -> "Values":
        """Each with the other's value behind it. NULL stays NULL, and another's NULL adds nothing."""
        separator = np.frombuffer(between, np.uint8)
        return Values(
            *_then(self.buffer, self.starts, self.lengths, others.buffer, others.starts, others.lengths, separator)
        )

    def __len__(self) -> int:
        return len(self.starts)


@kernel
def _joined(buffer: Bytes, starts: Numbers, lengths: Numbers, separator: np.uint8) -> Bytes:
    """All values one after another (NULL as the empty one) with a separator between them."""
    total = len(starts) - 1
    for length in lengths:
        total += max(length, 0)
    out = np.empty(total, np.uint8)
    place = 0
    for row in range(len(starts)):
        if row:
            out[place] = separator
            place += 1
        for position in range(starts[row], starts[row] + lengths[row]):
            out[place] = buffer[position]
            place += 1
    return out


@kernel
def _cut(buffer: Bytes, starts: Numbers, lengths: Numbers, characters: int) -> Numbers:
    """The lengths in bytes of the first characters: in UTF-8 each begins with a byte that is not 10xxxxxx."""
    cut = lengths.copy()
    for row in range(len(starts)):
        if lengths[row] <= characters:
            continue
        begun = 0
        for position in range(lengths[row]):
            if buffer[starts[row] + position] & 0xC0 != 0x80:
                if begun == characters:
                    cut[row] = position
                    break
                begun += 1
    return cut


@kernel
def _then(
    buffer: Bytes,
    starts: Numbers,
    lengths: Numbers,
    other_buffer: Bytes,
    other_starts: Numbers,
    other_lengths: Numbers,
    between: Bytes,
) -> tuple[Bytes, Numbers, Numbers]:
    """One buffer of both, and where each pair stands in it."""
    together = lengths.copy()
    total = 0
    for row in range(len(starts)):
        if lengths[row] >= 0:
            if other_lengths[row] >= 0:
                together[row] += len(between) + other_lengths[row]
            total += together[row]
    out = np.empty(total + SLACK, np.uint8)
    places = np.empty(len(starts), np.int64)
    place = 0
    for row in range(len(starts)):
        places[row] = place
        if lengths[row] < 0:
            continue
        place = copy(out, place, buffer, starts[row], lengths[row])
        if other_lengths[row] >= 0:
            place = copy(out, place, between, 0, len(between))
            place = copy(out, place, other_buffer, other_starts[row], other_lengths[row])
    return out, places, together


@kernel
def _same(
    buffer: Bytes,
    starts: Numbers,
    lengths: Numbers,
    other_buffer: Bytes,
    other_starts: Numbers,
    other_lengths: Numbers,
) -> Choice:
    same = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        if lengths[row] != other_lengths[row] or lengths[row] < 0:
            continue
        done = 0
        while done < lengths[row] and buffer[starts[row] + done] == other_buffer[other_starts[row] + done]:
            done += 1
        same[row] = done == lengths[row]
    return same


@kernel
def _distinct(buffer: Bytes, starts: Numbers, lengths: Numbers) -> Numbers:
    """Where each value stands first: by a table of twice as many places, which two values may ask for in turn."""
    size = 16
    while size < 2 * len(starts):
        size *= 2
    taken = np.full(size, -1, np.int64)
    firsts = np.empty(len(starts), np.int64)
    count = 0
    for row in range(len(starts)):
        length = lengths[row]
        if length < 0:
            continue
        hash_ = np.uint64(length)
        done = 0
        while done < length:
            hash_ = (hash_ ^ load_some(buffer, starts[row] + done, length - done)) * np.uint64(0x9E3779B97F4A7C15)
            hash_ ^= hash_ >> np.uint64(32)
            done += 8
        place = np.int64(hash_ & np.uint64(size - 1))
        while taken[place] >= 0:
            other = taken[place]
            same = lengths[other] == length
            done = 0
            while same and done < length:
                theirs = load_some(buffer, starts[other] + done, length - done)
                same = load_some(buffer, starts[row] + done, length - done) == theirs
                done += 8
            if same:
                break
            place = (place + np.int64(1)) & np.int64(size - 1)
        if taken[place] < 0:
            taken[place] = row
            firsts[count] = row
            count += 1
    return firsts[:count]
