"""Memory given back to the system.

glibc keeps what was freed among what was not, and blocks of some MB, in several threads, leave gaps of all sizes:
without this, 17 GB of text made 1.8 GB of a process that needs 350 MB.
"""

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Takes some milliseconds for each 100 MB; does nothing where the C library has no such call."""
    if trim := _malloc_trim():
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """https://man7.org/linux/man-pages/man3/malloc_trim.3.html"""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
