"""One at a time: locks that end with their holder, however it ends."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, LockHeld
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Progress, Tick, silent

Connection = psycopg.Connection[TupleRow]

POLL = 0.1
"""Seconds between two looks at a lock that is waited for."""

GRACE = 2.0
"""Seconds that a server may take to notice that a session's client was killed: so long is a lock always waited for."""


@dataclass(frozen=True)
class Lock:
    """A lock that was taken, and the session that it ends with."""

    name: str
    database: Database
    connection: Connection
    """In autocommit: for work on the server that needs the lock."""

    def see_held(self) -> None:
        """Raise DatabaseUnreachable where its session has ended: somebody else may hold it. For right before what can't
        be undone."""
        try:
            self.connection.execute("SELECT")
        except psycopg.Error:
            raise DatabaseUnreachable(
                f"The connection that holds the lock “{self.name}” on {self.database.label} was lost: try again."
            ) from None


@contextmanager
def exclusive(database: Database, name: str, *, wait: bool = False, progress: Progress = silent) -> Iterator[Lock]:
    """Hold the lock `name` on the database's server, or raise LockHeld after GRACE unless told to wait.

    It belongs to a session, in the maintenance database: the database itself may be renamed or dropped meanwhile.
    """
    with _lock_session(database) as connection:
        connection.execute("SET idle_session_timeout = 0")  # it says nothing for as long as the work takes
        begun = time.monotonic()
        while not _taken(connection, name):
            if not wait and time.monotonic() - begun > GRACE:
                raise LockHeld(f"Another run holds the lock “{name}” on {database.label}: wait until it has ended.")
            progress(Tick(f"wait for “{name}”"))
            time.sleep(POLL)  # asked again, because a server's statement_timeout may end a statement that waits
        try:
            yield Lock(name, database, connection)
        finally:
            # A server ends a session some time after its client has left: whoever comes next would find it taken.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock(%s)", (_key(name),))


@contextmanager
def exclusive_file(path: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock that the file stands for: for work without a server. Raise LockHeld at once unless told to wait.

    The file stays: removing it could take it from under somebody who just opened it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(f"Another run holds the lock “{name}” ({path}): wait until it has ended.") from None
        yield
    finally:
        os.close(handle)


def _taken(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_key(name),)).fetchone()
    return bool(row and row[0])


def _lock_session(database: Database) -> Connection:
    try:
        connection = database.maintenance.connect()
    except (DatabaseRefused, DatabaseUnreachable):
        # A role may be allowed to connect to its own database only; and that one's name is what people know.
        connection = database.connect()
    return connection


def _key(name: str) -> int:
    """A stable 64-bit key, of this project only."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"etna-pipelines").digest()
    return int.from_bytes(digest, "big", signed=True)
