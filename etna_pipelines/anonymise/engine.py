"""The strip engine: a full snapshot's archive to a stripped one, file by file, block by block.

Per table file: decompress -> blocks of whole lines -> fields as raw text -> only ruled columns are unescaped, masked,
escaped -> compress. Untouched files go by server-side copy. Memory is bounded by block size times workers.
"""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

import polars as pl

from etna_pipelines.anonymise import copytext, masks
from etna_pipelines.anonymise.identities import Identities
from etna_pipelines.anonymise.masks import Tools
from etna_pipelines.anonymise.originals import Observed, Originals
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.anonymise.plan import ColumnPlan, Plan, TablePlan, compile_plan
from etna_pipelines.anonymise.pseudonyms import Pseudonyms, key_id
from etna_pipelines.anonymise.rules import Rules
from etna_pipelines.anonymise.schema_text import refuse_personal_schema
from etna_pipelines.anonymise.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged, StoreError
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, MaskedColumn, RulesUsed, new_id
from etna_pipelines.stores.store import Store


@dataclass
class Stripped:
    """A finished stripped archive that nothing proves yet: its draft manifest, and what the proof needs to know."""

    draft: Manifest
    originals: Originals
    unchanged: dict[tuple[str, str], tuple[int, int]]
    """Per identifying column: values that their mask left as they were, of how many."""


@dataclass
class _Counts:
    values: int = 0
    unchanged: int = 0


@dataclass
class _Block:
    """One masked block: compressed for the store, with what was seen in it."""

    raw: bytes
    member: bytes
    counts: list[_Counts] = field(default_factory=list)
    observed: Observed = field(default_factory=list)


def strip(
    full: Manifest, store: Store, rules: Rules, *, masking_key: bytes, workers: int = 2, progress: Progress = silent
) -> Stripped:
    """Strip a full snapshot into the store, unpublished. What was written is removed again if anything fails.

    Raises RulesError before any data is read; SnapshotDamaged, ArchiveMalformed, StoreError.
    """
    plan = compile_plan(rules, full.schema_)
    contents = b"".join(checked(store, full, _file(full, "toc.dat")))
    refuse_personal_schema(toc.read(contents), rules.public)
    return _Strip(full, store, rules, plan, masking_key, workers, progress).run()


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
        self._counts: dict[tuple[str, str], _Counts] = {}
        self._draft = full.model_copy(update={"id": new_id(), "kind": "stripped", "parent": full.id, "hmac": ""})
        self._done = 0
        self._tables_done = 0

    def run(self) -> Stripped:
        started = monotonic()
        try:
            with ThreadPoolExecutor(self._workers, thread_name_prefix="strip") as pool:
                if self._plan.scrubs:
                    self._collect_identities(pool)
                    self._scrubber.prepare()
                files = [self._strip_file(file, pool) for file in self._full.files]
        except BaseException:
            with suppress(StoreError):  # what can't be deleted now has no manifest, so it is no snapshot
                self._store.delete([item.key for item in self._store.list(f"{self._draft.prefix}/")])
            raise
        return Stripped(self._finished(files, monotonic() - started), self._originals, self._unchanged())

    def _collect_identities(self, pool: ThreadPoolExecutor) -> None:
        """Read the columns that name people, so that scrub knows them in whichever order the tables come."""
        for file, plan in self._table_files():
            columns = _naming_columns(plan)
            if not columns:
                continue
            positions = [column.position for column in columns]

            def read(raw: bytes, plan: TablePlan = plan, positions: list[int] = positions) -> pl.DataFrame:
                return copytext.read(_data(raw)[0], len(plan.table.copied), only=positions)

            with _in_table(file):
                for frame in in_order(pool, read, self._raw_members(file), self._workers):
                    values = defaultdict[str, list[pl.Series]](list)
                    for column in columns:
                        values[masks.identifies(column.spec) or ""].append(
                            copytext.unescape(frame[str(column.position)])
                        )
                    self._identify(values)

    def _identify(self, values: dict[str, list[pl.Series]]) -> None:
        """Of several first and last names in a row the first belongs to the first, and so on."""
        for first, last in zip(values["first"], values["last"], strict=False):
            self._identities.add_names(first, last)
        for last in values["last"][len(values["first"]) :]:
            self._identities.add_surnames(last)
        for names in values["name"]:
            self._identities.add_full_names(names)
        for usernames in values["username"]:
            self._identities.add_usernames(usernames)
        for emails in values["email"]:
            self._identities.add_usernames(self._identities.handles(emails))

    def _table_files(self) -> Iterator[tuple[ArchiveFile, TablePlan]]:
        for file in self._full.files:
            if file.table is not None:
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
        if plan.empty:
            stripped = self._write(file, iter([_Block(archive.EMPTY, archive.compress(archive.EMPTY))]), plan)
        elif plan.columns:
            mask = _BlockMasker(plan, self._pseudonyms, self._scrubber, self._originals, self._identities)
            members = self._raw_members(file)
            stripped = self._write(file, in_order(pool, mask, members, self._workers), plan)
        else:
            stripped = self._copy(file)
        self._tables_done += 1
        self._tick(file.bytes if plan.empty or not plan.columns else 0)
        return stripped

    def _copy(self, file: ArchiveFile) -> ArchiveFile:
        self._store.copy(self._full.archive_key(file.name), self._draft.archive_key(file.name))
        return file

    def _write(self, file: ArchiveFile, blocks: Iterator[_Block], plan: TablePlan) -> ArchiveFile:
        tally = archive.Tally()

        def members() -> Iterator[bytes]:
            for block in blocks:
                self._observe(plan, block)
                yield tally.add(block.member, block.raw)

        with _in_table(file):
            self._store.put(self._draft.archive_key(file.name), members())
        rows = 0 if plan.empty else file.rows
        if tally.rows != rows:
            raise SnapshotDamaged(
                f"Table {file.table} came out of the strip with {tally.rows} rows of {rows}: take a new backup."
            )
        return file.model_copy(
            update={
                "bytes": tally.bytes,
                "sha256": tally.sha256,
                "raw_bytes": tally.raw_bytes,
                "members": tally.members,
                "rows": rows,
            }
        )

    def _observe(self, plan: TablePlan, block: _Block) -> None:
        for planned, counts in zip(plan.columns, block.counts, strict=False):
            total = self._counts.setdefault((plan.table.qualified, planned.column.name), _Counts())
            total.values += counts.values
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
        emptied = [name for name, plan in self._plan.tables.items() if plan.empty]
        tables = [
            table.model_copy(update={"rows": 0}) if table.qualified in emptied else table
            for table in self._full.schema_.tables
        ]
        return self._draft.model_copy(
            update={
                "created": datetime.now(UTC),
                "seconds": round(seconds, 3),
                "schema_": self._full.schema_.model_copy(update={"tables": tables}),
                "files": files,
                "rules": RulesUsed(files=self._rules.files, digest=self._rules.digest, key_id=self._key_id),
                "masked": [
                    MaskedColumn(
                        table=name,
                        column=planned.column.name,
                        mask=str(planned.spec),
                        values=self._counts.get((name, planned.column.name), _Counts()).values,
                    )
                    for name, plan in self._plan.tables.items()
                    for planned in plan.columns
                ],
                "emptied": emptied,
            }
        )

    def _unchanged(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {place: (counts.unchanged, counts.values) for place, counts in self._counts.items()}


class _BlockMasker:
    """Masks one compressed member of a table's file after another; holds no state, so any thread may call it."""

    def __init__(
        self,
        plan: TablePlan,
        pseudonyms: Pseudonyms,
        scrubber: Scrubber,
        originals: Originals,
        identities: Identities,
    ) -> None:
        tools = Tools(pseudonyms, scrubber)
        self._width = len(plan.table.copied)
        self._originals = originals
        self._identities = identities
        self._columns = [
            (planned, masks.identifies(planned.spec), masks.build(planned.spec, planned.column, tools))
            for planned in plan.columns
        ]

    def __call__(self, member: bytes) -> _Block:
        data, terminator = _data(member)
        frame = copytext.read(data, self._width)
        has_escapes = copytext.has_escapes(data)
        block = _Block(b"", b"")
        masked: dict[str, pl.Series] = {}
        names: dict[str, list[tuple[pl.Series, pl.Series]]] = {"first": [], "last": [], "name": []}
        for planned, identifies, mask in self._columns:
            values = copytext.unescape(frame[str(planned.position)], has_escapes=has_escapes)
            changed = mask(Values.of(values), _NoRows()).series()
            masked[str(planned.position)] = copytext.escape(changed)
            block.counts.append(_count(values, changed, identifies))
            if identifies is not None:
                block.observed += self._originals.observed(identifies, Values.of(values), self._identities)
                names.setdefault(identifies, []).append((values, changed))
        for first, last in zip(names["first"], names["last"], strict=False):
            # A pair of names has one pair of pseudonyms, so it is looked at once, however many people share it.
            pairs = pl.DataFrame([first[0], last[0], first[1], last[1]], schema=["f", "l", "F", "L"])
            pairs = pairs.unique(["f", "l"])
            block.observed += self._originals.observed(
                "name", Values.of(_joined(pairs["f"], pairs["l"])), self._identities
            )
            block.observed += self._originals.pseudonyms(Values.of(_joined(pairs["F"], pairs["L"])))
        for _, pseudonyms in names["name"]:
            block.observed += self._originals.pseudonyms(Values.of(pseudonyms))
        block.raw = copytext.write(frame.with_columns(**masked)) + terminator
        block.member = archive.compress(block.raw)
        return block


class _NoRows:
    first = 0

    def __len__(self) -> int:
        return 0

    def original(self, column: str) -> Values:
        raise KeyError(column)

    masked = original


def _data(member: bytes) -> tuple[bytes, bytes]:
    """The lines of a member, and the terminator that pg_dump ended the table with where it is the last."""
    raw = b"".join(archive.decompress([member]))
    if raw == archive.TERMINATOR or raw.endswith(b"\n" + archive.TERMINATOR):
        return raw[: -len(archive.TERMINATOR)], archive.TERMINATOR
    return raw, b""


def _count(values: pl.Series, changed: pl.Series, identifies: str | None) -> _Counts:
    filled = len(values) - values.null_count()
    if identifies is None:
        return _Counts(filled)
    return _Counts(filled, int(((values == changed) & (values != "")).sum()))


def _joined(first: pl.Series, last: pl.Series) -> pl.Series:
    return first.str.strip_chars() + " " + last.str.strip_chars()


def _naming_columns(plan: TablePlan) -> list[ColumnPlan]:
    kinds = ("first", "last", "name", "username", "email")
    return [column for column in plan.columns if masks.identifies(column.spec) in kinds]


@contextmanager
def _in_table(file: ArchiveFile) -> Iterator[None]:
    """Names the table in what is said of its data."""
    try:
        yield
    except (ArchiveMalformed, SnapshotDamaged) as problem:
        raise type(problem)(f"Table {file.table}: {problem}") from None


def _file(manifest: Manifest, name: str) -> ArchiveFile:
    for file in manifest.files:
        if file.name == name:
            return file
    raise SnapshotDamaged(f"Snapshot {manifest.id} has no {name}: take a new backup.")
