"""What goes on in a database while a program works in it: its statements and their locks, looked at every 50 ms.

Postgres tells what is held now and not for how long it was: times are as exact as the interval, and what begins and
ends between two looks is not seen. Of a statement only its first keywords are kept, never its values.
"""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import Database

INTERVAL = 0.05
"""Seconds between two looks."""
SETTLED = 5.0
"""The most seconds to wait for the program's sessions to end: their counts of rows are known after that."""

# https://www.postgresql.org/docs/current/explicit-locking.html, the weakest first.
MODES = [
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
]
_COMMENTS = re.compile(r"\s*(--[^\n]*(\n|$)|/\*.*?(\*/|$))", re.DOTALL)
_WORD = re.compile(
    r"\s*(alter|analyze|begin|call|checkpoint|cluster|column|comment|commit|concurrently|constraint|copy|create|deallocate"
    r"|declare|delete|do|domain|drop|end|execute|exists|extension|fetch|foreign|from|full|function|grant|if|index|insert"
    r"|into|listen|lock|materialized|merge|not|on|only|or|prepare|procedure|refresh|reindex|release|replace|reset|revoke"
    r"|role|rollback|savepoint|schema|select|sequence|set|show|start|table|temp|temporary|transaction|trigger|truncate"
    r"|type|unique|unlogged|update|vacuum|view|with)(?![\w$.])",
    re.IGNORECASE,
)

ACTIVITY = """
    SELECT pid, query_start, extract(epoch FROM CASE state WHEN 'active' THEN clock_timestamp() ELSE state_change END
           - query_start)::float8, query
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND query <> ''
       AND query_start IS NOT NULL"""
LOCKS = """
    SELECT DISTINCT relation, mode
      FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid() AND datname = current_database()
       AND backend_type = 'client backend'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@dataclass(frozen=True)
class Lock:
    """The strongest lock that a table was seen under, and for how many seconds at a stretch."""

    mode: str
    seconds: float

    @property
    def blocks(self) -> Literal["reads and writes", "writes", "nothing"]:
        """What of an application waits for it."""
        if self.mode == MODES[-1]:
            return "reads and writes"
        return "writes" if MODES.index(self.mode) >= MODES.index("SHARE") else "nothing"


@dataclass
class Watch:
    """What was seen so far."""

    looks: int = 0
    statements: dict[tuple[int, object], tuple[str, float]] = field(default_factory=dict)
    """By session and beginning: the keywords and seconds of a statement."""
    stretches: dict[tuple[int, str], float] = field(default_factory=dict)
    """By table (its oid) and mode: the longest stretch of looks that met the lock, in seconds."""
    _held: Mapping[tuple[int, str], float] = field(default_factory=dict)

    def look(self, connection: Connection, passed: float) -> None:
        """Look once, `passed` seconds after the last time."""
        self.looks += 1
        for pid, began, seconds, query in connection.execute(ACTIVITY):
            self.statements[pid, began] = (keywords(query), max(seconds, 0.0))
        self.met({(oid, _spelt(mode)) for oid, mode in connection.execute(LOCKS)}, passed)

    def met(self, found: set[tuple[int, str]], passed: float) -> None:
        """Note the locks of a look: tables' oids and modes."""
        self._held = {key: self._held[key] + passed if key in self._held else INTERVAL for key in found}
        for key, seconds in self._held.items():
            self.stretches[key] = max(seconds, self.stretches.get(key, 0.0))

    @property
    def locks(self) -> Mapping[int, Lock]:
        """The strongest lock of each table, by the table's oid."""
        modes: dict[int, list[str]] = defaultdict(list)
        for oid, mode in self.stretches:
            modes[oid].append(mode)
        strongest = {oid: max(held, key=MODES.index) for oid, held in modes.items()}
        return {oid: Lock(mode, self.stretches[oid, mode]) for oid, mode in strongest.items()}


@contextmanager
def watching(database: Database) -> Iterator[Watch]:
    """Look at a database from a connection of its own while the body runs, and until its sessions have ended.

    Raises psycopg.Error where that connection breaks."""
    watch, stop = Watch(), threading.Event()
    broken: list[psycopg.Error] = []
    with database.connect() as connection:

        def keep_looking() -> None:
            last = time.monotonic()
            try:
                while not stop.is_set():
                    now = time.monotonic()
                    watch.look(connection, now - last)
                    last = now
                    stop.wait(INTERVAL)
            except psycopg.Error as error:
                broken.append(error)

        thread = threading.Thread(target=keep_looking, name="watching", daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            stop.set()
            thread.join()
        if broken:
            raise broken[0]
        _settle(connection)


def keywords(statement: str) -> str:
    """The keywords that a statement begins with: `ALTER TABLE`, `CREATE UNIQUE INDEX CONCURRENTLY`. Names and values
    are no keywords; what begins with none is `other`."""
    found: list[str] = []
    at = 0
    while comment := _COMMENTS.match(statement, at):
        at = comment.end()
    while word := _WORD.match(statement, at):
        found.append(word[1].upper())
        at = word.end()
    return " ".join(found) or "other"


def _spelt(mode: str) -> str:
    """As people write it: `AccessExclusiveLock` is `ACCESS EXCLUSIVE`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _settle(connection: Connection) -> None:
    """Wait until nobody else is in the database: a session's counts are the table's once it has ended."""
    deadline = time.monotonic() + SETTLED
    others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while connection.execute(others).fetchone() is not None and time.monotonic() < deadline:
        time.sleep(INTERVAL)
