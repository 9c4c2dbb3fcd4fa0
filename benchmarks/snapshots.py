"""Full snapshots made of COPY text, without a server: what the strip and the proof are measured on."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import ArchiveFile, Column, DatabaseSchema, Manifest, Source, Table, new_id
from etna_pipelines.stores.local import LocalStore

WORKERS = 2

EMPTY_TOC = b"PGDMP" + bytes((1, 14, 0, 4, 8, 3)) + bytes((0, 1, 0, 0, 0)) + bytes(11 * 5)
"""A table of contents without entries: what it says of the dump is nothing."""


def table(name: str, columns: dict[str, str]) -> Table:
    """A table of columns by name and type; the first is its key."""
    made = [
        Column(name=column, type=type_, category="S" if "char" in type_ or type_ == "text" else "U")
        for column, type_ in columns.items()
    ]
    return Table(
        oid=1, schema_name="public", name=name, columns=made, primary_key=[next(iter(columns))], uniques=[], rows=1
    )


def published(store: LocalStore, tables: Sequence[tuple[Table, Iterable[bytes]]]) -> Manifest:
    """A full snapshot of these tables with their COPY text, published under the signing key of zeros."""
    identity = new_id()
    files = [_written(store, identity, f"{n}.dat.gz", *each) for n, each in enumerate(tables, 1)]
    store.put(f"full/{identity}/archive/toc.dat", [EMPTY_TOC])
    toc = ArchiveFile(name="toc.dat", bytes=len(EMPTY_TOC), sha256=hashlib.sha256(EMPTY_TOC).hexdigest())
    draft = Manifest(
        id=identity,
        kind="full",
        created=datetime.now(UTC),
        source=Source(
            environment="production", database="bench", system_identifier="1", server_version="18.6", encoding="UTF8"
        ),
        versions={},
        schema=DatabaseSchema(tables=[table for table, _text in tables]),
        files=[*files, toc],
    )
    return Catalogue(store, bytes(32)).publish(draft)


def recompressed(store: LocalStore, full: Manifest, file: ArchiveFile) -> None:
    """The other side of every ratio: a table's file decompressed and compressed again, by as many workers."""
    with ThreadPoolExecutor(WORKERS) as pool:
        store.put("recompressed", in_order(pool, _recompress, _members(store, full, file), WORKERS))


def _written(store: LocalStore, identity: str, name: str, table: Table, text: Iterable[bytes]) -> ArchiveFile:
    tally = archive.Tally()
    members = (tally.add(archive.compress(block), block) for block in archive.blocks_of_lines(text))
    store.put(f"full/{identity}/archive/{name}", members)
    return ArchiveFile(
        name=name,
        bytes=tally.bytes,
        sha256=tally.sha256,
        table=table.qualified,
        rows=tally.rows,
        raw_bytes=tally.raw_bytes,
        members=tally.members,
    )


def _members(store: LocalStore, full: Manifest, file: ArchiveFile) -> Iterator[bytes]:
    stored = b"".join(store.read(full.archive_key(file.name)))
    start = 0
    for length in file.members:
        yield stored[start : start + length]
        start += length


def _recompress(member: bytes) -> bytes:
    return archive.compress(b"".join(archive.decompress([member])))
