"""Full snapshots without a database: their tables, COPY text and table of contents are written here."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, DatabaseSchema, Manifest, Source, Table, new_id
from etna_pipelines.stores.store import Store

Row = Sequence[str | None]


def contents(entries: Sequence[tuple[str, str, str]]) -> bytes:
    """A toc.dat of version 1.14 (PostgreSQL's pg_backup_archiver.c, WriteHead and WriteToc): kinds, tags and SQL."""

    def number(value: int) -> bytes:
        return bytes([value < 0]) + abs(value).to_bytes(4, "little")

    def text(value: str | None) -> bytes:
        return number(-1) if value is None else number(len(value.encode())) + value.encode()

    head = b"PGDMP" + bytes([1, 14, 0, 4, 8, 3]) + number(0) * 8 + text("db") + text("15.0") + text("15.0")
    out = [head, number(len(entries))]
    for id_, (kind, tag, sql) in enumerate(entries, 1):
        out += [number(id_), number(0), text("0"), text("0"), text(tag), text(kind), number(2), text(sql), text("")]
        out += [
            text(None),
            text("public"),
            text(None),
            text(None),
            text("owner"),
            text("false"),
            text(None),
            text(None),
        ]
    return b"".join(out)


def copied(rows: Sequence[Row]) -> bytes:
    """COPY text, with pg_dump's terminator."""
    escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    lines = ["\t".join("\\N" if value is None else value.translate(escapes) for value in row) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode() + archive.TERMINATOR


@dataclass
class Contents:
    """What a snapshot holds: tables with their rows, entries of the table of contents, other files as they are."""

    tables: Mapping[str, tuple[Table, Sequence[Row]]]
    entries: Sequence[tuple[str, str, str]] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)

    def stored(self, store: Store) -> Manifest:
        """The snapshot in the store. `files` replace those that are made of the rest."""
        data = {"toc.dat": (None, contents([*self.entries, ("SEQUENCE SET", "id_seq", "SELECT setval('id_seq', 7)")]))}
        for number, (name, (_, rows)) in enumerate(self.tables.items(), 1):
            data[f"{number}.dat.gz"] = (f"public.{name}", archive.compress(copied(rows)))
        for name, raw in self.files.items():
            data[name] = (data.get(name, (None,))[0], raw)
        counts = {f"public.{name}": len(rows) for name, (_, rows) in self.tables.items()}
        manifest = Manifest(
            id=new_id(),
            kind="full",
            created=datetime.now(UTC),
            source=Source(
                environment="production", database="db", system_identifier="7", server_version="15.0", encoding="UTF8"
            ),
            versions={},
            schema=DatabaseSchema(tables=[table for table, _ in self.tables.values()]),
            files=[
                ArchiveFile(
                    name=name,
                    bytes=len(raw),
                    sha256=hashlib.sha256(raw).hexdigest(),
                    table=table,
                    rows=counts.get(table or ""),
                )
                for name, (table, raw) in data.items()
            ],
        )
        for name, (_, raw) in data.items():
            store.put(manifest.archive_key(name), [raw])
        return manifest
