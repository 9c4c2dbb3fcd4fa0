"""Samples: some rows of a snapshot's tables, for advice on rules. They stay in memory and are never shown or stored."""

from collections.abc import Iterator

import polars as pl

from etna_pipelines.anonymise import copytext
from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Table
from etna_pipelines.stores.store import Store

ROWS, BLOCKS = 500, 4
"""Rows looked at of a table, and the parts of its file that they are taken from."""


def spread(snapshot: Manifest, store: Store, table: Table, rows: int = ROWS) -> pl.DataFrame:
    """About so many rows from the whole length of a table: values (unescaped, null for NULL) by column name.

    Only some parts of its file are read, so their SHA-256 is not checked. Raises SnapshotDamaged, ArchiveMalformed.
    """
    file = _file_of(snapshot, table)
    parts = _parts(file)
    chosen = sorted({round(part * (len(parts) - 1) / (BLOCKS - 1)) for part in range(BLOCKS)})
    frames = []
    for number in chosen:
        frame = _read(snapshot, store, file, table, parts[number])
        wanted = -(-rows // len(chosen))
        frames.append(frame.gather_every(max(1, frame.height // wanted)).head(wanted))
    return _values(pl.concat(frames), table)


def first(snapshot: Manifest, store: Store, table: Table, rows: int) -> pl.DataFrame:
    """The first rows of a table, like `spread`."""
    file = _file_of(snapshot, table)
    frames: list[pl.DataFrame] = []
    for part in _parts(file):
        frames.append(_read(snapshot, store, file, table, part))
        if sum(frame.height for frame in frames) >= rows:
            break
    return _values(pl.concat(frames).head(rows), table)


def blocks(snapshot: Manifest, store: Store, table: Table, only: list[str]) -> Iterator[pl.DataFrame]:
    """All rows of a table, block by block: the raw (escaped) fields of some columns, by name."""
    file = _file_of(snapshot, table)
    for part in _parts(file):
        frame = _read(snapshot, store, file, table, part)
        names = [column.name for column in table.copied]
        yield frame.select(pl.col(str(names.index(name))).alias(name) for name in only)


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


def _read(snapshot: Manifest, store: Store, file: ArchiveFile, table: Table, part: tuple[int, int]) -> pl.DataFrame:
    chunks = store.read(snapshot.archive_key(file.name), *part)
    raw = b"".join(archive.decompress(chunks, f"{file.name} of {table.qualified}"))
    try:
        return copytext.read(raw.removesuffix(archive.TERMINATOR), len(table.copied))
    except ArchiveMalformed as problem:
        raise ArchiveMalformed(f"Table {table.qualified}: {problem}") from None


def _values(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    return frame.select(
        copytext.unescape(frame[str(position)]).alias(column.name) for position, column in enumerate(table.copied)
    )
