"""What differs between two stripped snapshots: masks, rows and values, as counts. For seeing what a change of rules
does before anybody else does."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from etna_pipelines.anonymise.help import sampling
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Table
from etna_pipelines.stores.store import Store

MOST = 200_000
"""Rows of a table that are compared; of a larger one a fair sample."""

_SEED = 4
_KEY, _AFTER = "\0key", "\0after"  # PostgreSQL's names have no NUL


@dataclass(frozen=True)
class Change:
    """A column (or `*`, a whole table) that becomes something else than before."""

    table: str
    column: str
    before: str
    after: str


@dataclass(frozen=True)
class TableDifference:
    """What differs in the rows of one table."""

    table: str
    rows: tuple[int, int]
    share: float = 1.0
    """Of the rows, what was compared."""
    only: tuple[int, int] = (0, 0)
    """Rows compared whose primary key the other snapshot has not; without a key rows are compared in their order."""
    compared: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    """Values that differ, by column, of rows that both have; columns without any are left out."""

    @property
    def differs(self) -> bool:
        return self.rows[0] != self.rows[1] or any(self.only) or bool(self.columns)


@dataclass(frozen=True)
class Differences:
    changes: list[Change]
    tables: list[TableDifference]
    same_key: bool
    same_source: bool


def compare(before: Manifest, after: Manifest, store: Store, most: int = MOST) -> Differences:
    """Compare two snapshots. Files that are the same byte by byte are not read. Raises SnapshotDamaged."""
    was, now = ({file.table: file for file in snapshot.files if file.table} for snapshot in (before, after))
    tables = [
        _compared(_Side(before, store, old, was[name]), _Side(after, store, new, now[name]), most)
        for name in sorted(was.keys() & now.keys())
        if was[name].sha256 != now[name].sha256
        and (old := before.schema_.table(name))
        and (new := after.schema_.table(name))
    ]
    return Differences(
        _changes(before, after),
        [table for table in tables if table.differs],
        same_key=(before.rules and before.rules.key_id) == (after.rules and after.rules.key_id),
        same_source=before.parent == after.parent,
    )


def _changes(before: Manifest, after: Manifest) -> list[Change]:
    was, now = _masks(before), _masks(after)
    known = {(table.qualified, column.name) for table in after.schema_.tables for column in table.columns}
    places = sorted(place for place in was.keys() | now.keys() if was.get(place) != now.get(place))
    emptied = {place[0] for snapshot in (was, now) for place, mask in snapshot.items() if place[1] == "*"}
    return [
        Change(table, column, was.get((table, column), "keep"), now.get((table, column), "keep"))
        for table, column in places
        if column == "*" or ((table, column) in known and table not in emptied)
    ]


def _masks(snapshot: Manifest) -> dict[tuple[str, str], str]:
    masks = {(column.table, column.column): column.mask for column in snapshot.masked}
    return masks | {(table, "*"): "empty" for table in snapshot.emptied}


@dataclass(frozen=True)
class _Side:
    """A table in one of the snapshots."""

    snapshot: Manifest
    store: Store
    table: Table
    file: ArchiveFile

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.table.copied]

    def hashed(self, names: list[str], key: list[str], every: int) -> pl.DataFrame:
        """A hash of each value of every so-manieth row, chosen by its key: of both sides the same rows."""
        return pl.concat(self._hashed(names, key, every))

    def _hashed(self, names: list[str], key: list[str], every: int) -> Iterator[pl.DataFrame]:
        number = 0
        for block in sampling.blocks(self.snapshot, self.store, self.table, names):
            order = pl.int_range(number, number + block.height, dtype=pl.UInt64)
            number += block.height
            yield (
                block.with_columns((pl.struct(key).hash(_SEED) if key else order).alias(_KEY))
                .filter(pl.col(_KEY) % every == 0)
                .select(_KEY, *(pl.col(name).hash(_SEED) for name in names))
            )


def _compared(before: _Side, after: _Side, most: int) -> TableDifference:
    rows = (before.file.rows or 0, after.file.rows or 0)
    names = [name for name in after.names if name in before.names]
    if not names or not all(rows):
        return TableDifference(after.table.qualified, rows)
    every = math.ceil(max(rows) / most)
    keys = before.table.primary_key, after.table.primary_key
    key = keys[0] if keys[0] == keys[1] and set(keys[0]) <= set(names) else []
    was, now = (side.hashed(names, key, every) for side in (before, after))
    both = was.join(now, on=_KEY, suffix=_AFTER)
    differing = both.select((pl.col(name) != pl.col(name + _AFTER)).sum() for name in names).row(0)
    return TableDifference(
        after.table.qualified,
        rows,
        share=1 / every,
        only=(was.height - both.height, now.height - both.height),
        compared=both.height,
        columns={name: count for name, count in zip(names, differing, strict=True) if count},
    )
