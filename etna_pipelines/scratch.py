"""Private working directories: gone when their work ends, and what a killed run left is removed by the next one."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etna_pipelines.errors import ScratchFull

_SUFFIX = ".work"


@contextmanager
def workspace(scratch: Path, name: str) -> Iterator[Path]:
    """A new directory under `scratch` that nobody else may read; those of runs that died are removed first.

    Raises ScratchFull where its disk fills up."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = scratch / f"{name}{_SUFFIX}"
    lock = _Lock(scratch)  # nobody sweeps between a directory's making and its lock
    try:
        _sweep(scratch)
        directory.mkdir(mode=0o700)
        held = _Lock(directory)
    finally:
        lock.release()
    try:
        yield directory
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ScratchFull(f"The disk of {scratch} is full: free some space there, then run this again.") from None
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        held.release()


def _sweep(scratch: Path) -> None:
    for directory in scratch.glob(f"*{_SUFFIX}"):
        try:
            lock = _Lock(directory, wait=False)
        except OSError:  # its run is alive
            continue
        shutil.rmtree(directory, ignore_errors=True)
        lock.release()


class _Lock:
    """A lock on a directory, which dies with its holder."""

    def __init__(self, directory: Path, *, wait: bool = True) -> None:
        self._descriptor = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        os.close(self._descriptor)
