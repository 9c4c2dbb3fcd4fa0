"""Stripping: what is done with pieces of a full snapshot's archive, the same in one process and on many machines.

Per piece of a table's file: decompress -> blocks of whole lines -> fields as raw text -> only ruled columns are
unescaped, masked, escaped -> compress. Untouched files go by server-side copy. Memory is bounded by block size times
workers.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from io import BytesIO
from types import TracebackType
from typing import Self

import polars as pl

from etna_pipelines.anonymise.blocks import (
    Block,
    BlockMasker,
    ColumnMask,
    Cut,
    column_masks,
    cut_block,
    numbered,
    told_where,
)
from etna_pipelines.anonymise.first_pass import FirstPass
from etna_pipelines.anonymise.masks import Tools
from etna_pipelines.anonymise.masks.kind import Collecting
from etna_pipelines.anonymise.memory import set_aside
from etna_pipelines.anonymise.outcome import Outcome, Place, StrippedPiece
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.anonymise.plan.plan import TablePlan, compile_plan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.schema_text import refuse_personal_schema
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest
from etna_pipelines.snapshots.pieces import Member, Piece, bytes_of, members_of, rows_before, rows_of
from etna_pipelines.stores.store import Store

_EMPTY = Block(archive.compress(archive.EMPTY), len(archive.EMPTY), archive.EMPTY.count(b"\n"))
CONTENTS = "toc.dat"

Put = Callable[[Iterable[bytes]], object]
"""Stores a stream."""

Bundle = Mapping[str, bytes]
"""Things that belong together, by name, as one worker hands them to another."""


def derived(masking_key: bytes, purpose: str) -> bytes:
    """Another key of 32 bytes, for one purpose: HMAC-SHA-256, a step of HKDF-Expand (RFC 5869)."""
    return hmac.digest(masking_key, f"etna-pipelines: {purpose}".encode(), "sha256")


def no_originals(masking_key: bytes, draft: Manifest, *, with_handles: bool = True) -> Originals:
    """An empty set of originals: all who work on a strip hash them alike, and nobody else does."""
    seed = int.from_bytes(derived(masking_key, f"originals of {draft.id}")[:8]) >> 1
    return Originals(with_handles=with_handles, seed=seed)


class Stripping:
    """A strip as one of those who work on it has it: a context, which ends with its threads.

    Raises RulesError where the rules don't fit the snapshot, before any data is read.
    """

    def __init__(
        self,
        full: Manifest,
        store: Store,
        rules: Rules,
        draft: Manifest,
        *,
        masking_key: bytes,
        workers: int,
        progress: Progress = silent,
    ) -> None:
        self.full = full
        self.plan = compile_plan(rules, full.schema_)
        self._store = store
        self._rules = rules
        self._draft = draft
        self._workers = workers
        self._progress = progress
        self._open = ExitStack()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="strip")
        self._files = {file.name: file for file in full.files}
        self._pseudonyms = Pseudonyms(masking_key)
        self.identities = Identities(self._pseudonyms, rules.public)
        self._scrubber = Scrubber(self._pseudonyms, self.identities, rules.public)
        self.outcome = Outcome(no_originals(masking_key, draft, with_handles=self.plan.scrubs))
        self._masks: dict[str, list[ColumnMask]] = {}
        self._done, self._total = 0, full.bytes
        self._tables_done = 0

    def __enter__(self) -> Self:
        self._open.enter_context(set_aside())
        self._open.enter_context(self._pool)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def contents(self) -> bytes:
        """The new archive's table of contents. Raises RulesError where what it says itself is personal."""
        contents = b"".join(checked(self._store, self.full, self.file(CONTENTS)))
        entries = toc.read(contents)
        gone = self.plan.left_out.entries(entries)
        refuse_personal_schema([entry for entry in entries if entry.dump_id not in gone], self._rules.public)
        return toc.without(contents, gone) if gone else contents

    def write_contents(self, contents: bytes) -> None:
        file, key = self.file(CONTENTS), self._draft.archive_key(CONTENTS)
        self._store.put(key, [contents])
        self._made(
            Piece.whole(file),
            file.model_copy(update={"bytes": len(contents), "sha256": sha256(contents).hexdigest()}),
        )

    def file(self, name: str) -> ArchiveFile:
        if name not in self._files:
            raise SnapshotDamaged(f"Snapshot {self.full.id} has no {name}: take a new backup.")
        return self._files[name]

    def files(self) -> Iterator[ArchiveFile]:
        """Those that the new archive has, too, but its table of contents."""
        for file in self.full.files:
            if file.name != CONTENTS and self.plan.left_out.keeps(file):
                yield file

    def is_read_first(self, file: ArchiveFile) -> bool:
        """Whether a file has columns that scrub or a mask has to know whole before anything is masked."""
        return file.table is not None and bool(self._first_pass(self._plan_of(file)).columns)

    def is_masked(self, file: ArchiveFile) -> bool:
        """Whether any of its rows may change; else it is copied, or emptied."""
        plan = self._plan_of(file) if file.table is not None else None
        return plan is not None and not plan.empty and bool(plan.columns or plan.rows)

    def read_first(self, pieces: Iterable[Piece]) -> None:
        """Tell scrub and masks what they have to know of these pieces."""
        pieces = list(pieces)
        self._total += sum(sum(bytes_of(self.file(it.file))[it.begin : it.end]) for it in pieces)
        for piece in pieces:
            file = self.file(piece.file)
            plan = self._plan_of(file)
            seen = self._first_pass(plan)
            with _in_table(file):
                for first, block in self._cuts(file, piece, plan):
                    values = {}
                    for column in seen.columns:
                        with told_where(plan.table.qualified, first, column.name):
                            values[column.name] = block.fields.values(column.plan.position)
                    seen.see(values)

    def known(self) -> Bundle:
        """All that was read first, for another worker's `know`. It names people."""
        people = self.identities.collected()
        columns = {" ".join(place): mask.collected().to_frame() for place, mask in self._collecting()}
        return {f"people {name}": _written(frame) for name, frame in people.items()} | {
            f"column {name}": _written(frame) for name, frame in columns.items()
        }

    def know(self, known: Bundle) -> None:
        """What another worker read first."""
        masks = {" ".join(place): mask for place, mask in self._collecting()}
        for name, data in known.items():
            what, _, which = name.partition(" ")
            frame = pl.read_ipc(BytesIO(data))
            if what == "people":
                self.identities.add_collected(which, frame)
            else:
                masks[which].collect(Values.of(frame.to_series()))

    def prepare(self) -> None:
        """Once everything was read first: build the search for the people that are known."""
        if self.plan.scrubs:
            self._scrubber.prepare(lambda: self._tick(0))

    def strip(self, piece: Piece, put: Put | None = None) -> None:
        """Write what becomes of a piece: into the new archive where it is a whole file, else by `put`."""
        file = self.file(piece.file)
        plan = self._plan_of(file) if file.table is not None else None
        key = self._draft.archive_key(file.name)
        put = put or partial(self._store.put, key)
        if plan and plan.empty:
            self._made(piece, self._write(file, piece, put, iter([_EMPTY]), plan))
        elif plan and self.is_masked(file):
            self._made(piece, self._write(file, piece, put, self._masked(file, piece, plan), plan))
        else:
            self._store.copy(self.full.archive_key(file.name), key)
            self._made(piece, file)
        self._tables_done += file.table is not None and piece.is_last(file)
        self._tick(0 if self.is_masked(file) else file.bytes)
        reached(FaultPoint.STRIP_FILE_WRITTEN)

    def masks_of(self, plan: TablePlan) -> list[ColumnMask]:
        """The table's masks, made once: what a first pass told them they still know in the second."""
        name = plan.table.qualified
        if name not in self._masks:
            self._masks[name] = column_masks(plan, Tools(self._pseudonyms, self._scrubber))
        return self._masks[name]

    def _collecting(self) -> Iterator[tuple[Place, Collecting]]:
        """The masks that have to know all of their column, each with where that is."""
        for name, plan in self.plan.tables.items():
            for column in self.masks_of(plan):
                if isinstance(column.mask, Collecting):
                    yield (name, column.name), column.mask

    def _made(self, piece: Piece, file: ArchiveFile) -> None:
        self.outcome.pieces.append(StrippedPiece(piece=piece, file=file))

    def _first_pass(self, plan: TablePlan) -> FirstPass:
        return FirstPass(self.masks_of(plan), self.identities if self.plan.scrubs else None)

    def _plan_of(self, file: ArchiveFile) -> TablePlan:
        plan = self.plan.tables.get(file.table or "")
        if plan is None:
            raise SnapshotDamaged(
                f"{file.name} holds table {file.table}, which the manifest's schema lacks: take a new backup."
            )
        return plan

    def _cuts(self, file: ArchiveFile, piece: Piece, plan: TablePlan) -> Iterator[tuple[int, Cut]]:
        """The blocks of a piece, cut in the pool, each with how many rows of the table stand before it."""

        def cut(member: Member) -> Cut:
            return cut_block(member.data, plan, ends_slice=member.ends_slice)

        members = members_of(self._store, self.full, file, piece, self._tick)
        cuts = in_order(self._pool, cut, members, self._workers)
        begin = rows_before(file, piece)
        rows = begin
        for first, block in numbered(cuts, plan.table.qualified, begin):
            rows = first + len(block)
            yield first, block
        if rows - begin != rows_of(file, piece):
            raise SnapshotDamaged(f"it has {rows - begin} rows of {rows_of(file, piece)}: take a new backup.")

    def _masked(self, file: ArchiveFile, piece: Piece, plan: TablePlan) -> Iterator[Block]:
        """Blocks are cut and masked in the pool; in between their rows are counted here, in order."""
        mask = BlockMasker(plan, self.masks_of(plan), self.outcome.originals, self.identities)
        yield from in_order(self._pool, mask, self._cuts(file, piece, plan), self._workers)

    def _write(
        self, file: ArchiveFile, piece: Piece, put: Put, blocks: Iterator[Block], plan: TablePlan
    ) -> ArchiveFile:
        tally = archive.Tally(slice_bytes=None, terminated=piece.is_last(file))

        def members() -> Iterator[bytes]:
            for block in blocks:
                self.outcome.observe(plan, block)
                yield tally.add_counted(block.member, block.raw_bytes, block.lines)
                if block.ends_slice:
                    tally.cut()

        with _in_table(file):
            put(members())
        sliced = {} if piece.is_whole(file) else {"slices": tally.slices}
        return file.model_copy(update=tally.facts | sliced)

    def _tick(self, amount: int) -> None:
        self._done += amount
        tables = len(self.full.schema_.tables)
        self._progress(Tick("strip", min(self._done, self._total), self._total, self._tables_done, tables))


def _written(frame: pl.DataFrame) -> bytes:
    stream = frame.write_ipc(None, compression="zstd")
    return stream.getvalue()


@contextmanager
def _in_table(file: ArchiveFile) -> Iterator[None]:
    """Names the table in what is said of its data."""
    try:
        yield
    except SnapshotDamaged as problem:
        raise SnapshotDamaged(f"Table {file.table}: {problem}") from None
