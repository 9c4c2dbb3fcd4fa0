"""Samples: some rows of a snapshot's tables, for advice on rules. They stay in memory and are never shown or stored."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged, ValueMalformed
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Table
from etna_pipelines.stores.store import Store

ROWS, BLOCKS = 500, 4
"""Rows looked at of a table, and the parts of its file that they are taken from."""


def spread(snapshot: Manifest, store: Store, table: Table, rows: int = ROWS) -> pl.DataFrame:
    """About so many rows from the whole length of a table: values (null for NULL) by column name.

    Only some parts of its file are read, so their SHA-256 is not checked. Raises SnapshotDamaged, ArchiveMalformed.
    """
    sampled = _Sampled(snapshot, store, table)
    chosen = sorted({round(part * (len(sampled.parts) - 1) / (BLOCKS - 1)) for part in range(BLOCKS)})
    wanted = -(-rows // len(chosen))
    return pl.concat(sampled.read(number, rows=wanted) for number in chosen)


def first(snapshot: Manifest, store: Store, table: Table, rows: int) -> pl.DataFrame:
    """The first rows of a table, like `spread`."""
    frames: list[pl.DataFrame] = []
    for block in blocks(snapshot, store, table, [column.name for column in table.copied]):
        frames.append(block)
        if sum(frame.height for frame in frames) >= rows:
            break
    return pl.concat(frames).head(rows)


def blocks(snapshot: Manifest, store: Store, table: Table, only: list[str]) -> Iterator[pl.DataFrame]:
    """All rows of a table, block by block: the values of some columns by name."""
    sampled = _Sampled(snapshot, store, table)
    for number in range(len(sampled.parts)):
        yield sampled.read(number, only=only)


class _Sampled:
    """A table's file, in the parts that it can be cut into."""

    def __init__(self, snapshot: Manifest, store: Store, table: Table) -> None:
        self._table = table
        self._store = store
        self._file = _file_of(snapshot, table)
        self._key = snapshot.archive_key(self._file.name)
        self.parts = _parts(self._file)

    def read(self, number: int, *, rows: int | None = None, only: list[str] | None = None) -> pl.DataFrame:
        """A part of it: all or about so many rows from its whole length, all or some columns."""
        raw = b"".join(archive.decompress(self._store.read(self._key, *self.parts[number]), self._file.name))
        try:
            fields = copytext.split(raw.removesuffix(archive.TERMINATOR), len(self._table.copied))
            chosen = np.arange(len(fields))
            if rows is not None:
                chosen = chosen[:: max(1, len(chosen) // rows)][:rows]
            return pl.DataFrame(
                {
                    column.name: fields.values(position).at(chosen).series()
                    for position, column in enumerate(self._table.copied)
                    if only is None or column.name in only
                }
            )
        except ValueMalformed as problem:
            raise ArchiveMalformed(f"Table {self._table.qualified}: a row {problem.what}; take a new backup.") from None


def _file_of(snapshot: Manifest, table: Table) -> ArchiveFile:
    for file in snapshot.files:
        if file.table == table.qualified:
            return file
    raise SnapshotDamaged(f"Snapshot {snapshot.id} has no file of table {table.qualified}: take a new backup.")


def _parts(file: ArchiveFile) -> list[tuple[int, int]]:
    """Where the file can be cut, as (offset, bytes): its members, the last two as one, as pg_dump's terminator may
    stand in both."""
    lengths = file.members or [file.bytes]
    lengths = [*lengths[:-2], sum(lengths[-2:])]
    return [(sum(lengths[:number]), length) for number, length in enumerate(lengths)]
