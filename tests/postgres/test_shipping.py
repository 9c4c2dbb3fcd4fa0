import gzip
import hashlib
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from etna_pipelines.errors import BackupFailed, StoreError
from etna_pipelines.postgres.shipping import CHUNK, LARGE, Shipper
from etna_pipelines.progress import Tick, silent
from etna_pipelines.snapshots.archive import BLOCK, TERMINATOR
from etna_pipelines.stores.local import LocalStore
from tests.waiting import until


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    directory = tmp_path / "archive"
    directory.mkdir()
    return directory


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_a_table_file_arrives_compressed_and_counted_and_its_raw_file_goes(archive: Path, store: LocalStore) -> None:
    raw = b"".join(b"%d\tsome text\n" % number for number in range(400_000)) + TERMINATOR
    (archive / "7.dat").write_bytes(raw)
    with Shipper(archive, store, "full/x/", silent) as shipper:
        shipper.ship_table("7.dat")
        file = shipper.shipped()["7.dat"]
    stored = b"".join(store.read("full/x/7.dat.gz"))
    assert gzip.decompress(stored) == raw
    assert (file.name, file.rows, file.raw_bytes) == ("7.dat.gz", 400_000, len(raw))
    assert (file.bytes, file.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert sum(file.members) == len(stored)
    assert list(archive.iterdir()) == []


def test_each_member_stands_alone_and_ends_at_a_newline(archive: Path, store: LocalStore) -> None:
    (archive / "7.dat").write_bytes(b"0123456789\n" * (2 * BLOCK // 11) + TERMINATOR)
    with Shipper(archive, store, "", silent) as shipper:
        shipper.ship_table("7.dat")
        members = shipper.shipped()["7.dat"].members
    assert len(members) >= 2
    offset = 0
    for size in members:
        assert gzip.decompress(b"".join(store.read("7.dat.gz", offset, size))).endswith(b"\n")
        offset += size


@pytest.mark.parametrize("content", [b"", b"1\n2\n", b"1\n\\.\n", b"1\n\\.\n\n"])
def test_a_table_file_without_its_end_is_refused(archive: Path, store: LocalStore, content: bytes) -> None:
    (archive / "7.dat").write_bytes(content)
    with Shipper(archive, store, "", silent) as shipper:
        shipper.ship_table("7.dat")
        with pytest.raises(BackupFailed, match=r"7\.dat ends too early"):
            shipper.shipped()


def test_what_the_dump_did_not_report_is_shipped_at_its_end(archive: Path, store: LocalStore) -> None:
    (archive / "7.dat").write_bytes(TERMINATOR)
    (archive / "8.dat").write_bytes(b"1\n" + TERMINATOR)
    (archive / "toc.dat").write_bytes(b"PGDMP")
    (archive / "blob_1.dat").write_bytes(b"\x00")
    with Shipper(archive, store, "", silent) as shipper:
        shipper.ship_table("7.dat")
        shipper.ship_rest()
        files = shipper.shipped()
    assert {name: (file.name, file.rows) for name, file in files.items()} == {
        "7.dat": ("7.dat.gz", 0),
        "8.dat": ("8.dat.gz", 1),
        "blob_1.dat": ("blob_1.dat", None),
        "toc.dat": ("toc.dat", None),
    }
    assert [(stored.key, stored.bytes) for stored in store.list("")][2:] == [("blob_1.dat", 1), ("toc.dat", 5)]


def test_progress_counts_bytes_and_tables_and_never_goes_back(archive: Path, store: LocalStore) -> None:
    ticks: list[Tick] = []
    for number in range(20):
        (archive / f"{number}.dat").write_bytes(b"1\n" * 1000 + TERMINATOR)
    with Shipper(archive, store, "", ticks.append) as shipper:
        shipper.expect(20_000, 20)
        shipper.ship_rest()
        shipper.shipped()
    assert ticks[0] == Tick("backup", 0, 20_000, 0, 20)
    assert ticks[-1] == Tick("backup", 20 * 2005, 20 * 2005, 20, 20)
    assert [tick.done for tick in ticks] == sorted(tick.done for tick in ticks)
    assert [tick.tables_done for tick in ticks] == sorted(tick.tables_done for tick in ticks)


class SlowStore(LocalStore):
    """Takes nothing in until it is told to."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened = threading.Event()

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        self.opened.wait(30)
        return super().put(key, chunks)


class FullStore(LocalStore):
    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        raise StoreError("The store is full.")


def test_a_large_file_is_shipped_while_it_grows_and_given_back(archive: Path, store: LocalStore) -> None:
    raw, ticks = b"0123456789\n" * (2 * LARGE // 11), list[Tick]()
    with Shipper(archive, store, "", ticks.append, growing=1) as shipper, (archive / "7.dat").open("wb") as file:
        assert shipper.look() == 0
        file.write(raw)
        file.flush()
        shipper.look()
        while shipper.look():
            time.sleep(0.01)
        assert ticks[-1].done > LARGE
        # the last chunk is given back when the next is asked for
        assert until(lambda: (archive / "7.dat").stat().st_blocks * 512 <= 4 * CHUNK)
        file.write(TERMINATOR)
        file.close()
        shipper.ship_table("7.dat")
        made = shipper.shipped()["7.dat"]
    assert gzip.decompress(b"".join(store.read("7.dat.gz"))) == raw + TERMINATOR
    assert (made.rows, made.raw_bytes) == (len(raw) // 11, len(raw) + len(TERMINATOR))


def test_what_is_behind_is_what_was_begun_and_not_read(archive: Path, tmp_path: Path) -> None:
    """Files that nobody may begin with yet, such as large objects, would never be fewer."""
    for name in ("1.dat", "2.dat", "blob_3.dat"):
        (archive / name).write_bytes(b"1\n" * 500 + TERMINATOR)
    store = SlowStore(tmp_path / "store")
    with Shipper(archive, store, "", silent) as shipper:
        assert shipper.look() == 0
        shipper.ship_table("1.dat")
        assert shipper.look() == 1005
        store.opened.set()
        shipper.shipped()
        assert shipper.look() == 0


def test_a_store_that_fails_is_heard_of_while_the_dump_goes_on(archive: Path, tmp_path: Path) -> None:
    (archive / "7.dat").write_bytes(TERMINATOR)
    with Shipper(archive, FullStore(tmp_path), "", silent) as shipper:
        shipper.ship_table("7.dat")
        with pytest.raises(StoreError, match="The store is full"):
            shipper.shipped()
        with pytest.raises(StoreError, match="The store is full"):
            shipper.check()


def test_stopped_it_ends_in_the_middle_of_a_file(archive: Path, tmp_path: Path) -> None:
    (archive / "7.dat").write_bytes(TERMINATOR)
    store = SlowStore(tmp_path / "store")
    with Shipper(archive, store, "", silent) as shipper:
        shipper.ship_table("7.dat")
        shipper.stop()
        store.opened.set()
    assert list(store.list("")) == []
