"""Waiting for what another process does: as long as it takes, and no longer than a test may."""

import time
from collections.abc import Callable

from etna_pipelines.postgres.server import Database


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it comes to be so in this time. A busy machine is slow, so the time is only what a failure costs."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def until_a_session_waits(database: Database) -> bool:
    """Whether one of the database's sessions comes to wait for a lock."""
    with database.connect() as connection:
        waiting = (
            "SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE NOT granted AND datname = current_database()"
        )
        return until(lambda: connection.execute(waiting).rowcount > 0)
