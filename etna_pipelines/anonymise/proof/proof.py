"""The proof: the finished stripped archive read back whole and searched for the originals, before it is published."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from etna_pipelines.anonymise.column_types import base_type, holds_no_text
from etna_pipelines.anonymise.engine import Stripped
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.anonymise.proof.lexemes import in_order_of_positions
from etna_pipelines.anonymise.proof.readings import ENCODINGS
from etna_pipelines.anonymise.proof.scan import NAME, PHONE, Scan, Seen
from etna_pipelines.anonymise.public import Public
from etna_pipelines.errors import ProofFailed
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Column, DatabaseSchema, Finding, Proof, Scanned, Table
from etna_pipelines.stores.store import Store

UNCHANGED_SHARE, UNCHANGED_LEAST = 0.05, 5
"""A pseudonym may by chance be the original; more than this many, and this share of a column, is no chance."""

_UNDIVIDED = bytes.maketrans(b"\t\n", b"  ")


def prove(stripped: Stripped, store: Store, public: Public, *, workers: int = 2, progress: Progress = silent) -> Proof:
    """Search every file and the schema's SQL. Raises SnapshotDamaged where what is stored is not what was written."""
    return _Proof(stripped, store, public, workers, progress).run()


def refuse_failed(proof: Proof) -> None:
    """Raises ProofFailed with table, column, kind and count of every finding; never a value."""
    if not proof.passed:
        listed = "; ".join(f"{f.table}.{f.column}: {f.count} x {f.kind}" for f in proof.findings)
        raise ProofFailed(
            f"The proof found what must not be there: {listed}. Nothing was published; correct the rules."
        )


@dataclass(frozen=True)
class _Piece:
    """What is searched at once: the whole lines of a block of a table's file, of another file, or toc.dat."""

    file: ArchiveFile
    table: Table | None
    raw: bytes


@dataclass
class _Found:
    """What a piece holds: hits by table, column and kind, what is allowed with the reason, and bytes decoded."""

    hits: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    decoded: int = 0

    def add(self, table: str, column: str, hits: Counter[str]) -> None:
        for kind, count in hits.items():
            self.hits[table, column, kind] += count


class _Proof:
    def __init__(self, stripped: Stripped, store: Store, public: Public, workers: int, progress: Progress) -> None:
        self._stripped = stripped
        self._originals = stripped.originals
        self._draft = stripped.draft
        self._store = store
        self._workers = workers
        self._progress = progress
        self._scan = Scan(stripped.originals, public)
        self._keys = _keys(stripped.draft.schema_)
        self._scanned: dict[str, int] = {}
        self._decoded: Counter[str] = Counter()

    def run(self) -> Proof:
        found = _Found()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="proof") as pool:
            for name, piece in in_order(pool, self._search, self._pieces(), self._workers):
                found.hits += piece.hits
                found.allowed += piece.allowed
                self._decoded[name] += piece.decoded
        self._count_unchanged(found)
        findings = [
            Finding(table=table, column=column, kind=kind, count=count)
            for (table, column, kind), count in sorted(found.hits.items())
        ]
        return Proof(
            passed=not findings,
            scanned_bytes=sum(self._scanned.values()),
            scanned_files=len(self._draft.files),
            scanned=[
                Scanned(what=what, bytes=size, decoded=self._decoded[what]) for what, size in self._scanned.items()
            ],
            encodings=list(ENCODINGS),
            originals=len(self._originals),
            kinds=self._originals.counts,
            share=self._originals.share,
            ambiguous=self._originals.ambiguous,
            unsearched=self._originals.unsearched,
            allowed=dict(sorted(found.allowed.items())),
            findings=findings,
        )

    def _pieces(self) -> Iterator[_Piece]:
        done = 0
        for number, file in enumerate(self._draft.files):
            chunks = checked(self._store, self._draft, file)
            table = self._draft.schema_.table(file.table) if file.table else None
            if file.name == "toc.dat":
                blocks: Iterable[bytes] = [b"".join(chunks)]
            else:
                raw = archive.decompress(chunks, file.name) if file.name.endswith(".gz") else chunks
                blocks = archive.blocks_of_lines(raw)
            name = _name(file)
            self._scanned.setdefault(name, 0)
            for block in blocks:
                self._scanned[name] += len(block)
                yield _Piece(file, table, block)
            done += file.bytes
            self._progress(Tick("proof", done, self._draft.bytes, number + 1, len(self._draft.files)))

    def _search(self, piece: _Piece) -> tuple[str, _Found]:
        found = _Found()
        if piece.file.name == "toc.dat":
            self._search_schema(toc.read(piece.raw), found)
        elif piece.table is not None:
            self._search_table(piece.table, piece.raw, found)
        else:  # a large object, for one: its lines and tabs divide nothing
            found.add(piece.file.name, "", self._seen(piece.raw.translate(_UNDIVIDED), found).hits)
        return _name(piece.file), found

    def _seen(self, raw: bytes, found: _Found) -> Seen:
        seen = self._scan.scan(raw)
        found.allowed += seen.allowed
        found.decoded += seen.decoded
        return seen

    def _search_schema(self, entries: list[toc.Entry], found: _Found) -> None:
        """All at once, as it is clean nearly always; entry by entry to say where, if it is not."""
        if self._seen(_said(entries), found).hits:
            for entry in entries:
                # An object may be named after a person: then its number in the archive stands for its name.
                numbered = f"{entry.kind}, entry {entry.dump_id} of toc.dat"
                name = numbered if self._scan.scan(entry.name.encode()).hits else entry.name
                found.add("schema", name, self._scan.scan(_said([entry])).hits)

    def _search_table(self, table: Table, block: bytes, found: _Found) -> None:
        columns = table.copied
        for (position, kind, begins), count in self._seen(block, found).by_column(block).items():
            column = columns[position] if position < len(columns) else None
            if column is None or not holds_no_text(column) or (begins and self._may_hold(table, column, kind)):
                found.hits[table.qualified, column.name if column else "", kind] += count
        for position, column in enumerate(columns):
            if base_type(column) == "tsvector":
                fields = [line.split(b"\t")[position : position + 1] for line in block.split(b"\n")]
                texts = in_order_of_positions([field for fields_ in fields for field in fields_])
                found.add(table.qualified, column.name, self._seen(b"\n".join(texts), found).hits)

    def _may_hold(self, table: Table, column: Column, kind: str) -> bool:
        """Whether a column of a type that takes no text may hold an original, as its whole value: a UUID that is a
        secret, a telephone number in digits. All else there is chance, and so are telephone numbers among keys."""
        if base_type(column) == "uuid":
            return kind == NAME
        is_long = base_type(column) == "bigint" or base_type(column).startswith("numeric")
        return kind == PHONE and is_long and (table.qualified, column.name) not in self._keys

    def _count_unchanged(self, found: _Found) -> None:
        for (table, column), (unchanged, values) in self._stripped.unchanged.items():
            if unchanged > UNCHANGED_LEAST and unchanged > values * UNCHANGED_SHARE:
                found.hits[table, column, "masked value equal to its original"] += unchanged


def _name(file: ArchiveFile) -> str:
    """How the record calls what a file holds."""
    return "schema" if file.name == "toc.dat" else file.table or file.name


def _keys(schema: DatabaseSchema) -> set[tuple[str, str]]:
    """The columns of primary and foreign keys."""
    primary = {(table.qualified, column) for table in schema.tables for column in table.primary_key}
    foreign = {(key.table, column) for key in schema.foreign_keys for column in key.columns}
    return primary | foreign


def _said(entries: list[toc.Entry]) -> bytes:
    """All that entries of the table of contents say: what SQL writes on several lines is one field."""
    return b"\n".join(
        said.encode().translate(_UNDIVIDED) for entry in entries for said in (entry.sql, entry.tag, entry.owner)
    )
