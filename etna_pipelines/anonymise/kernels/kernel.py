"""Kernels: loops over bytes and numbers that are compiled to machine code when first called, and kept compiled on disk.

They release Python's lock, so threads that mask run side by side.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from numba.core.dispatcher import Dispatcher

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

_PACKAGE = Path(__file__).parents[2]
_A_WEEK = 7 * 24 * 3600


def kernel(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Compile a function over numpy arrays and numbers with Numba; it may call other kernels."""
    import numba

    keep_compiled()
    compiled = _compiled_once(numba.njit(nogil=True, cache=True)(function))
    return cast(Callable[Parameters, Returned], _saved_one_at_a_time(compiled))


def inlined(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """A piece of kernels, compiled into each that calls it: a call would take longer than what it does."""
    import numba

    return cast(Callable[Parameters, Returned], _compiled_once(numba.njit(nogil=True, forceinline=True)(function)))


def _compiled_once(dispatcher: "Dispatcher") -> "Dispatcher":
    """Without a version of its own for every number that a kernel calls it with: half the time to compile."""
    from numba.core import types

    template_of = dispatcher.get_call_template
    widened: Callable[[object], object] = types.unliteral

    def get_call_template(args: tuple[object, ...], kws: dict[str, object]) -> object:
        return template_of(tuple(map(widened, args)), {name: widened(type_) for name, type_ in kws.items()})

    dispatcher.get_call_template = get_call_template  # type: ignore[method-assign, assignment]
    return dispatcher


def _saved_one_at_a_time(dispatcher: "Dispatcher") -> "Dispatcher":
    """Numba reads an index, adds a file's name to it, then writes the file: two processes that do so at once may take
    the same name for different types, and one would later run the other's machine code."""
    from numba import config

    kept = dispatcher._cache  # type: ignore[attr-defined]
    save_overload = kept.save_overload

    def save_alone(signature: object, compiled: object) -> None:
        with Path(config.CACHE_DIR, "lock").open("ab") as lock:  # type: ignore[attr-defined]
            fcntl.flock(lock, fcntl.LOCK_EX)
            save_overload(signature, compiled)

    kept.save_overload = save_alone
    return dispatcher


@cache
def keep_compiled() -> None:
    """Give Numba a directory for these very kernels; a temporary one, for this process alone, where none can last."""
    from numba import config

    directory = kept_in()
    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="kernels-"))  # mkdtemp() lets nobody else in
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    else:
        _forget_outdated(directory)
    config.CACHE_DIR = str(directory)  # type: ignore[attr-defined]


@cache
def kept_in() -> Path | None:
    """Where compiled kernels last: `kernels-` and a digest of all their sources.

    Numba looks at a kernel's own file alone, and the pieces that it is made of may stand in others: after an upgrade, a
    new one would meet an old one. The directory stands in NUMBA_CACHE_DIR, else beside the sources, else in the user's
    cache, where this user can write and others can't; else there is none.
    """
    name = f"kernels-{_digest(_PACKAGE)}"
    return next((place / name for place in _places() if _is_ours(place / name)), None)


def _digest(package: Path) -> str:
    """Of all files with kernels, wherever the package stands."""
    found = sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"import numba" in text or b".kernel import" in text:
            found.update(f"{path.relative_to(package)} {len(text)}\n".encode() + text)
    return found.hexdigest()


def _places() -> Iterator[Path]:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen).absolute()
        return
    yield _PACKAGE / "__pycache__"
    with suppress(RuntimeError):  # nobody's home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "etna-pipelines"


def _is_ours(directory: Path) -> bool:
    """Whether it can be written to, and by nobody else: what lies in it is run."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
        return directory.stat().st_uid == os.getuid()
    except OSError:
        return False


def _forget_outdated(used: Path) -> None:
    """Drop the directories of other versions, once no process that began with one can still be at work."""
    with suppress(OSError):
        os.utime(used)
        for other in used.parent.glob("kernels-*"):
            if other != used and other.stat().st_mtime < time.time() - _A_WEEK:
                shutil.rmtree(other, ignore_errors=True)
