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
from etna_pipelines.anonymise.stripping import CONTENTS
from etna_pipelines.errors import ProofFailed
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Column, DatabaseSchema, Finding, Proof, Scanned, Table
from etna_pipelines.snapshots.pieces import Piece, members_of
from etna_pipelines.stores.store import Store

UNCHANGED_SHARE, UNCHANGED_LEAST = 0.05, 5
"""A pseudonym may by chance be the original; more than this many, and this share of a column, is no chance."""

SCHEMA = "schema"
"""How the record calls what toc.dat holds."""

_UNDIVIDED = bytes.maketrans(b"\t\n", b"  ")


def prove(stripped: Stripped, store: Store, public: Public, *, workers: int = 2, progress: Progress = silent) -> Proof:
    """Search every file and the schema's SQL. Raises SnapshotDamaged where what is stored is not what was written."""
    proving = Proving(stripped, store, public, workers, progress)
    return conclude(stripped, [proving.search([Piece.whole(file) for file in stripped.draft.files])])


def conclude(stripped: Stripped, founds: "Iterable[Found]") -> Proof:
    """The proof, when all that was found in every piece of the archive is known."""
    found = Found()
    for each in founds:
        found.add(each)
    for (table, column), (unchanged, values) in stripped.unchanged.items():
        if unchanged > UNCHANGED_LEAST and unchanged > values * UNCHANGED_SHARE:
            found.hits[table, column, "masked value equal to its original"] += unchanged
    findings = [
        Finding(table=table, column=column, kind=kind, count=count)
        for (table, column, kind), count in sorted(found.hits.items())
    ]
    names = list(dict.fromkeys(_name(file) for file in stripped.draft.files))
    originals = stripped.originals
    return Proof(
        passed=not findings,
        scanned_bytes=found.scanned.total(),
        scanned_files=len(stripped.draft.files),
        scanned=[Scanned(what=name, bytes=found.scanned[name], decoded=found.decoded[name]) for name in names],
        encodings=list(ENCODINGS),
        originals=len(originals),
        kinds=originals.counts,
        share=originals.share,
        ambiguous=originals.ambiguous,
        unsearched=originals.unsearched,
        allowed=dict(sorted(found.allowed.items())),
        findings=findings,
    )


def refuse_failed(proof: Proof) -> None:
    """Raises ProofFailed with table, column, kind and count of every finding; never a value."""
    if not proof.passed:
        listed = "; ".join(f"{f.table}.{f.column}: {f.count} x {f.kind}" for f in proof.findings)
        raise ProofFailed(
            f"The proof found what must not be there: {listed}. Nothing was published; correct the rules."
        )


@dataclass
class Found:
    """What pieces of an archive hold: hits by table, column and kind; what is allowed, with the reason; and by what
    the record calls each file, how many bytes were read and decoded."""

    hits: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    scanned: Counter[str] = field(default_factory=Counter)
    decoded: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Found") -> None:
        self.hits += other.hits
        self.allowed += other.allowed
        self.scanned.update(other.scanned)
        self.decoded.update(other.decoded)

    def hit(self, table: str, column: str, hits: Counter[str]) -> None:
        for kind, count in hits.items():
            self.hits[table, column, kind] += count


@dataclass(frozen=True)
class _Block:
    """What is searched at once: whole lines of a table's file, of another file, or toc.dat."""

    file: ArchiveFile
    table: Table | None
    data: bytes
    is_member: bool
    """Whether it is compressed still."""


class Proving:
    """The search, by one of those who do it."""

    def __init__(self, stripped: Stripped, store: Store, public: Public, workers: int, progress: Progress) -> None:
        self._draft = stripped.draft
        self._store = store
        self._workers = workers
        self._progress = progress
        self._scan = Scan(stripped.originals, public)
        self._keys = _keys(stripped.draft.schema_)

    def search(self, pieces: Iterable[Piece]) -> Found:
        """What these pieces of the archive hold."""
        found = Found()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="proof") as pool:
            for each in in_order(pool, self._search, self._blocks(pieces), self._workers):
                found.add(each)
        return found

    def _blocks(self, pieces: Iterable[Piece]) -> Iterator[_Block]:
        """Members where a file has them: so what is searched at once is the same, however the work is divided."""
        files = {file.name: file for file in self._draft.files}
        tables = {table.qualified: table for table in self._draft.schema_.tables}
        done, total = 0, self._draft.bytes

        def read(amount: int) -> None:
            nonlocal done
            done += amount
            self._progress(Tick("proof", done, total, number, len(self._draft.files)))

        for number, piece in enumerate(pieces):
            file = files[piece.file]
            table = tables.get(file.table or "")
            if file.members:
                for member in members_of(self._store, self._draft, file, piece, read):
                    yield _Block(file, table, member.data, is_member=True)
            else:
                chunks = checked(self._store, self._draft, file)
                for block in self._lines(file, chunks):
                    yield _Block(file, table, block, is_member=False)
                read(file.bytes)
            self._progress(Tick("proof", done, total, number + 1, len(self._draft.files)))

    def _lines(self, file: ArchiveFile, chunks: Iterator[bytes]) -> Iterable[bytes]:
        if file.name == CONTENTS:
            return [b"".join(chunks)]
        return archive.blocks_of_lines(archive.decompress(chunks, file.name) if file.name.endswith(".gz") else chunks)

    def _search(self, block: _Block) -> Found:
        found, name = Found(), _name(block.file)
        raw = b"".join(archive.decompress([block.data], block.file.name)) if block.is_member else block.data
        if block.file.name == CONTENTS:
            self._search_schema(toc.read(raw), found)
        elif block.table is not None:
            self._search_table(block.table, raw, found)
        else:  # a large object, for one: its lines and tabs divide nothing
            found.hit(block.file.name, "", self._seen(raw.translate(_UNDIVIDED), found, name).hits)
        found.scanned[name] += len(raw)
        return found

    def _seen(self, raw: bytes, found: Found, name: str) -> Seen:
        seen = self._scan.scan(raw)
        found.allowed += seen.allowed
        found.decoded[name] += seen.decoded
        return seen

    def _search_schema(self, entries: list[toc.Entry], found: Found) -> None:
        """All at once, as it is clean nearly always; entry by entry to say where, if it is not."""
        if self._seen(_said(entries), found, SCHEMA).hits:
            for entry in entries:
                # An object may be named after a person: then its number in the archive stands for its name.
                numbered = f"{entry.kind}, entry {entry.dump_id} of toc.dat"
                name = numbered if self._scan.scan(entry.name.encode()).hits else entry.name
                found.hit(SCHEMA, name, self._scan.scan(_said([entry])).hits)

    def _search_table(self, table: Table, block: bytes, found: Found) -> None:
        columns = table.copied
        for (position, kind, begins), count in self._seen(block, found, table.qualified).by_column(block).items():
            column = columns[position] if position < len(columns) else None
            if column is None or not holds_no_text(column) or (begins and self._may_hold(table, column, kind)):
                found.hits[table.qualified, column.name if column else "", kind] += count
        for position, column in enumerate(columns):
            if base_type(column) == "tsvector":
                fields = [line.split(b"\t")[position : position + 1] for line in block.split(b"\n")]
                texts = in_order_of_positions([field for fields_ in fields for field in fields_])
                found.hit(table.qualified, column.name, self._seen(b"\n".join(texts), found, table.qualified).hits)

    def _may_hold(self, table: Table, column: Column, kind: str) -> bool:
        """Whether a column of a type that takes no text may hold an original, as its whole value: a UUID that is a
        secret, a telephone number in digits. All else there is chance, and so are telephone numbers among keys."""
        if base_type(column) == "uuid":
            return kind == NAME
        is_long = base_type(column) == "bigint" or base_type(column).startswith("numeric")
        return kind == PHONE and is_long and (table.qualified, column.name) not in self._keys


def _name(file: ArchiveFile) -> str:
    """How the record calls what a file holds."""
    return SCHEMA if file.name == CONTENTS else file.table or file.name


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
