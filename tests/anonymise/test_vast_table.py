"""A table of more than 50 GB and three billion rows, of which the store repeats the same members: it takes no disk."""

import gc
import hashlib
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from pathlib import Path

import psutil
import pytest

from etna_pipelines.anonymise.engine import begun
from etna_pipelines.anonymise.parts import parts
from etna_pipelines.anonymise.stripping import Stripping
from etna_pipelines.errors import ArchiveMalformed
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Slice
from etna_pipelines.snapshots.pieces import Piece, rows_before
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import PART_SIZES
from tests.anonymise.archives import Contents
from tests.anonymise.nights import KEY, column, table, written_rules
from tests.snapshots.samples import draft as small

RULES = "tables: {vast: {keep: [id], columns: {code: hash}}}"
ROWS, PER_SLICE, SLICES = 262_144, 16, 780
"""Rows of a member, members of a slice, slices of the file: 3.27 billion rows."""


class Repeating(LocalStore):
    """Holds one more object: one slice as often as said, then another one."""

    def __init__(self, root: Path, key: str, members: list[bytes], last: list[bytes]) -> None:
        super().__init__(root)
        self._key = key
        self._members = members * (SLICES - 1) + last
        self._ends = list(accumulate(map(len, self._members)))

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if key != self._key:
            yield from super().read(key, offset, length)
            return
        end = self._ends[-1] if length is None else offset + length
        for member, stops in zip(self._members, self._ends, strict=True):
            begins = stops - len(member)
            if stops > offset and begins < end:
                yield member[max(0, offset - begins) : end - begins]


def slice_of(members: list[bytes], rows: int) -> Slice:
    return Slice(members=len(members), rows=rows, sha256=hashlib.sha256(b"".join(members)).hexdigest())


def vast(tmp_path: Path, end: bytes) -> tuple[Repeating, Manifest, ArchiveFile]:
    """A snapshot of such a table, whose last rows are these."""
    raw = b"".join(b"%07d\t%07x\n" % (row, row * 7919 % 2**28) for row in range(ROWS))
    member = archive.compress(raw)
    members, last = [member] * PER_SLICE, [member, archive.compress(end + archive.TERMINATOR)]
    full = Contents({"vast": (table("vast", column("id", "integer"), "code"), [])}).stored(LocalStore(tmp_path))
    [file] = [file for file in full.files if file.table]
    slices = [slice_of(members, ROWS * PER_SLICE)] * (SLICES - 1) + [slice_of(last, ROWS + end.count(b"\n"))]
    store = Repeating(tmp_path, full.archive_key(file.name), members, last)
    file = file.model_copy(
        update={
            "bytes": sum(map(len, store._members)),
            "raw_bytes": len(raw) * ((SLICES - 1) * PER_SLICE + 1) + len(end) + len(archive.TERMINATOR),
            "rows": sum(each.rows for each in slices),
            "members": list(map(len, store._members)),
            "slices": slices,
        }
    )
    others = [each for each in full.files if each.table is None]
    return store, full.model_copy(update={"files": [file, *others]}), file


def stripping(store: Repeating, full: Manifest, tmp_path: Path) -> Stripping:
    rules = written_rules(tmp_path, RULES)
    return Stripping(full, store, rules, begun(full, rules, KEY), masking_key=KEY, workers=2)


def counted(chunks: Iterable[bytes]) -> None:
    for _ in chunks:
        pass


@pytest.mark.long
def test_parts_of_a_vast_table_are_stripped_in_bounded_memory(tmp_path: Path) -> None:
    store, full, file = vast(tmp_path, b"1\tlast\n")
    assert (file.raw_bytes or 0) > 50 * 10**9
    assert (file.rows or 0) > 3 * 10**9
    assert file.bytes > 2**32
    pieces = [piece for part in parts([(file, True)], 256 * 1024**2) for piece in part]
    assert [pieces[0].begin, pieces[-1].end] == [0, SLICES]
    assert all(before.end == after.begin for before, after in zip(pieces, islice(pieces, 1, None), strict=False))
    late = next(piece for piece in pieces if rows_before(file, piece) > 2**31)
    with stripping(store, full, tmp_path) as work:
        for begin in (0, SLICES - 2):
            work.strip(Piece(file=file.name, begin=begin, end=begin + 1), counted)
        gc.collect()
        before = psutil.Process().memory_info().rss
        work.strip(Piece(file=file.name, begin=late.begin, end=late.begin + 4), counted)
        gc.collect()
        assert psutil.Process().memory_info().rss - before < 100 * 10**6
        work.strip(Piece(file=file.name, begin=SLICES - 1, end=SLICES), counted)
    made = [made.file for made in work.outcome.pieces]
    assert [each.rows for each in made] == [ROWS * PER_SLICE] * 2 + [ROWS * PER_SLICE * 4, ROWS + 1]


@pytest.mark.long
def test_a_row_beyond_three_billion_is_told_by_its_number(tmp_path: Path) -> None:
    store, full, file = vast(tmp_path, b"1\tgood\n2\tbad\ttoo many\n")
    number = file.rows or 0
    with (
        stripping(store, full, tmp_path) as work,
        pytest.raises(ArchiveMalformed, match=rf"^Table public\.vast, row {number}: "),
    ):
        work.strip(Piece(file=file.name, begin=SLICES - 1, end=SLICES), counted)


@pytest.mark.long
def test_its_manifest_stays_small_and_its_file_fits_into_s3(tmp_path: Path) -> None:
    _, full, file = vast(tmp_path, b"1\tlast\n")
    signed = full.model_copy(update={"versions": small().versions}).signed(KEY)
    data = signed.to_bytes()
    assert len(data) < 10**6
    assert Manifest.from_bytes(data, KEY, "here").files[0] == file
    assert sum(count for count, _ in PART_SIZES) <= 10_000
    assert sum(count * size for count, size in PART_SIZES) >= 5 * 1024**4
