"""What every benchmark needs: two sides timed in turn in one run, and what came out as a line of the table."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from etna_pipelines.anonymise import engine
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.store import Store

MB = 1_000_000


@dataclass(frozen=True)
class Result:
    """One claim measured: `value` may be at most `target` (or at least, where more is better)."""

    claim: str
    target: float
    value: float
    unit: str
    size: str
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def row(self) -> str:
        bound = "at least" if self.at_least else "at most"
        unit = f" {self.unit}" if self.unit else ""
        verdict = "yes" if self.holds else "**no**"
        return f"| {self.claim} | {bound} {self.target:g}{unit} | {self.value:.2f}{unit} | {verdict} | {self.size} |"


def seconds(work: Callable[[], object]) -> float:
    """How long one run takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 3) -> float:
    """The median of our time over theirs, the two run in turn, so that whatever else the machine does hits both."""
    ratios = []
    for _ in range(rounds):
        reference = seconds(theirs)
        ratios.append(seconds(ours) / reference)
    return statistics.median(ratios)


def stripped_away(full: Manifest, store: Store, rules: Rules, workers: int) -> None:
    """A strip whose archive is deleted at once."""
    draft = engine.strip(full, store, rules, masking_key=bytes(32), workers=workers).draft
    store.delete([item.key for item in store.list(f"{draft.prefix}/")])
