"""A target's server that may be switched off at night: waited for within limits.

One that does not answer is told apart from one that answers no, which is not waited for: credentials, a role that is
missing and connections that are all in use do not mend while somebody waits."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, TargetAsleep
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Progress, Tick, silent

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

PAUSE = 5.0
"""Seconds between two tries."""


def await_awake(target: "Environment", progress: Progress = silent, *, pause: float = PAUSE) -> None:
    """Return once the server of `target` answers, whatever it answers. Raises TargetAsleep after `target.wait`."""
    began = time.monotonic()
    deadline = began + target.wait.total_seconds()
    while silence := _silence(target.database):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TargetAsleep(_told(target, silence))
        progress(Tick(f"wait for {target.name}'s server"))
        time.sleep(min(pause, left))


def is_awake(database: Database) -> bool:
    """Whether its server answers now. A server that drops packets takes as long as a connection may."""
    return _silence(database) is None


def _silence(database: Database) -> DatabaseUnreachable | None:
    try:
        database.maintenance.connect().close()
    except DatabaseUnreachable as error:
        return error
    except DatabaseRefused:  # it is awake, and says itself to whoever works with it why not
        return None
    return None


def _told(target: "Environment", silence: DatabaseUnreachable) -> str:
    database, why = target.database, str(silence).partition(" cannot be reached: ")[2].rstrip(".")
    return (
        f"{target.name}'s server {database.host}:{database.port} does not answer ({why}), and was waited for "
        f"{_in_words(target.wait)}: start it, or leave it to the next run."
    )


def _in_words(length: timedelta) -> str:
    seconds = length.total_seconds()
    count, unit = (round(seconds / 60), "minute") if seconds >= 60 else (round(seconds), "second")
    return f"{count} {unit}{'' if count == 1 else 's'}"
