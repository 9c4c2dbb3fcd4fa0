"""A target while it is worked on: by one run at a time, with what fails told as what it means for its environment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from etna_pipelines.errors import (
    DatabaseRefused,
    DatabaseUnreachable,
    ProgramError,
    PushFailed,
    PushUnrecorded,
    StoreError,
)
from etna_pipelines.postgres.locks import Lock, exclusive
from etna_pipelines.postgres.messages import reason, why_no_connection
from etna_pipelines.postgres.server import Database

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


@contextmanager
def alone(target: "Environment") -> Iterator[Lock]:
    with exclusive(target.database, f"push {target.database.name}") as lock:
        yield lock


@contextmanager
def explained(target: "Environment") -> Iterator[None]:
    """Programs and servers say what failed; people want to know what it means for their environment."""
    try:
        yield
    except ProgramError as error:
        raise PushFailed(f"{target.name} serves what it served before: {error}") from None
    except psycopg.Error as error:
        database = target.database
        raise why_no_connection(str(error), database.label, database.user) or PushFailed(
            f"{target.name} serves what it served before ({reason(error)}): try again."
        ) from None


def exists(database: Database) -> bool:
    """Whether its server has a database of that name."""
    with database.maintenance.connect() as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database.name])
        return found.fetchone() is not None


@contextmanager
def recording(environment: str, snapshot: str) -> Iterator[None]:
    """Keep what was done. It is done in any case: to do it again would throw away what a rollback needs."""
    try:
        yield
    except (StoreError, DatabaseRefused, DatabaseUnreachable, psycopg.Error) as error:
        why = f"{reason(error)}." if isinstance(error, psycopg.Error) else str(error)
        raise PushUnrecorded(
            f"{environment} serves {snapshot} already and only the record of it is missing, so nothing is redeployed; "
            f"re-execute the run from its failure, which does both, or push again: {why}"
        ) from None
