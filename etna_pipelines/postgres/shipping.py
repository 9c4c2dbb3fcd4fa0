"""An archive on its way into the store: each table's file is compressed, counted and put as soon as it is finished.

So a backup takes as long as its dump, and scratch stays bounded: while WAITING bytes queue, nobody reads what pg_dump
says, and it stops as soon as the pipe for that (64 KiB, some hundreds of tables) is full.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from etna_pipelines.errors import BackupFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.progress import Progress, Tick
from etna_pipelines.snapshots.archive import TERMINATOR, Tally, blocks_of_lines, compress
from etna_pipelines.snapshots.manifest import ArchiveFile
from etna_pipelines.stores.store import Store

THREADS = 2
"""ISA-L leaves Python's lock, so two threads compress on two cores."""

WAITING = 2 * 1024**3
CHUNK = 1024 * 1024


class Shipper:
    """Ships the files of one archive directory to `prefix` in the store, in threads; each raw file is deleted after."""

    def __init__(self, archive: Path, store: Store, prefix: str, progress: Progress) -> None:
        self._archive = archive
        self._store = store
        self._prefix = prefix
        self._progress = progress
        self._pool = ThreadPoolExecutor(THREADS, "ship")
        self._shipped: dict[str, Future[ArchiveFile]] = {}
        self._changed = threading.Condition()
        self._waiting = self._done = self._total = self._tables_done = self._tables = 0
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._pool.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """Let threads end at their next chunk: nothing more is wanted of them."""
        self._stopped = True

    def expect(self, total: int, tables: int) -> None:
        """Tell progress what is to come: about how many bytes, and how many tables."""
        self._total, self._tables = total, tables
        self._tick(0)

    def ship_table(self, name: str) -> None:
        """Queue a table's finished file. Waits while WAITING bytes queue already; raises what failed before."""
        size = (self._archive / name).stat().st_size
        with self._changed:
            while self._waiting and self._waiting + size > WAITING:
                self._changed.wait(1)
                self.check()
            self._waiting += size
        self.check()
        self._shipped[name] = self._pool.submit(self._ship, self._put_table, name, size)

    def ship_rest(self) -> None:
        """Queue what is left when the dump has ended: the table of contents, large objects, unreported tables."""
        for path in sorted(self._archive.iterdir()):
            if path.name in self._shipped:
                continue
            if path.suffix == ".dat" and path.stem.isdigit():
                self.ship_table(path.name)
            else:
                self._shipped[path.name] = self._pool.submit(self._ship, self._put_as_is, path.name, 0)

    def check(self) -> None:
        """Raise what failed in a thread, so that a dump ends with the store that it is for."""
        if self._stopped:
            raise BackupFailed("The backup was stopped before its end: run it again.")
        for future in list(self._shipped.values()):
            if future.done():
                future.result()

    def shipped(self) -> dict[str, ArchiveFile]:
        """Everything shipped, by its name in the archive directory; waits for the last."""
        return {name: future.result() for name, future in self._shipped.items()}

    def _ship(self, put: Callable[[str], ArchiveFile], name: str, size: int) -> ArchiveFile:
        try:
            file = put(name)
            (self._archive / name).unlink()
            reached(FaultPoint.BACKUP_TABLE_SHIPPED)
            return file
        finally:
            with self._changed:
                self._waiting -= size
                self._changed.notify_all()

    def _put_table(self, name: str) -> ArchiveFile:
        tally, stored = Tally(), f"{name}.gz"
        tail = b""

        def members() -> Iterator[bytes]:
            nonlocal tail
            for block in blocks_of_lines(self._chunks(name)):
                tail = (tail + block[-len(TERMINATOR) :])[-len(TERMINATOR) :]
                yield tally.add(compress(block), block)
                self._tick(len(block))

        self._store.put(self._prefix + stored, members())
        if tail != TERMINATOR:
            raise BackupFailed(f"pg_dump's file {name} ends too early: run the backup again.")
        self._tick(0, tables=1)
        return ArchiveFile.model_validate({"name": stored, **tally.facts})

    def _put_as_is(self, name: str) -> ArchiveFile:
        tally = Tally()
        self._store.put(self._prefix + name, (tally.add_compressed(chunk) for chunk in self._chunks(name)))
        return ArchiveFile(name=name, bytes=tally.bytes, sha256=tally.sha256)

    def _chunks(self, name: str) -> Iterator[bytes]:
        with (self._archive / name).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                if self._stopped:
                    raise BackupFailed("The backup was stopped before its end: run it again.")
                yield chunk

    def _tick(self, done: int, tables: int = 0) -> None:
        with self._changed:
            self._done += done
            self._tables_done += tables
            total = max(self._total, self._done)
            self._progress(Tick("backup", self._done, total, self._tables_done, self._tables))
