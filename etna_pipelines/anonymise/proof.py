"""The proof: the finished stripped archive read back whole and searched for the originals, before it is published."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from etna_pipelines.anonymise import copytext
from etna_pipelines.anonymise.column_types import holds_no_text
from etna_pipelines.anonymise.engine import Stripped
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.anonymise.patterns import PHONE
from etna_pipelines.anonymise.pseudonyms import national_number
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.readings import readings
from etna_pipelines.anonymise.words import Hashes, contains
from etna_pipelines.errors import ArchiveMalformed, ProofFailed
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Finding, Proof, Table
from etna_pipelines.stores.store import Store

EMAIL = r"[\p{L}\p{N}._+'’\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+"
NUMBER = rf"(?:^|[^0-9A-Fa-f])(?:{PHONE})(?:\b|_)"
"""A phone number that is not in the midst of a hash, where digits make every number by chance."""

ANY_NUMBER = r"(?:^|[^0-9A-Za-z])\+?\d(?:[ \-()./\x{00a0}]{0,2}\d){8,14}\b"
"""A phone number of any country, in any grouping."""

UNCHANGED_SHARE, UNCHANGED_LEAST = 0.05, 5
"""A pseudonym may by chance be the original; more than this many, and this share of a column, is no chance."""

Hits = Counter[str]


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
    """What a piece holds: hits by table, column and kind, and e-mails that are allowed by their domain."""

    hits: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, column: str, hits: Hits) -> None:
        for kind, count in hits.items():
            if count:
                self.hits[table, column, kind] += count


class _Proof:
    def __init__(self, stripped: Stripped, store: Store, public: Public, workers: int, progress: Progress) -> None:
        self._stripped = stripped
        self._originals = stripped.originals
        self._draft = stripped.draft
        self._store = store
        self._public = public
        self._workers = workers
        self._progress = progress
        self._sequences = stripped.originals.search()
        self._emails_known = stripped.originals.emails
        self._phones_known = stripped.originals.phones
        self._scanned = 0

    def run(self) -> Proof:
        found = _Found()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="proof") as pool:
            for piece in in_order(pool, self._search, self._pieces(), self._workers):
                found.hits += piece.hits
                found.allowed += piece.allowed
        self._count_unchanged(found)
        findings = [
            Finding(table=table, column=column, kind=kind, count=count)
            for (table, column, kind), count in sorted(found.hits.items())
        ]
        return Proof(
            passed=not findings,
            scanned_bytes=self._scanned,
            scanned_files=len(self._draft.files),
            originals=len(self._originals),
            share=self._originals.share,
            ambiguous=self._originals.ambiguous,
            allowed=dict(found.allowed),
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
            for block in blocks:
                self._scanned += len(block)
                yield _Piece(file, table, block)
            done += file.bytes
            self._progress(Tick("proof", done, self._draft.bytes, number + 1, len(self._draft.files)))

    def _search(self, piece: _Piece) -> _Found:
        found = _Found()
        if piece.file.name == "toc.dat":
            self._search_schema(toc.read(piece.raw), found)
        elif self._hits(piece.raw.decode(errors="replace"), found.allowed).total():
            if piece.table is None:
                found.add(piece.file.name, "", self._hits(piece.raw.decode(errors="replace")))
            else:
                self._search_columns(piece.table, piece.raw, found)
        return found

    def _search_schema(self, entries: list[toc.Entry], found: _Found) -> None:
        """All at once, as it is clean nearly always; entry by entry to say where, if it is not."""
        if self._hits("\n".join(map(_said, entries)), found.allowed).total():
            for entry in entries:
                # An object may be named after a person: then its number in the archive stands for its name.
                numbered = f"{entry.kind}, entry {entry.dump_id} of toc.dat"
                name = numbered if self._hits(entry.name).total() else entry.name
                found.add("schema", name, self._hits(_said(entry)))

    def _search_columns(self, table: Table, block: bytes, found: _Found) -> None:
        """Where in a block something is. It may end in the midst of pg_dump's terminator, which is no line of data."""
        copied = table.copied
        data = _without_terminator(block, len(copied))
        textual = [position for position, column in enumerate(copied) if not holds_no_text(column)]
        if not data or not textual:
            return
        try:
            frame = copytext.read(data, len(copied), only=textual)
        except ArchiveMalformed as problem:
            raise ArchiveMalformed(f"Table {table.qualified} of the stripped archive: {problem}") from None
        for position in textual:
            found.add(table.qualified, copied[position].name, self._hits("\n".join(frame[str(position)])))

    def _hits(self, text: str, allowed: Counter[str] | None = None) -> Hits:
        """What was found in a text of fields, in whichever of its readings the most was; `allowed` is added to."""
        hits: Hits = Counter()
        for number, reading in enumerate(readings(text)):
            block = pl.Series([reading])
            words = self._originals.count_sequences(self._sequences, reading.encode())
            hits |= Counter({"original name, username or secret": words})
            hits |= self._phones(block)
            hits |= self._emails(block, allowed if number == 0 else None)
        return hits

    def _emails(self, block: pl.Series, allowed: Counter[str] | None) -> Hits:
        if not block.str.contains("@", literal=True).item():
            return Counter()
        found = block.str.extract_all(EMAIL).explode().drop_nulls().str.to_lowercase()
        foreign = 0
        for domain, count in found.str.extract(r"@(.*)$").value_counts().iter_rows():
            if not self._public.allows_email(f"@{domain}"):
                foreign += count
            elif allowed is not None:
                allowed[f"e-mail at {domain}"] += count
        original = self._count_known(found, self._emails_known)
        return Counter({"original e-mail": original, "e-mail that is not allowed": foreign})

    def _phones(self, block: pl.Series) -> Hits:
        if not len(self._phones_known):
            return Counter()
        found = pl.concat([block.str.extract_all(form).explode().drop_nulls() for form in (NUMBER, ANY_NUMBER)])
        plus = found.str.replace_all(r"%2[Bb]|&#43;", "+")
        numbers = national_number(plus.str.replace_all(r"%[0-9a-fA-F]{2}|&\w+;|\\+u00a0", ""))
        return Counter({"original phone number": self._count_known(numbers, self._phones_known)})

    def _count_known(self, values: pl.Series, known: Hashes) -> int:
        return int(contains(known, self._originals.hashes(values)).sum())

    def _count_unchanged(self, found: _Found) -> None:
        for (table, column), (unchanged, values) in self._stripped.unchanged.items():
            if unchanged > UNCHANGED_LEAST and unchanged > values * UNCHANGED_SHARE:
                found.hits[table, column, "masked value equal to its original"] += unchanged


def _said(entry: toc.Entry) -> str:
    """All that an entry of the table of contents says."""
    return f"{entry.sql}\n{entry.tag}\n{entry.owner}"


def _without_terminator(block: bytes, columns: int) -> bytes:
    end = block.find(b"\\.\n") if block.startswith(b"\\.\n") else block.rfind(b"\n\\.\n") + 1 or -1
    data = block[:end] if end >= 0 else block
    return b"" if columns > 1 and not data.strip(b"\n") else data
