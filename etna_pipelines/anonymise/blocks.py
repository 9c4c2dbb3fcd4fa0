"""Blocks of a table's rows: what a worker does with one member of a table's file.

A member is decompressed and cut into fields by `cut_block`; once the rows before it are counted, a BlockMasker changes
the ruled columns and compresses it again. Both release Python's lock nearly all the time and hold no state, so any
thread may call them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type
from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.anonymise.kernels.copytext import Fields
from etna_pipelines.anonymise.masks import Mask, MaskSpec, Tools
from etna_pipelines.anonymise.masks.inside import Inside
from etna_pipelines.anonymise.plan.plan import ColumnPlan, TablePlan
from etna_pipelines.anonymise.proof.originals import Observed, Originals
from etna_pipelines.anonymise.rules.conditions import Condition
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.named import Named, pairs
from etna_pipelines.anonymise.values import Choice, Values
from etna_pipelines.errors import ArchiveMalformed, EtnaError, RulesError, ValueMalformed
from etna_pipelines.snapshots import archive


@dataclass(frozen=True)
class Cut:
    """The rows of one member, and the terminator that pg_dump ended the table with where it is the last."""

    fields: Fields
    terminator: bytes
    ends_slice: bool = False

    def __len__(self) -> int:
        return len(self.fields)


@dataclass
class Counts:
    """Values of a column that its mask was for, and how many of them it left as they were."""

    values: int = 0
    filled: int = 0
    """Those that are not empty."""
    unchanged: int = 0

    def add(self, other: "Counts") -> None:
        self.values += other.values
        self.filled += other.filled
        self.unchanged += other.unchanged


@dataclass
class Block:
    """One masked block: compressed for the store, with what was seen in it."""

    member: bytes
    raw_bytes: int
    lines: int
    ends_slice: bool = False
    counts: list[Counts] = field(default_factory=list)
    observed: Observed = field(default_factory=list)


@dataclass(frozen=True)
class ColumnMask:
    """A column's plan with the mask that was made for it."""

    plan: ColumnPlan
    mask: Mask

    @property
    def name(self) -> str:
        return self.plan.column.name

    @property
    def identifies(self) -> str | None:
        return masks.identifies(self.plan.spec)

    @property
    def is_exact(self) -> bool:
        """Whether it is a key of usernames, which upper and lower case tell apart: so do its pseudonyms."""
        told_apart = self.plan.spec.unique and not base_type(self.plan.column).endswith("citext")
        return self.identifies == "username" and told_apart

    @property
    def kinds_inside(self) -> set[str]:
        """What masks inside the column's documents hide."""
        return self.mask.kinds if isinstance(self.mask, Inside) else set()

    def inside(self, values: Values) -> Iterator[tuple[str, Named]]:
        """What identifies somebody in the column's documents, by kind, with the position of the value that it is in."""
        yield from self.mask.identified(values) if isinstance(self.mask, Inside) else ()


def column_masks(plan: TablePlan, tools: Tools) -> list[ColumnMask]:
    """The masks of a table's ruled columns."""
    return [ColumnMask(each, masks.build(each.spec, each.column, tools)) for each in plan.columns]


def cut_block(member: bytes, plan: TablePlan, *, ends_slice: bool = False) -> Cut:
    """Decompress a member. Raises ValueMalformed with the position of the first row that is not the table's."""
    raw = b"".join(archive.decompress([member]))
    terminator = b""
    if raw == archive.TERMINATOR or raw.endswith(b"\n" + archive.TERMINATOR):
        raw, terminator = raw[: -len(archive.TERMINATOR)], archive.TERMINATOR
    return Cut(copytext.split(raw, len(plan.table.copied)), terminator, ends_slice)


def numbered(cuts: Iterable[Cut], table: str, first: int = 0) -> Iterator[tuple[int, Cut]]:
    """Each with how many rows stand before it; before the first one, `first`."""
    waiting = iter(cuts)
    while True:
        with told_where(table, first):
            cut = next(waiting, None)
        if cut is None:
            return
        yield first, cut
        first += len(cut)


class BlockRows:
    """The rows of a block: a column is read, and masked, when it is first asked for."""

    def __init__(self, first: int, fields: Fields, plan: TablePlan, masks: Mapping[str, ColumnMask]) -> None:
        self.first = first
        self._fields = fields
        self._table = plan.table
        self._positions = {column.name: position for position, column in enumerate(plan.table.copied)}
        self._masks = masks
        self._originals: dict[str, Values] = {}
        self._masked: dict[str, Values] = {}
        self._choices: dict[str, Choice] = {}

    def __len__(self) -> int:
        return len(self._fields)

    def original(self, column: str) -> Values:
        if column not in self._originals:
            with told_where(self._table.qualified, self.first, column):
                self._originals[column] = self._fields.values(self._positions[column])
        return self._originals[column]

    def masked(self, column: str) -> Values:
        if column not in self._masks:
            return self.original(column)
        if column not in self._masked:
            self._masked[column] = self._mask(self._masks[column])
        return self._masked[column]

    def changed(self, column: str) -> Choice | None:
        """The rows in which the column's rule holds, None for all."""
        condition = self._masks[column].plan.condition
        if condition is not None and column not in self._choices:
            self._choices[column] = self.choice(condition)
        return self._choices.get(column)

    def choice(self, condition: Condition) -> Choice:
        return condition.holds(self)

    def _mask(self, column: ColumnMask) -> Values:
        original, changed = self.original(column.name), self.changed(column.name)
        with told_where(self._table.qualified, self.first, column.name, column.plan.spec.shown):
            masked = column.mask(original, self)
            if len(masked) != len(original):
                raise RulesError(f"`{column.plan.spec}` made {len(masked)} values of {len(original)}.")
        return masked if changed is None else masked.where(changed, original)


class BlockMasker:
    """Masks one block after another of a table."""

    def __init__(
        self, plan: TablePlan, columns: list[ColumnMask], originals: Originals, identities: Identities
    ) -> None:
        self._plan = plan
        self._columns = {column.name: column for column in columns}
        self._originals = originals
        self._identities = identities

    def __call__(self, numbered_cut: tuple[int, Cut]) -> Block:
        first, cut = numbered_cut
        rows = BlockRows(first, cut.fields, self._plan, self._columns)
        kept = None if self._plan.rows is None else rows.choice(self._plan.rows)
        masked = {column.plan.position: rows.masked(column.name) for column in self._columns.values()}
        raw = cut.fields.written(masked, kept)
        if cut.terminator:
            raw = np.concatenate([raw, np.frombuffer(cut.terminator, np.uint8)])
        lines = (len(cut) if kept is None else int(kept.sum())) + cut.terminator.count(b"\n")
        block = Block(archive.compress(raw.data), len(raw), lines, cut.ends_slice)
        self._observe(rows, block)
        return block

    def _observe(self, rows: BlockRows, block: Block) -> None:
        """Count, and hash what the proof will look for."""
        before, after = defaultdict[str, list[Named]](list), defaultdict[str, list[Named]](list)
        for column in self._columns.values():
            changed = rows.changed(column.name)
            originals = Named.of(rows.original(column.name), changed)
            pseudonyms = Named.of(rows.masked(column.name), changed)
            block.counts.append(_count(originals.values, pseudonyms.values, column.plan.spec))
            for named, seen in ((before, originals), (after, pseudonyms)):
                if column.identifies is not None:
                    named[column.identifies].append(seen)
                for kind, inside in column.inside(seen.values):
                    named[kind].append(Named(seen.rows[inside.rows], inside.values))
        for kind, found in before.items():
            for each in found:
                values = each.values.distinct() if kind in _SHARED else each.values
                block.observed += self._originals.observed(kind, values, self._identities)
        for full in _full_names(before):
            block.observed += self._originals.observed("name", full, self._identities)
        for full in (*_full_names(after), *(names.values.distinct() for names in after["name"])):
            block.observed += self._originals.pseudonyms(full)


_SHARED = ("first", "last", "name")
"""Of which many people share one."""


def _full_names(named: Mapping[str, list[Named]]) -> Iterator[Values]:
    """The first and last names of the same rows, written together."""
    for firsts, lasts in pairs(named.get("first", ()), named.get("last", ())):
        yield firsts.then(lasts, b" ").distinct()


def _count(originals: Values, masked: Values, spec: MaskSpec) -> Counts:
    values, filled = int(np.count_nonzero(~originals.nulls)), int(np.count_nonzero(originals.filled))
    if masks.identifies(spec) is None and not masks.changes_all(spec):
        return Counts(values, filled)
    return Counts(values, filled, int(np.count_nonzero(originals.same(masked) & originals.filled)))


@contextmanager
def told_where(table: str, first: int, column: str = "", mask: str = "") -> Iterator[None]:
    """Says table, column and row (counted from 1) of what is wrong with a value, and never the value: what a library
    says of it is left out for that."""
    try:
        yield
    except ValueMalformed as problem:
        place = f"{table}, column {column}" if column else table
        advice = "correct it, or give the column another mask" if mask else "take a new backup"
        raise ArchiveMalformed(
            f"Table {place}, row {first + problem.position + 1}: it {problem.what}; {advice}."
        ) from None
    except RulesError as problem:
        raise RulesError(f"Table {table}, column {column}: {problem}" if mask else str(problem)) from None
    except EtnaError:
        raise
    except Exception as problem:
        if not mask:
            raise
        raise ArchiveMalformed(
            f"Table {table}, column {column}, rows from {first + 1} on: `{mask}` failed with {type(problem).__name__}; "
            "give the column another mask."
        ) from None
