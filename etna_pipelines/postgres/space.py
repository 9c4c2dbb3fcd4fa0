"""Scratch space: how much of it a backup or a restore needs at most, known and there before either begins.

Of a backup scratch holds what pg_dump has written and no thread has shipped yet. Files are read while they grow and
what was read is given back to the disk; where more than BEHIND bytes wait, pg_dump is stopped until they are fewer. So
the bound is the same for every size of database, on a file system that can punch holes (ext4, XFS, Btrfs, tmpfs). On
others the tables that are dumped at the same time must fit as well. For a restore it is the archive, as it is stored.
"""

import ctypes
import heapq
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from rich.filesize import decimal

from etna_pipelines.errors import BackupFailed, PushRefused
from etna_pipelines.snapshots.manifest import Manifest

BEHIND = 1024**3
"""Bytes that pg_dump may be ahead of what was shipped."""

OVERSHOOT = 512 * 1024**2
"""What it may write besides until it is stopped, with the files that are small."""

AS_TEXT = 2
"""What COPY text takes, at most about, as a multiple of a table's size on disk: bytea is written in hexadecimal, and
long values are compressed there (of text that compresses well it may be more)."""

BLOCK = 4096
"""What a file takes at least, and is freed by, on most file systems."""

_PUNCH_HOLE = 0x03
"""FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of Linux's fallocate(2)."""


def refuse_backup(table_bytes: Iterable[int], large_objects: int, jobs: int, scratch: Path, label: str) -> int:
    """The bytes of scratch that a backup of tables of these sizes needs at most, and of so many bytes of large objects;
    `scratch` exists. Raises BackupFailed where its disk has fewer."""
    needed = large_objects + backup_needs(table_bytes, jobs, gives_back=gives_back(scratch))
    free = shutil.disk_usage(scratch).free
    if free < needed:
        raise BackupFailed(
            f"The backup of {label} needs up to {decimal(needed)} in {scratch} and its disk has {decimal(free)} free: "
            "make room, or name a directory on another disk in ETNA_HOME."
        )
    return needed


def backup_needs(table_bytes: Iterable[int], jobs: int, *, gives_back: bool) -> int:
    """Bytes at most, of tables; large objects are files of their own, which wait for the dump's end."""
    sizes = [AS_TEXT * size + BLOCK for size in table_bytes]
    whole = sum(sizes)
    growing = 0 if gives_back else sum(heapq.nlargest(jobs, sizes))
    return min(whole, growing + BEHIND + OVERSHOOT)


def refuse_restore(manifest: Manifest, scratch: Path) -> int:
    """The bytes of scratch that a restore of a snapshot needs. Raises PushRefused where its disk has fewer."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed, free = manifest.bytes, shutil.disk_usage(scratch).free
    if free < needed:
        raise PushRefused(
            f"To restore snapshot {manifest.id} its archive of {decimal(needed)} is copied to {scratch}, whose disk "
            f"has {decimal(free)} free: make room, or name a directory on another disk in ETNA_HOME."
        )
    return needed


def give_back(descriptor: int, offset: int, length: int) -> bool:
    """Free the blocks of a part of a file that nobody reads again, where the file system can. Its length stays."""
    if not sys.platform.startswith("linux"):
        return False
    done: int = _libc().fallocate(descriptor, _PUNCH_HOLE, ctypes.c_int64(offset), ctypes.c_int64(length))
    return done == 0


def gives_back(directory: Path) -> bool:
    """Whether the file system of a directory can free a part of a file."""
    with suppress(OSError), tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(8192))
        file.flush()
        return give_back(file.fileno(), 0, 4096)
    return False


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
