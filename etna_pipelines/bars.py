"""Progress for people at a terminal: a bar a stage, by bytes and tables."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from etna_pipelines.progress import Tick


class Bars:
    """Listens to ticks and draws them while it is open. Stages come one after the other.

    On a terminal the bars move; elsewhere (a log, a pipe) each stage is one line when it ends.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._stage: tuple[Tick, TaskID, float] | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._end_stage()
        self._progress.stop()

    def __call__(self, tick: Tick) -> None:
        if self._stage is None or self._stage[0].stage != tick.stage:
            self._end_stage()
            bar = self._progress.add_task(tick.stage, total=None, counts="")
            self._stage = (tick, bar, time.monotonic())
        _, bar, began = self._stage
        self._stage = (tick, bar, began)
        done, total = (tick.done, tick.total) if tick.total else (tick.tables_done, tick.tables)
        # A total is an estimate: only the next stage says that this one is over.
        self._progress.update(bar, completed=done, total=max(total, done + 1) if total else None, counts=_counts(tick))

    def _end_stage(self) -> None:
        if self._stage is None:
            return
        tick, bar, began = self._stage
        self._progress.update(bar, total=1, completed=1)
        if not self._console.is_terminal:
            line = f"✓ {tick.stage}, {time.monotonic() - began:.1f} s"
            self._console.print(", ".join(filter(None, (line, _counts(tick)))), highlight=False)
        self._stage = None


class Lines:
    """Listens to ticks and says a line of them now and then, for logs: nothing of what is over before that."""

    def __init__(self, say: Callable[[str], None], every: float = 60) -> None:
        """`every` is in seconds."""
        self._say = say
        self._every = every
        self._said = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, tick: Tick) -> None:
        with self._lock:
            if time.monotonic() - self._said < self._every:
                return
            self._said = time.monotonic()
        self._say(" ".join(filter(None, (f"{tick.stage}:", _counts(tick) or "under way"))))


def _counts(tick: Tick) -> str:
    size = f"{decimal(tick.done)} of {decimal(tick.total)}" if tick.total else decimal(tick.done) if tick.done else ""
    tables = f"{tick.tables_done}/{tick.tables} {tick.what}" if tick.tables else ""
    return " ".join(filter(None, (size, tables)))
