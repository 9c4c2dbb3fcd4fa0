"""Kernels: loops over bytes and numbers that are compiled to machine code when first called, and kept compiled on disk.

They release Python's lock, so threads that mask run side by side.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def kernel(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Compile a function over numpy arrays and numbers with Numba; it may call other kernels."""
    import numba

    return cast(Callable[Parameters, Returned], numba.njit(nogil=True, cache=True)(function))


def inlined(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """A piece of kernels, compiled into each that calls it: a call would take longer than what it does."""
    import numba

    return cast(Callable[Parameters, Returned], numba.njit(nogil=True, forceinline=True)(function))
