"""What is known of a mask without any data, and how one is made for a column."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl

from etna_pipelines.anonymise.column_types import is_textual
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.scrub.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ValueMalformed
from etna_pipelines.snapshots.manifest import Column

Uniqueness = Literal["preserved", "likely", "lossy"]


Mask = Callable[[Values, Rows], Values]
"""Changes values of one column: as many out as in, in the same order."""


def on_filled(mask: Callable[[Values], Values], length: int | None = None) -> Mask:
    """The mask for values that are neither NULL nor empty, which stay; cut to the column's length in characters."""

    def apply(values: Values, _rows: Rows) -> Values:
        filled = values.filled
        if filled.all():
            masked = mask(values)
            return masked if length is None else masked.cut(length)
        places = np.flatnonzero(filled)
        try:
            masked = mask(values.at(places))
        except ValueMalformed as problem:
            raise ValueMalformed(int(places[problem.position]), problem.what) from None
        return _spread(masked if length is None else masked.cut(length), places, values)

    return apply


def on_bytes(mask: Callable[[Values], Values]) -> Mask:
    """The mask for values of `bytea` with bytes in them. No byte is written `\\x`, and stays."""
    return on_filled(lambda values: mask(values).where(values.lengths > len("\\x"), values))


def _spread(masked: Values, places: npt.NDArray[np.intp], values: Values) -> Values:
    """The masked values in their places; of the other values, NULL and empty, nothing but the length is kept."""
    starts, lengths = np.zeros(len(values), np.int64), values.lengths.copy()
    starts[places], lengths[places] = masked.starts, masked.lengths
    return Values(masked.buffer, starts, lengths)


@runtime_checkable
class Collecting(Protocol):
    """A mask that has to see all of its column before it changes any of it."""

    def collect(self, values: Values) -> None:
        """Called for every block of the column, in any order and from one thread, before the first call of the mask."""

    def collected(self) -> pl.Series:
        """What was collected: another such mask that collects it knows as much."""

    def __call__(self, values: Values, rows: Rows) -> Values: ...


@dataclass(frozen=True)
class Tools:
    """What masks are made with."""

    pseudonyms: Pseudonyms
    scrubber: Scrubber

    def in_locale(self, locale: str) -> Pseudonyms:
        """The same key's pseudonyms in another language."""
        return self.pseudonyms.in_locale(locale) if locale else self.pseudonyms


Build = Callable[[MaskSpec, Column, Tools], Mask]

Cost = Literal["nothing", "copied", "hashed", "parsed", "searched", "reads the column twice"]


@dataclass(frozen=True)
class MaskKind:
    """A mask that rules may name."""

    name: str
    build: Build
    arguments: tuple[int, int] = (0, 0)
    """How many arguments it takes, at least and at most."""
    uniqueness: Callable[[MaskSpec], Uniqueness] = lambda _: "lossy"
    fits: Callable[[Column], bool] = is_textual
    """Whether it can be used on columns of a type."""
    identifies: Callable[[MaskSpec], str | None] = lambda _: None
    """What kind of original it hides, for the proof to look for: email, username, first, last, name, phone, secret."""
    refuses: Callable[[MaskSpec, Column, bool], str | None] = lambda _spec, _column, _unique: None
    """Why a use of it (on a unique column or not) can't work, with what would fit, beyond types and uniqueness."""
    wrong: Callable[[MaskSpec], str | None] = lambda _: None
    """What is wrong with its arguments, whatever the column, with what would be right."""
    folds: Callable[[MaskSpec], bool] = lambda _: False
    """Whether values that differ in case or outer spaces alone become one, unless the spec is `unique`: `preserved` is
    meant without regard to them."""
    reads: Callable[[MaskSpec], tuple[str, ...]] = lambda _: ()
    """Other columns of the row that it looks at."""
    agrees: bool = True
    """Whether equal values become equal in every column: what both ends of a foreign key need."""
    cost: Cost = "hashed"
    """What it spends on each value."""
    empties: str = "stay"
    """What becomes of NULL and the empty string."""
    examples: tuple[tuple[str, str], ...] = ()
    """Uses as rules write them, each with what a value becomes: they make the table in the rules' README."""
