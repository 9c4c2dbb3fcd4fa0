"""Snapshots in a directory: every object is a file, every key a path below the root.

A file is written under a hidden name beside its place and renamed when it is whole and on disk. Files are never
changed afterwards, so a copy is a hard link. Everything is private to the user: 0700 and 0600.
"""

import builtins
import errno
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from etna_pipelines.errors import ObjectMissing, StoreError, StoreRefused
from etna_pipelines.stores.store import CHUNK, StoredObject, checked_end, checked_key

INCOMING = ".incoming-"
"""What names of files that are being written begin with: no key can (see checked_key)."""

ABANDONED_AFTER = 600.0
"""Seconds without a write before an unlocked incoming file counts as left behind by a killed writer."""

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

Result = TypeVar("Result")


class LocalStore:
    """A store in the directory `root`, which the first put creates."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._sweeping = threading.Lock()
        self._swept = False

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        target = self._path(key)
        size = 0
        with self._incoming(key, target) as file:
            for chunk in chunks:
                with self._telling("written", key):
                    _write_all(file, chunk)
                size += len(chunk)
            with self._telling("written", key):
                os.fsync(file.fileno())
                Path(file.name).replace(target)
                _sync_directory(target.parent)
        return size

    def put_if_absent(self, key: str, data: bytes) -> None:
        target = self._path(key)
        with self._incoming(key, target) as file, self._telling("written", key):
            _write_all(file, data)
            os.fsync(file.fileno())
            try:
                os.link(file.name, target)
            except FileExistsError:
                if not target.is_file() or target.read_bytes() != data:
                    raise StoreRefused(
                        f"{target} exists already and holds something else: it is left as it is, "
                        "delete it first if it should be written anew."
                    ) from None
            _sync_directory(target.parent)

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(key)
        with self._telling("read", key):
            file = self._opened(path)
        with file:
            left = checked_end(str(path), os.fstat(file.fileno()).st_size, offset, length) - offset
            file.seek(offset)
            while left:
                with self._telling("read", key):
                    chunk = file.read(min(CHUNK, left))
                if not chunk:
                    raise StoreError(f"{path} became shorter while it was read: verify the snapshot it is of.")
                left -= len(chunk)
                yield chunk

    def copy(self, source: str, target: str) -> None:
        origin, destination = self._path(source), self._path(target)
        with self._telling("copied", source):
            self._opened(origin).close()
        try:
            with self._telling("written", target):
                self._link(origin, destination)
        except _LinkImpossible:
            self.put(target, self.read(source))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        folder = prefix[: prefix.rfind("/") + 1]
        yield from self._walk(self._root / folder, folder, prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        for name, _ in self._entries(self._root / prefix, prefix):
            if name.endswith("/"):
                yield name.removesuffix("/")

    def delete(self, keys: Iterable[str]) -> None:
        parents: set[Path] = set()
        for key in keys:
            path = self._path(key)
            with self._telling("deleted", key), suppress(*_NOT_A_FILE):
                path.unlink()
                parents.add(path.parent)
        for parent in parents:
            with self._telling("deleted", ""):
                self._settle(parent)

    def location(self, key: str = "") -> str:
        return str(self._root / key)

    def sweep(self, older_than: float = ABANDONED_AFTER) -> None:
        """Remove what killed writers left: incoming files nobody has locked, untouched for `older_than` seconds, and
        empty directories. The first put of every LocalStore does it by itself."""
        for directory, _, names in os.walk(self._root, topdown=False):
            for name in names:
                if name.startswith(INCOMING):
                    with suppress(OSError):
                        _remove_abandoned(Path(directory, name), older_than)
            if Path(directory) != self._root:
                with suppress(OSError):
                    Path(directory).rmdir()

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _opened(self, path: Path) -> FileIO:
        try:
            return FileIO(path, "r")
        except _NOT_A_FILE:
            raise ObjectMissing(f"{path} does not exist: it was deleted, or never written to this store.") from None

    @contextmanager
    def _incoming(self, key: str, target: Path) -> Iterator[FileIO]:
        """A new private file beside `target`, locked while it is written, and gone afterwards unless it was renamed."""
        with self._telling("written", key):
            self._sweep_once()
            file = _beside(target, _create_locked)
        try:
            with file:
                yield file
        finally:
            Path(file.name).unlink(missing_ok=True)

    def _link(self, origin: Path, destination: Path) -> None:
        def link(name: Path) -> None:
            try:
                os.link(origin, name)
            except OSError as error:
                if error.errno in _NO_LINK:
                    raise _LinkImpossible from None
                raise
            try:
                name.replace(destination)
            finally:
                # rename() does nothing where both names are links to one file already.
                name.unlink(missing_ok=True)
            _sync_directory(destination.parent)

        _beside(destination, link)

    def _entries(self, directory: Path, folder: str) -> builtins.list[tuple[str, "os.DirEntry[str]"]]:
        """What is in a directory, in the order of whole keys: a directory counts as `name/`."""
        with self._telling("listed", folder):
            try:
                with os.scandir(directory) as scan:
                    found = ((f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in scan)
                    return sorted(each for each in found if not each[0].startswith("."))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _walk(self, directory: Path, folder: str, prefix: str) -> Iterator[StoredObject]:
        for name, entry in self._entries(directory, folder):
            key = folder + name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(directory / entry.name, key, prefix)
            elif key.startswith(prefix):
                with self._telling("listed", key):
                    try:
                        size = entry.stat().st_size
                    except FileNotFoundError:
                        continue
                yield StoredObject(key, size)

    def _settle(self, directory: Path) -> None:
        """After deletions: remove directories that became empty, make the rest durable."""
        while directory != self._root:
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                break
            directory = directory.parent
        with suppress(FileNotFoundError):
            _sync_directory(directory)

    def _sweep_once(self) -> None:
        with self._sweeping:
            if not self._swept:
                self._swept = True
                self.sweep()

    @contextmanager
    def _telling(self, done: str, key: str) -> Iterator[None]:
        """Turn what the operating system says into one sentence that names the place."""
        try:
            yield
        except OSError as error:
            where = self.location(key)
            if error.errno in _FULL:
                raise StoreRefused(
                    f"{where} could not be {done} because its disk is full: free some space or move the store."
                ) from error
            if error.errno in _FORBIDDEN:
                raise StoreRefused(
                    f"{where} may not be {done} by this user (uid {os.geteuid()}): "
                    f"give it write permission for {self._root} and what is in it."
                ) from error
            if isinstance(error, (NotADirectoryError, IsADirectoryError, FileExistsError)):
                raise StoreRefused(
                    f"{where} could not be {done} because an object cannot have the name of a folder of others: "
                    "use another key."
                ) from error
            raise StoreError(
                f"{where} could not be {done} ({error.strerror}): check the disk that holds the store."
            ) from error


class _LinkImpossible(Exception):
    """The file system, or there being two of them, rules out a hard link."""


def _beside(target: Path, act: Callable[[Path], Result]) -> Result:
    """Call `act` with a new hidden name in target's directory, made again if a delete removes it as empty."""
    for _ in range(10):
        try:
            _make_directory(target.parent)
            return act(target.parent / f"{INCOMING}{secrets.token_hex(8)}")
        except FileNotFoundError as error:
            vanished = error
    raise vanished


def _make_directory(path: Path) -> None:
    if path.exists():
        return
    _make_directory(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        _sync_directory(path.parent)


def _create_locked(path: Path) -> FileIO:
    file = FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600))
    # Where a file system has no locks nothing can be locked, and so nothing is ever swept either.
    with suppress(OSError):
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    return file


def _remove_abandoned(path: Path, older_than: float) -> None:
    with FileIO(path, "r") as file:
        # The change time, because a hard link of an old object is as young as its link.
        if time.time() - os.fstat(file.fileno()).st_ctime < older_than:
            return
        # A writer holds the lock until it ends, however it ends: BlockingIOError while it lives.
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
