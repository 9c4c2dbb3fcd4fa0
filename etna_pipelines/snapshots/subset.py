"""A part of a stripped snapshot that is a stripped snapshot itself, with all of its foreign keys intact.

It holds nothing but rows of the whole one, byte for byte, and that one was proven: leaving rows out can't leak.

A table stays whole unless it has to lose rows. Those that have to are the roots, what refers to such a table, and
what such a table refers to where that is large, or its other half (see Reference.extends). What is no foreign key
(Django's GenericForeignKey, ids inside JSON) can't be followed: it may name rows that are not there.
"""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

import numpy as np

from etna_pipelines.errors import SnapshotDamaged, StoreError, SubsetError
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import (
    SUBSET,
    ArchiveFile,
    DatabaseSchema,
    ForeignKey,
    Manifest,
    SubsetOf,
    new_id,
)
from etna_pipelines.snapshots.subset_keys import NEWLINE, Ranks, RowNumbers, read_partitions, read_references
from etna_pipelines.snapshots.subset_rows import Choice, closure
from etna_pipelines.snapshots.subset_spec import Subset, chosen
from etna_pipelines.stores.store import Store


def make_subset(
    stripped: Manifest, store: Store, subset: Subset, *, workers: int = 2, progress: Progress = silent
) -> Manifest:
    """A subset of a published stripped snapshot, in the store: a draft, which is to be read back and published.

    What was written is removed again if anything fails. Raises SubsetError, SnapshotDamaged, ArchiveMalformed,
    StoreError. Memory: the key columns while they are joined, then 8 bytes a row and foreign key.
    """
    started = monotonic()
    if stripped.kind != "stripped" or stripped.part or not (stripped.proof and stripped.proof.passed):
        raise SubsetError(f"Snapshot {stripped.id} is no whole stripped one with a passed proof: name one that is.")
    choices = choose(stripped, store, subset, workers)
    created = datetime.now(UTC)
    id_ = f"{new_id(created)}{SUBSET}{subset.digest(stripped.id)}"
    draft = stripped.model_copy(update={"id": id_, "parent": stripped.id, "created": created, "hmac": ""})
    try:
        files = _Cutter(stripped, draft, store, choices, progress).run(workers)
    except BaseException:
        with suppress(StoreError):  # what can't be deleted now has no manifest, so it is no snapshot
            store.delete([item.key for item in store.list(f"{draft.prefix}/")])
        raise
    rows = {file.table: file.rows for file in files}
    tables = [table.model_copy(update={"rows": rows[table.qualified]}) for table in stripped.schema_.tables]
    return draft.model_copy(
        update={
            "seconds": round(monotonic() - started, 3),
            "schema_": stripped.schema_.model_copy(update={"tables": tables}),
            "files": files,
            "proof": stripped.proof.model_copy(update={"of": stripped.id}),
            "part": SubsetOf(subset=subset, rows={table: len(choice) for table, choice in sorted(choices.items())}),
        }
    )


def choose(stripped: Manifest, store: Store, subset: Subset, workers: int = 2) -> dict[str, Choice]:
    """By table, for those that lose rows, which rows stay."""
    sizes = {file.table: file.rows or 0 for file in stripped.files if file.table}
    roots = _roots(stripped, store, subset, sizes)
    losing = _losing(stripped.schema_, subset, {table for tables in roots.values() for table in tables}, sizes)
    keys = _keys_to(losing, stripped.schema_.foreign_keys)
    joined = losing.union(*({key.table, key.references} for key in keys))
    references = read_references(stripped, store, losing, keys, workers)
    first: dict[str, RowNumbers] = {}
    for root, tables in roots.items():
        first |= _first_rows(subset.roots[root], {table: references.ranks[table] for table in tables})
    kept = closure(
        references,
        {table: sizes[table] for table in joined},
        joined - losing,
        first,
        follow_children=subset.follow == "both",
        children=subset.children,
    )
    return {table: choice for table, choice in kept.items() if not choice.all()}


def _roots(stripped: Manifest, store: Store, subset: Subset, sizes: Mapping[str, int]) -> dict[str, list[str]]:
    """The tables that each root stands for: itself, or its partitions."""
    partitions = read_partitions(stripped, store)
    roots = {root: [table for table in (root, *partitions.get(root, [])) if table in sizes] for root in subset.roots}
    for root, tables in roots.items():
        if root in (*stripped.skipped, *stripped.emptied):
            raise SubsetError(f"The subset is to have rows of {root}, and the rules keep none: choose other roots.")
        if not tables:
            raise SubsetError(
                f"The subset is to have rows of {root}, which snapshot {stripped.id} does not have: correct the name, "
                "with its schema where that is not public."
            )
        if not any(sizes[table] for table in tables):
            raise SubsetError(f"The subset is to have rows of {root}, and it has none: choose other roots.")
    return roots


def _losing(schema: DatabaseSchema, subset: Subset, roots: set[str], sizes: Mapping[str, int]) -> set[str]:
    """The tables that may lose rows. Each other one stays whole, with the rows that it refers to."""
    losing = set(roots)
    primary_keys = {table.qualified: sorted(table.primary_key) for table in schema.tables}
    extending = [key for key in schema.foreign_keys if sorted(key.columns) == primary_keys[key.table]]
    if subset.rest == "empty":
        losing.update(table for table, rows in sizes.items() if rows > subset.lookup)
    while True:
        referring = {key.table for key in schema.foreign_keys if key.references in losing}
        referred = {key.references for key in schema.foreign_keys if key.table in losing}
        more = {table for table in referring if sizes[table] > subset.small}
        more |= {table for table in referred if sizes[table] > max(subset.lookup, subset.small)}
        more |= {key.references for key in extending if key.table in losing}
        if more <= losing:
            return losing
        losing |= more


def _keys_to(losing: Collection[str], keys: Collection[ForeignKey]) -> list[ForeignKey]:
    """The keys to tables that lose rows; where one refers to partitions, to all of them."""
    wanted = {(key.table, *key.columns) for key in keys if key.references in losing}
    return [key for key in keys if (key.table, *key.columns) in wanted]


def _first_rows(amount: str, ranks: Mapping[str, Ranks]) -> dict[str, RowNumbers]:
    """So many rows of some tables together, those of the lowest ranks: a fair choice, and always the same."""
    everything = np.concatenate(list(ranks.values()))
    first = np.zeros(len(everything), np.bool_)
    first[np.argsort(everything, kind="stable")[: chosen(amount, len(everything))]] = True
    ends = np.cumsum([len(each) for each in ranks.values()])
    return {table: np.flatnonzero(part) for table, part in zip(ranks, np.split(first, ends[:-1]), strict=True)}


class _Cutter:
    """Writes the files of a subset: lines as they were, or none; all else is copied inside the store."""

    def __init__(
        self, whole: Manifest, draft: Manifest, store: Store, choices: Mapping[str, Choice], progress: Progress
    ) -> None:
        self._whole = whole
        self._draft = draft
        self._store = store
        self._choices = choices
        self._progress = progress

    def run(self, workers: int) -> list[ArchiveFile]:
        files, done, total = [], 0, self._whole.bytes
        with ThreadPoolExecutor(workers, "subset") as pool:
            try:
                for source, file in zip(self._whole.files, pool.map(self._put, self._whole.files), strict=True):
                    files.append(file)
                    done += source.bytes
                    self._progress(Tick("subset", done, total, len(files), len(self._whole.files)))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return files

    def _put(self, file: ArchiveFile) -> ArchiveFile:
        choice = self._choices.get(file.table or "")
        key = self._draft.archive_key(file.name)
        if choice is None:
            self._store.copy(self._whole.archive_key(file.name), key)
            return file
        tally = archive.Tally()
        blocks = archive.blocks_of_lines(self._kept(file, choice))
        self._store.put(key, (tally.add(archive.compress(block), block) for block in blocks))
        return file.model_copy(update=tally.facts)

    def _kept(self, file: ArchiveFile, choice: Choice) -> Iterator[bytes]:
        """The chosen lines of a table's file, and pg_dump's terminator."""
        stays = np.append(choice, np.ones(archive.TERMINATOR.count(b"\n"), np.bool_))
        damaged = SnapshotDamaged(f"Table {file.table} has not the rows that its manifest says: strip again.")
        seen = 0
        stream = archive.decompress(checked(self._store, self._whole, file), file.name)
        for block in archive.blocks_of_lines(stream):
            raw = np.frombuffer(block, np.uint8)
            lengths = np.diff(np.flatnonzero(raw == NEWLINE) + 1, prepend=0)
            seen += len(lengths)
            if seen > len(stays) or not block.endswith(b"\n"):
                raise damaged
            yield raw[np.repeat(stays[seen - len(lengths) : seen], lengths)].tobytes()
        if seen < len(stays):
            raise damaged
