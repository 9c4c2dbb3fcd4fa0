"""The proof: the finished stripped archive read back whole and searched for the originals, before it is published."""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from etna_pipelines.anonymise import copytext
from etna_pipelines.anonymise.engine import Stripped
from etna_pipelines.anonymise.originals import LONGEST, WORD, combined
from etna_pipelines.anonymise.patterns import PHONE, plain
from etna_pipelines.anonymise.pseudonyms import national_number
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.readings import readings
from etna_pipelines.errors import ArchiveMalformed, ProofFailed
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Finding, Proof, Table
from etna_pipelines.stores.store import Store

EMAIL = r"[\p{L}\p{N}._+'’\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+"
TEXTLESS = (
    "integer",
    "bigint",
    "smallint",
    "boolean",
    "real",
    "double precision",
    "date",
    "timestamp",
    "time",
    "uuid",
    "oid",
)
"""Types that can't hold a name, by how their spelling begins."""

UNCHANGED_SHARE, UNCHANGED_LEAST = 0.05, 5
"""A pseudonym may by chance be the original; more than this many, and this share of a column, is no chance."""

Hits = Counter[str]


def prove(stripped: Stripped, store: Store, public: Public, *, progress: Progress = silent) -> Proof:
    """Search every file and the schema's SQL. Raises SnapshotDamaged where what is stored is not what was written."""
    return _Proof(stripped, store, public, progress).run()


def refuse_failed(proof: Proof) -> None:
    """Raises ProofFailed with table, column, kind and count of every finding; never a value."""
    if not proof.passed:
        listed = "; ".join(f"{f.table}.{f.column}: {f.count} x {f.kind}" for f in proof.findings)
        raise ProofFailed(
            f"The proof found what must not be there: {listed}. Nothing was published; correct the rules."
        )


class _Proof:
    def __init__(self, stripped: Stripped, store: Store, public: Public, progress: Progress) -> None:
        self._stripped = stripped
        self._draft = stripped.draft
        self._store = store
        self._public = public
        self._progress = progress
        self._sequences = stripped.originals.sequences()
        self._found: Counter[tuple[str, str, str]] = Counter()
        self._allowed: Counter[str] = Counter()
        self._scanned = 0

    def run(self) -> Proof:
        total = self._draft.bytes
        done = 0
        for number, file in enumerate(self._draft.files):
            chunks = checked(self._store, self._draft, file)
            self._scan(file, chunks)
            done += file.bytes
            self._progress(Tick("proof", done, total, number + 1, len(self._draft.files)))
        self._count_unchanged()
        findings = [
            Finding(table=table, column=column, kind=kind, count=count)
            for (table, column, kind), count in sorted(self._found.items())
        ]
        return Proof(
            passed=not findings,
            scanned_bytes=self._scanned,
            scanned_files=len(self._draft.files),
            originals=len(self._stripped.originals),
            allowed=dict(self._allowed),
            findings=findings,
        )

    def _scan(self, file: ArchiveFile, chunks: Iterable[bytes]) -> None:
        if file.name == "toc.dat":
            contents = b"".join(chunks)
            self._scanned += len(contents)
            self._scan_schema(toc.read(contents))
            return
        raw = archive.decompress(chunks) if file.name.endswith(".gz") else iter(chunks)
        table = self._draft.schema_.table(file.table) if file.table else None
        if table is None:
            for block in archive.blocks_of_lines(raw):
                self._scanned += len(block)
                self._add(file.name, "", self._hits(pl.Series([block.decode(errors="replace")])))
            return
        for block in archive.blocks_of_lines(raw):
            self._scanned += len(block)
            self._scan_block(table, block)

    def _scan_schema(self, entries: list[toc.Entry]) -> None:
        """All at once, as it is clean nearly always; entry by entry to say where, if it is not."""
        if self._hits(pl.Series([entry.sql for entry in entries])).total():
            for entry in entries:
                self._add("schema", entry.name, self._hits(pl.Series([entry.sql])))

    def _scan_block(self, table: Table, block: bytes) -> None:
        """A block may end in the midst of pg_dump's terminator; what is left of it is no line of data."""
        copied = table.copied
        data = _without_terminator(block, len(copied))
        textual = [i for i, column in enumerate(copied) if not column.type.startswith(TEXTLESS) or "[]" in column.type]
        if not data or not textual:
            return
        try:
            frame = copytext.read(data, len(copied), only=textual)
        except ArchiveMalformed as problem:
            raise ArchiveMalformed(f"Table {table.qualified} of the stripped archive: {problem}") from None
        for position in textual:
            texts = copytext.unescape(frame[str(position)]).drop_nulls()
            self._add(table.qualified, copied[position].name, self._hits(texts.filter(texts != "")))

    def _hits(self, texts: pl.Series) -> Hits:
        """What was found in a column's texts, in whichever of their readings the most was."""
        hits: Hits = Counter()
        if len(texts):
            for reading in readings(texts):
                hits |= self._emails(reading) | self._phones(reading) | self._words(reading)
        return hits

    def _emails(self, texts: pl.Series) -> Hits:
        suspicious = texts.filter(texts.str.contains("@", literal=True))
        found = suspicious.str.extract_all(EMAIL).explode().drop_nulls().str.to_lowercase()
        if not len(found):
            return Counter()
        original = self._count_known(found, self._stripped.originals.emails)
        foreign = 0
        for email, count in found.value_counts().iter_rows():
            if self._public.allows_email(email):
                self._allowed[f"e-mail at {email.rpartition('@')[2]}"] += count
            else:
                foreign += count
        return Counter({"original e-mail": original, "e-mail that is not allowed": foreign})

    def _phones(self, texts: pl.Series) -> Hits:
        if not len(self._stripped.originals.phones):
            return Counter()
        found = texts.str.extract_all(PHONE).explode().drop_nulls()
        numbers = national_number(pl.Series([plain(number) for number in found], dtype=pl.String))
        return Counter({"original phone number": self._count_known(numbers, self._stripped.originals.phones)})

    def _words(self, texts: pl.Series) -> Hits:
        if not self._sequences:
            return Counter()
        bounded = texts.str.to_lowercase() + " \x01" * LONGEST  # so that no sequence runs from one row into the next
        words = self._stripped.originals.hashes(bounded.str.extract_all(rf"{WORD}|\x01").explode())
        found = 0
        for length, known in self._sequences.items():
            shifted = [words.shift(-position) for position in range(length)]
            found += int(combined(shifted).drop_nulls().is_in(known.implode()).sum())
        return Counter({"original name, username or secret": found})

    def _count_known(self, values: pl.Series, known: pl.Series) -> int:
        return int(self._stripped.originals.hashes(values).is_in(known.implode()).sum())

    def _count_unchanged(self) -> None:
        for (table, column), (unchanged, values) in self._stripped.unchanged.items():
            if unchanged > UNCHANGED_LEAST and unchanged > values * UNCHANGED_SHARE:
                self._found[table, column, "masked value equal to its original"] += unchanged

    def _add(self, table: str, column: str, hits: Hits) -> None:
        for kind, count in hits.items():
            if count:
                self._found[table, column, kind] += count


def _without_terminator(block: bytes, columns: int) -> bytes:
    end = block.find(b"\\.\n") if block.startswith(b"\\.\n") else block.rfind(b"\n\\.\n") + 1 or -1
    data = block[:end] if end >= 0 else block
    return b"" if columns > 1 and not data.strip(b"\n") else data
