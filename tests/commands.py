"""`etna ...` as people meet it: what is printed, on which stream, and the exit code."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Etna = Callable[..., Ended]
