"""Runs that ended, as troubles that began or are over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.still_works import still_works
from etna_pipelines.alerts.trouble import Trouble, moment
from etna_pipelines.settings import Settings

NIGHTLY = "nightly"
RESUME = "put right what it says; `Re-execute from failure` in the UI goes on with the step that failed."


@dataclass(frozen=True)
class Ended:
    """A run that succeeded, or failed and is not tried again by itself."""

    run: str
    job: str
    at: datetime
    failed: bool
    partition: str | None = None
    """The feature environment that it was for."""

    @property
    def subject(self) -> str:
        return f"{self.job} of {self.partition}" if self.partition else self.job

    @property
    def key(self) -> str:
        return f"run/{self.job}/{self.partition}" if self.partition else f"run/{self.job}"


def look_at_runs(memory: Memory, ended: Sequence[Ended], why: Callable[[str], str], settings: Settings) -> None:
    """Note what the last run of each job, and of each feature environment, came to. `why` is asked, by a run's id, what
    it says of its failure; only of runs that are new."""
    for key, series in groupby(sorted(ended, key=lambda run: (run.key, run.at)), key=lambda run: run.key):
        runs = list(series)
        last = runs[-1]
        if last.failed:
            if not memory.knows(key, last.at):
                memory.meet(_trouble(last, _first_failure(runs).at, why(last.run), settings))
        else:
            memory.end(key, last.at, f"The run that ended {moment(last.at)} succeeded.")
        if last.job == NIGHTLY:
            good = [run.at for run in runs if not run.failed]
            memory.good_night = max([*good, *([memory.good_night] if memory.good_night else [])], default=None)


def end_of_gone(memory: Memory, environments: Sequence[str], at: datetime) -> None:
    """Troubles of feature environments that are no more are over."""
    for key, known in memory.troubles.items():
        environment = known.trouble.environment
        if environment and environment not in environments:
            memory.end(key, at, f"The feature environment {environment} is no more.")


def _first_failure(runs: Sequence[Ended]) -> Ended:
    """Of those since the last that succeeded."""
    first = runs[-1]
    for run in reversed(runs):
        if not run.failed:
            break
        first = run
    return first


def _trouble(last: Ended, since: datetime, why: str, settings: Settings) -> Trouble:
    web = settings.alerts.webserver
    return Trouble(
        key=last.key,
        subject=last.subject,
        what=why,
        since=since,
        seen=last.at,
        works=still_works(settings, last.job, last.partition),
        todo=RESUME,
        link=f"{web.rstrip('/')}/runs/{last.run}" if web else "",
        environment=last.partition,
    )
