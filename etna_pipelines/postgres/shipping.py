"""An archive on its way into the store: each table's file is compressed, counted and put, a large one while it grows.

So a backup takes as long as its dump, tells how far it is, and needs little scratch (see space.py): what was read of a
file goes back to the disk at once.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from etna_pipelines.errors import BackupFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.space import BLOCK, give_back
from etna_pipelines.progress import Progress, Tick
from etna_pipelines.snapshots.archive import TERMINATOR, Tally, blocks_of_lines, compress
from etna_pipelines.snapshots.manifest import ArchiveFile
from etna_pipelines.stores.store import Store

THREADS = 2
"""ISA-L leaves Python's lock, so two threads compress on two cores."""

LARGE = 64 * 1024**2
"""A file that is as long is read while it grows; others when they are finished."""

CHUNK = 1024 * 1024
PAUSE = 0.05
"""Seconds until a file is looked at again that has not grown."""


class Shipper:
    """Ships the files of one archive directory to `prefix` in the store, in threads; each raw file is deleted after."""

    def __init__(self, archive: Path, store: Store, prefix: str, progress: Progress, growing: int = 0) -> None:
        """`growing` files may be written at the same time: each of them may take a thread that waits for more."""
        self._archive = archive
        self._store = store
        self._prefix = prefix
        self._progress = progress
        self._pool = ThreadPoolExecutor(growing + THREADS, "ship")
        self._shipped: dict[str, Future[ArchiveFile]] = {}
        self._finished: set[str] = set()
        self._read: dict[str, int] = {}
        self._lock = threading.RLock()
        self._done = self._total = self._tables_done = self._tables = 0
        self._stopped = False
        self._failure: BaseException | None = None

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

    def look(self) -> int:
        """Begin with the files that have grown large. Returns how many bytes of those begun wait to be read."""
        behind = 0
        with suppress(FileNotFoundError), os.scandir(self._archive) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it was shipped meanwhile
                    size = entry.stat().st_size
                    if size >= LARGE and _is_of_table(entry.name):
                        self._begin(entry.name)
                    if entry.name in self._shipped:
                        behind += max(0, size - self._read.get(entry.name, 0))
        return behind

    def ship_table(self, name: str) -> None:
        """A table's file is finished. Raises what failed before."""
        self._finished.add(name)
        self.check()
        self._begin(name)

    def ship_rest(self) -> None:
        """Queue what is left when the dump has ended: the table of contents, large objects, unreported tables."""
        self._finished.update(self._shipped)
        for path in sorted(self._archive.iterdir()):
            if _is_of_table(path.name):
                self.ship_table(path.name)
            else:
                self._shipped[path.name] = self._pool.submit(self._ship, self._put_as_is, path.name)

    def check(self) -> None:
        """Raise what failed in a thread, so that a dump ends with the store that it is for."""
        self._refuse_stopped()
        if self._failure:
            raise self._failure

    def shipped(self) -> dict[str, ArchiveFile]:
        """Everything shipped, by its name in the archive directory; waits for the last."""
        return {name: future.result() for name, future in self._shipped.items()}

    def _begin(self, name: str) -> None:
        with self._lock:
            if name not in self._shipped:
                self._shipped[name] = self._pool.submit(self._ship, self._put_table, name)

    def _ship(self, put: Callable[[str], ArchiveFile], name: str) -> ArchiveFile:
        try:
            file = put(name)
            (self._archive / name).unlink()
        except BaseException as error:
            self._failure = self._failure or error
            raise
        reached(FaultPoint.BACKUP_TABLE_SHIPPED)
        return file

    def _put_table(self, name: str) -> ArchiveFile:
        tally, stored = Tally(), f"{name}.gz"
        tail = b""

        def members() -> Iterator[bytes]:
            nonlocal tail
            for block in blocks_of_lines(self._growing(name)):
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

    def _growing(self, name: str) -> Iterator[bytes]:
        """A file's bytes, to the end that it has once it is finished. They are given back to the disk as they go."""
        place = given = 0
        with (self._archive / name).open("r+b", buffering=0) as file:
            while True:
                self._refuse_stopped()
                is_finished = name in self._finished  # before it is read: then nothing comes after
                if chunk := file.read(CHUNK):
                    yield chunk
                    place += len(chunk)
                    self._read[name] = place
                    if place - given >= CHUNK:
                        whole = (place - given) // BLOCK * BLOCK
                        give_back(file.fileno(), given, whole)
                        given += whole
                elif is_finished:
                    return
                else:
                    time.sleep(PAUSE)

    def _chunks(self, name: str) -> Iterator[bytes]:
        with (self._archive / name).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                self._refuse_stopped()
                yield chunk

    def _refuse_stopped(self) -> None:
        if self._stopped:
            raise BackupFailed("The backup was stopped before its end: run it again.")

    def _tick(self, done: int, tables: int = 0) -> None:
        with self._lock:
            self._done += done
            self._tables_done += tables
            total = max(self._total, self._done)
            self._progress(Tick("backup", self._done, total, self._tables_done, self._tables))


def _is_of_table(name: str) -> bool:
    """Whether a file's name is a number, as those of tables are."""
    stem, _, suffix = name.partition(".")
    return stem.isdigit() and suffix == "dat"
