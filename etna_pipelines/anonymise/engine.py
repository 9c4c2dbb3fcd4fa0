"""The strip engine: a full snapshot's archive to a stripped one, file by file, block by block.

Per table file: decompress -> blocks of whole lines -> fields as raw text -> only ruled columns are unescaped, masked,
escaped -> compress. Untouched files go by server-side copy. Memory is bounded by block size times workers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from time import monotonic

from etna_pipelines.anonymise.blocks import (
    Block,
    BlockMasker,
    ColumnMask,
    Counts,
    Cut,
    column_masks,
    cut_block,
    numbered,
    told_where,
)
from etna_pipelines.anonymise.first_pass import FirstPass
from etna_pipelines.anonymise.masks import Tools, identifies
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.anonymise.plan.plan import Plan, TablePlan, compile_plan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.schema_text import refuse_personal_schema
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.scrub import Scrubber
from etna_pipelines.errors import SnapshotDamaged, StoreError
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.keys import key_id
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, MaskedColumn, RulesUsed, new_id
from etna_pipelines.stores.store import Store

_EMPTY = Block(archive.compress(archive.EMPTY), len(archive.EMPTY), archive.EMPTY.count(b"\n"))


@dataclass
class Stripped:
    """A finished stripped archive that nothing proves yet: its draft manifest, and what the proof needs to know."""

    draft: Manifest
    originals: Originals
    unchanged: dict[tuple[str, str], tuple[int, int]]
    """Per identifying column, and per column of which no value changed: values that their mask left as they were, of
    how many."""


def strip(
    full: Manifest, store: Store, rules: Rules, *, masking_key: bytes, workers: int = 2, progress: Progress = silent
) -> Stripped:
    """Strip a full snapshot into the store, unpublished. What was written is removed again if anything fails.

    Raises RulesError before any data is read; SnapshotDamaged, ArchiveMalformed, StoreError.
    """
    plan = compile_plan(rules, full.schema_)
    contents = b"".join(checked(store, full, _file(full, "toc.dat")))
    entries = toc.read(contents)
    gone = plan.left_out.entries(entries)
    refuse_personal_schema([entry for entry in entries if entry.dump_id not in gone], rules.public)
    stripping = _Strip(full, store, rules, plan, masking_key, workers, progress)
    return stripping.run(toc.without(contents, gone) if gone else contents)


class _Strip:
    def __init__(
        self,
        full: Manifest,
        store: Store,
        rules: Rules,
        plan: Plan,
        masking_key: bytes,
        workers: int,
        progress: Progress,
    ) -> None:
        self._full = full
        self._store = store
        self._rules = rules
        self._plan = plan
        self._workers = workers
        self._progress = progress
        self._key_id = key_id(masking_key)
        self._pseudonyms = Pseudonyms(masking_key)
        self._identities = Identities(self._pseudonyms, rules.public)
        self._scrubber = Scrubber(self._pseudonyms, self._identities, rules.public)
        self._originals = Originals(with_handles=plan.scrubs)
        self._masks: dict[str, list[ColumnMask]] = {}
        self._counts: dict[tuple[str, str], Counts] = {}
        self._draft = full.model_copy(update={"id": new_id(), "kind": "stripped", "parent": full.id, "hmac": ""})
        self._done = 0
        self._tables_done = 0

    def run(self, contents: bytes) -> Stripped:
        """Write the archive, with this toc.dat."""
        started = monotonic()
        try:
            with ThreadPoolExecutor(self._workers, thread_name_prefix="strip") as pool:
                self._read_first(pool)
                if self._plan.scrubs:
                    self._scrubber.prepare()
                files = [
                    self._write_contents(file, contents) if file.name == "toc.dat" else self._strip_file(file, pool)
                    for file in self._full.files
                    if self._plan.left_out.keeps(file)
                ]
        except BaseException:
            with suppress(StoreError):  # what can't be deleted now has no manifest, so it is no snapshot
                self._store.delete([item.key for item in self._store.list(f"{self._draft.prefix}/")])
            raise
        reached(FaultPoint.STRIP_FINISHED)
        return Stripped(self._finished(files, monotonic() - started), self._originals, self._unchanged())

    def _read_first(self, pool: ThreadPoolExecutor) -> None:
        """Read the columns that scrub or a mask has to know whole before anything is masked."""
        for file, plan in self._table_files():
            seen = FirstPass(self._masks_of(plan), self._identities if self._plan.scrubs else None)
            if not seen.columns:
                continue

            def cut(member: bytes, plan: TablePlan = plan) -> Cut:
                return cut_block(member, plan)

            with _in_table(file):
                cuts = in_order(pool, cut, self._raw_members(file), self._workers)
                for first, block in numbered(cuts, plan.table.qualified):
                    values = {}
                    for column in seen.columns:
                        with told_where(plan.table.qualified, first, column.name):
                            values[column.name] = block.fields.values(column.plan.position)
                    seen.see(values)

    def _masks_of(self, plan: TablePlan) -> list[ColumnMask]:
        """The table's masks, made once: what a first pass told them they still know in the second."""
        name = plan.table.qualified
        if name not in self._masks:
            self._masks[name] = column_masks(plan, Tools(self._pseudonyms, self._scrubber))
        return self._masks[name]

    def _table_files(self) -> Iterator[tuple[ArchiveFile, TablePlan]]:
        for file in self._full.files:
            if file.table is not None and self._plan.left_out.keeps(file):
                yield file, self._plan_of(file)

    def _plan_of(self, file: ArchiveFile) -> TablePlan:
        plan = self._plan.tables.get(file.table or "")
        if plan is None:
            raise SnapshotDamaged(
                f"{file.name} holds table {file.table}, which the manifest's schema lacks: take a new backup."
            )
        return plan

    def _strip_file(self, file: ArchiveFile, pool: ThreadPoolExecutor) -> ArchiveFile:
        if file.table is None:
            return self._copy(file)
        plan = self._plan_of(file)
        changed = bool(plan.columns or plan.rows)
        if plan.empty:
            stripped = self._write(file, iter([_EMPTY]), plan)
        elif changed:
            stripped = self._write(file, self._masked(file, plan, pool), plan)
        else:
            stripped = self._copy(file)
        self._tables_done += 1
        self._tick(file.bytes if plan.empty or not changed else 0)
        reached(FaultPoint.STRIP_FILE_WRITTEN)
        return stripped

    def _masked(self, file: ArchiveFile, plan: TablePlan, pool: ThreadPoolExecutor) -> Iterator[Block]:
        """Blocks are cut and masked in the pool; in between their rows are counted here, in order."""
        mask = BlockMasker(plan, self._masks_of(plan), self._originals, self._identities)
        cuts = in_order(pool, lambda member: cut_block(member, plan), self._raw_members(file), self._workers)
        rows = 0

        def counted() -> Iterator[tuple[int, Cut]]:
            nonlocal rows
            for first, cut in numbered(cuts, plan.table.qualified):
                rows = first + len(cut)
                yield first, cut

        yield from in_order(pool, mask, counted(), self._workers)
        if rows != file.rows:
            raise SnapshotDamaged(f"it has {rows} rows of {file.rows}: take a new backup.")

    def _write_contents(self, file: ArchiveFile, contents: bytes) -> ArchiveFile:
        self._store.put(self._draft.archive_key(file.name), [contents])
        return file.model_copy(update={"bytes": len(contents), "sha256": sha256(contents).hexdigest()})

    def _copy(self, file: ArchiveFile) -> ArchiveFile:
        self._store.copy(self._full.archive_key(file.name), self._draft.archive_key(file.name))
        return file

    def _write(self, file: ArchiveFile, blocks: Iterator[Block], plan: TablePlan) -> ArchiveFile:
        tally = archive.Tally()

        def members() -> Iterator[bytes]:
            for block in blocks:
                self._observe(plan, block)
                yield tally.add_counted(block.member, block.raw_bytes, block.lines)

        with _in_table(file):
            self._store.put(self._draft.archive_key(file.name), members())
        return file.model_copy(
            update={
                "bytes": tally.bytes,
                "sha256": tally.sha256,
                "raw_bytes": tally.raw_bytes,
                "members": tally.members,
                "rows": tally.rows,
            }
        )

    def _observe(self, plan: TablePlan, block: Block) -> None:
        for planned, counts in zip(plan.columns, block.counts, strict=False):
            total = self._counts.setdefault((plan.table.qualified, planned.column.name), Counts())
            total.values += counts.values
            total.filled += counts.filled
            total.unchanged += counts.unchanged
        self._originals.remember(block.observed)

    def _raw_members(self, file: ArchiveFile) -> Iterator[bytes]:
        """The compressed members of a table's file; the last two as one, so that pg_dump's terminator stands whole."""
        lengths = file.members or [file.bytes]
        lengths = [*lengths[:-2], sum(lengths[-2:])]
        held = bytearray()
        for chunk in checked(self._store, self._full, file):
            held += chunk
            while lengths and len(held) >= lengths[0]:
                length = lengths.pop(0)
                self._tick(length)
                yield bytes(held[:length])
                del held[:length]

    def _tick(self, amount: int) -> None:
        self._done += amount
        tables = len(self._full.schema_.tables)
        self._progress(Tick("strip", min(self._done, self._full.bytes), self._full.bytes, self._tables_done, tables))

    def _finished(self, files: list[ArchiveFile], seconds: float) -> Manifest:
        schema = self._plan.left_out.schema(self._full.schema_)
        emptied = [name for name, plan in self._plan.tables.items() if plan.empty]
        rows = {file.table: file.rows for file in files if file.table}
        tables = [
            table.model_copy(
                update={"rows": 0 if table.qualified in emptied else rows.get(table.qualified, table.rows)}
            )
            for table in schema.tables
        ]
        return self._draft.model_copy(
            update={
                "created": datetime.now(UTC),
                "seconds": round(seconds, 3),
                "schema_": schema.model_copy(update={"tables": tables}),
                "files": files,
                "rules": RulesUsed(
                    files=self._rules.files,
                    digest=self._rules.digest,
                    key_id=self._key_id,
                    faker=version("faker"),
                ),
                "masked": [
                    MaskedColumn(
                        table=name,
                        column=planned.column.name,
                        mask=planned.spec.shown,
                        values=self._counts.get((name, planned.column.name), Counts()).values,
                    )
                    for name, plan in self._plan.tables.items()
                    for planned in plan.columns
                ],
                "emptied": emptied,
                "skipped": self._plan.left_out.names,
                "unlisted": self._plan.unlisted,
            }
        )

    def _unchanged(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Of a mask that hides nobody, which may by chance leave a value, only where it changed nothing at all."""
        identifying = {
            (name, planned.column.name)
            for name, plan in self._plan.tables.items()
            for planned in plan.columns
            if identifies(planned.spec)
        }
        return {
            place: (counts.unchanged, counts.values)
            for place, counts in self._counts.items()
            if place in identifying or counts.unchanged == counts.filled
        }


@contextmanager
def _in_table(file: ArchiveFile) -> Iterator[None]:
    """Names the table in what is said of its data."""
    try:
        yield
    except SnapshotDamaged as problem:
        raise SnapshotDamaged(f"Table {file.table}: {problem}") from None


def _file(manifest: Manifest, name: str) -> ArchiveFile:
    for file in manifest.files:
        if file.name == name:
            return file
    raise SnapshotDamaged(f"Snapshot {manifest.id} has no {name}: take a new backup.")
