"""A preview: what the strip makes of a table's first rows. It is the strip itself, on a small part, in memory."""

import builtins
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import polars as pl

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.help import sampling
from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.masks.inside import within
from etna_pipelines.anonymise.plan.plan import Plan, compile_plan
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.errors import RulesError
from etna_pipelines.progress import Progress, silent
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Table
from etna_pipelines.stores.store import Store, StoredObject


@dataclass(frozen=True)
class Preview:
    """Some rows before and after: values by column name, null for NULL."""

    masks: dict[str, str]
    """The columns that change, and how."""
    before: pl.DataFrame
    after: pl.DataFrame
    """As long as `before`, unless the rules leave rows out."""

    def rows(self) -> Iterator[tuple[dict[str, str | None], dict[str, str | None]]]:
        """Each row before and after; nothing before where that can't be told, as rows were left out."""
        alike = self.before.height == self.after.height
        before = self.before.iter_rows(named=True) if alike else repeat({})
        yield from zip(before, self.after.iter_rows(named=True), strict=alike)


def preview(
    full: Manifest,
    store: Store,
    rules: Rules,
    table: Table,
    rows: int,
    *,
    masking_key: bytes,
    progress: Progress = silent,
) -> Preview:
    """Strip a table's first rows. The store is only read; the columns that name people, whom scrub has to know, are
    read whole. Raises RulesError where the strip would, or where the table loses all rows."""
    plan = compile_plan(rules, full.schema_)
    if (data := rules.on(full.schema_).data(table.qualified)) != "keep":
        raise RulesError(f"{table.qualified} is `data: {data}`: none of its rows is left.")
    aside = _Aside(store)
    part = full.model_copy(update={"files": list(_files(full, aside, plan, table, rows))})
    stripped = strip(part, aside, rules, masking_key=masking_key, progress=progress)
    return Preview(
        {column.column.name: column.spec.shown for column in plan.tables[table.qualified].columns},
        sampling.first(part, aside, table, rows),
        sampling.first(stripped.draft, aside, table, rows),
    )


def _files(full: Manifest, aside: "_Aside", plan: Plan, table: Table, rows: int) -> Iterator[ArchiveFile]:
    """The archive's contents, the beginning of the table's file, and those that name people where it is scrubbed."""
    scrubbed = "scrub" in {spec.name for spec in _specs(plan, table.qualified)}
    for file in full.files:
        if file.table is None:
            if file.name == "toc.dat":
                yield file
        elif file.table == table.qualified:
            yield _beginning(full, aside, file, rows)
        elif scrubbed and any(map(masks.identifies, _specs(plan, file.table))):
            yield file


def _specs(plan: Plan, table: str) -> Iterator[MaskSpec]:
    """Every mask that a table's columns get, those inside of values too."""
    for column in plan.tables[table].columns if table in plan.tables else []:
        yield from within(column.spec)


def _beginning(full: Manifest, aside: "_Aside", file: ArchiveFile, rows: int) -> ArchiveFile:
    """The file cut after some rows, put aside in its place."""
    lines: list[bytes] = []
    raw = archive.decompress(checked(aside, full, file), file.name)
    for block in archive.blocks_of_lines(raw):
        lines += block.removesuffix(archive.TERMINATOR).splitlines(keepends=True)[: rows - len(lines)]
        if len(lines) == rows:
            break
    data = archive.compress(b"".join(lines) + archive.TERMINATOR)
    aside.put(full.archive_key(file.name), [data])
    return file.model_copy(
        update={
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "members": [len(data)],
            "slices": [],
            "rows": len(lines),
        }
    )


class _Aside:
    """A store for the length of a preview: reads what is in the real one, keeps in memory what is written."""

    def __init__(self, behind: Store) -> None:
        self._behind = behind
        self._written: dict[str, bytes] = {}

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        self._written[key] = b"".join(chunks)
        return len(self._written[key])

    def put_if_absent(self, key: str, data: bytes) -> None:
        self.put(key, [data])

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if key not in self._written:
            yield from self._behind.read(key, offset, length)
            return
        yield self._written[key][offset : None if length is None else offset + length]

    def copy(self, source: str, target: str) -> None:
        self.put(target, self.read(source))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        written = builtins.list(self._written.items())
        yield from (StoredObject(key, len(data)) for key, data in written if key.startswith(prefix))

    def folders(self, prefix: str) -> Iterator[str]:
        below = (key.removeprefix(prefix).split("/") for key in self._written if key.startswith(prefix))
        yield from sorted({parts[0] for parts in below if len(parts) > 1})

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._written.pop(key, None)

    def sweep(self) -> None:
        """Nothing is ever half-written here."""

    def location(self, key: str = "") -> str:
        return self._behind.location(key)
