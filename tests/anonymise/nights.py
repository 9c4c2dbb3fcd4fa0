"""A night in small: a database, its full snapshot, rules, the strip, the proof, and the rows that come out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from etna_pipelines.anonymise.engine import Stripped, strip
from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.anonymise.proof import proof
from etna_pipelines.anonymise.rules.rules import Rules, load
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.restore import fetch_archive, restore
from etna_pipelines.postgres.schema import Connection
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, Column, DatabaseSchema, ForeignKey, Manifest, Proof, Table
from etna_pipelines.stores.local import LocalStore

KEY = bytes(range(32))

Row = tuple[object, ...]


def written_rules(directory: Path, text: str) -> Rules:
    """Rules as a file holds them."""
    path = directory / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


@dataclass
class Night:
    """One database on its way; `tmp_path` keeps the rules and the scratch files."""

    database: Database
    store: LocalStore
    tmp_path: Path

    def execute(self, statements: str) -> None:
        with self.database.connect() as connection:
            connection.execute(statements)

    def backup(self) -> Manifest:
        return backup(self.database, self.store, environment="production", scratch=self.tmp_path / "scratch")

    def stripped(self, rules: str, full: Manifest | None = None, *, key: bytes = KEY, workers: int = 2) -> Stripped:
        parsed = written_rules(self.tmp_path, rules)
        return strip(full or self.backup(), self.store, parsed, masking_key=key, workers=workers)

    def prove(self, stripped: Stripped, rules: str) -> Proof:
        return proof.prove(stripped, self.store, written_rules(self.tmp_path, rules).public)

    def restored(self, manifest: Manifest) -> "Night":
        """The snapshot in the database's place."""
        with self.database.maintenance.connect() as connection:
            name = sql.Identifier(self.database.name)
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        restore(fetch_archive(manifest, self.store, self.tmp_path), manifest, self.database)
        return self

    def rows(self, query: str) -> list[Row]:
        with self.database.connect() as connection:
            return connection.execute(query).fetchall()

    def raw(self, manifest: Manifest, table: str) -> bytes:
        """A table's COPY text in a snapshot."""
        [file] = [file for file in manifest.files if file.table == table]
        return b"".join(archive.decompress(self.store.read(manifest.archive_key(file.name))))

    def lines(self, manifest: Manifest, table: str) -> list[str]:
        """The rows of a table's COPY text."""
        return self.raw(manifest, table).removesuffix(archive.TERMINATOR).decode().splitlines()


def cut_anew(night: Night, full: Manifest, size: int, terminator: list[bytes]) -> Manifest:
    """The same snapshot, its tables' files cut into members of `size` lines, and the terminator as is said."""

    def rewritten(file: ArchiveFile) -> ArchiveFile:
        if file.table is None:
            return file
        lines = night.raw(full, file.table).removesuffix(archive.TERMINATOR).splitlines(keepends=True)
        blocks = [b"".join(lines[start : start + size]) for start in range(0, len(lines), size)]
        blocks = [*blocks[:-1], b"".join(blocks[-1:]) + terminator[0], *terminator[1:]]
        tally = archive.Tally()
        night.store.put(full.archive_key(file.name), [tally.add(archive.compress(b), b) for b in blocks if b])
        return file.model_copy(update={"bytes": tally.bytes, "sha256": tally.sha256, "members": tally.members})

    return full.model_copy(update={"files": [rewritten(file) for file in full.files]})


def copied_out(connection: Connection, query: str) -> bytes:
    """COPY text that the server itself writes."""
    out = io.BytesIO()
    with connection.cursor().copy(f"COPY {query} TO STDOUT") as copy:
        for chunk in copy:
            out.write(chunk)
    return out.getvalue()


def copied_in(connection: Connection, table: str, data: bytes) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        copy.write(data)


def rewritten(block: bytes, columns: int) -> bytes:
    """A block with every field unescaped and escaped again."""
    fields = copytext.split(block, columns)
    return fields.written({position: fields.values(position) for position in range(columns)}).tobytes()


def column(name: str, type_: str = "text", **facts: bool) -> Column:
    return Column(name=name, type=type_, **facts)


def table(name: str, *columns: Column | str, rows: int = 1, **keys: list[str] | list[list[str]]) -> Table:
    return Table.model_validate(
        {
            "oid": abs(hash(name)) % 100_000,
            "schema_name": "public",
            "name": name,
            "columns": [column(each) if isinstance(each, str) else each for each in columns],
            "rows": rows,
            **keys,
        }
    )


def refers(table: str, column: str, references: str, referenced: str = "id") -> ForeignKey:
    return ForeignKey(
        name=f"{table}_{column}_fkey",
        table=f"public.{table}",
        columns=[column],
        references=f"public.{references}",
        referenced_columns=[referenced],
    )


def schema(*tables: Table, foreign_keys: Sequence[ForeignKey] = (), unsupported: Sequence[str] = ()) -> DatabaseSchema:
    return DatabaseSchema(tables=list(tables), foreign_keys=list(foreign_keys), unsupported=list(unsupported))
