"""Kernels: loops over bytes and numbers that are compiled to machine code when first called, and kept compiled on disk.

They release Python's lock, so threads that mask run side by side.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from numba.core.dispatcher import Dispatcher

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def kernel(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Compile a function over numpy arrays and numbers with Numba; it may call other kernels."""
    import numba

    forget_outdated(Path(__file__).parent)
    return cast(Callable[Parameters, Returned], _compiled_once(numba.njit(nogil=True, cache=True)(function)))


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


@cache
def forget_outdated(directory: Path) -> None:
    """Drop what was compiled before any kernel's file changed. Numba looks at a kernel's own file alone, and the pieces
    that it is made of may stand in others: after an upgrade, a new one would meet an old one."""
    with suppress(OSError):  # an installation that can't be written to is not upgraded either
        sources = [
            path
            for path in directory.rglob("*.py")
            if b"import numba" in (text := path.read_bytes()) or b".kernel import" in text
        ]
        newest = max(path.stat().st_mtime for path in sources)
        for index in directory.rglob("*.nbi"):
            if index.stat().st_mtime < newest:
                index.unlink(missing_ok=True)
