"""How long work tells what it has done, without knowing who listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Tick:
    """One step of a stage: `done` of `total` bytes, `tables_done` of `tables` tables; a total of 0 is not known yet."""

    stage: str
    done: int = 0
    total: int = 0
    tables_done: int = 0
    tables: int = 0
    what: str = "tables"
    """What is counted in place of tables."""


class Progress(Protocol):
    """Anything that can be told of a tick; called from worker threads too."""

    def __call__(self, tick: Tick) -> None: ...


def silent(tick: Tick) -> None:
    """The listener for when nobody watches."""


_listener: ContextVar[Progress] = ContextVar("listener", default=silent)


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Make `progress` the listener of what runs inside, for runs that are started where nothing can be handed over."""
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)


def listener() -> Progress:
    """Whoever listens here and now; ask in the thread that was called, and hand it on to workers."""
    return _listener.get()
