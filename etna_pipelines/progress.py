"""How long work tells what it has done, without knowing who listens."""

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


class Progress(Protocol):
    """Anything that can be told of a tick; called from worker threads too."""

    def __call__(self, tick: Tick) -> None: ...


def silent(tick: Tick) -> None:
    """The listener for when nobody watches."""
