"""Snapshots of tables that no server ever held."""

from collections.abc import Sequence

from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, DatabaseSchema, Manifest, MaskedColumn, Table
from etna_pipelines.stores.store import Store


def with_table(store: Store, snapshot: Manifest, table: Table, lines: Sequence[str], per_member: int = 100) -> Manifest:
    """The snapshot and one table more: lines of COPY text, in members of so many, and pg_dump's terminator in one."""
    raw = ["".join(lines[begin : begin + per_member]).encode() for begin in range(0, len(lines), per_member)]
    members = [archive.compress(part) for part in [*raw, archive.TERMINATOR]]
    tally = archive.Tally()
    name = f"{len(snapshot.files) + 1}.dat.gz"
    chunks = [tally.add(member, part) for member, part in zip(members, [*raw, archive.TERMINATOR], strict=True)]
    store.put(snapshot.archive_key(name), chunks)
    file = ArchiveFile(
        name=name,
        bytes=tally.bytes,
        sha256=tally.sha256,
        table=table.qualified,
        rows=len(lines),
        members=tally.members,
    )
    tables = [*snapshot.schema_.tables, table]
    return snapshot.model_copy(update={"files": [*snapshot.files, file], "schema_": DatabaseSchema(tables=tables)})


def without_tables(snapshot: Manifest, masked: Sequence[tuple[str, str, str]] = ()) -> Manifest:
    """The snapshot's frame, with masks as table, column and mask."""
    columns = [MaskedColumn(table=table, column=column, mask=mask, values=0) for table, column, mask in masked]
    return snapshot.model_copy(update={"files": [], "schema_": DatabaseSchema(tables=[]), "masked": columns})
