"""A database held still: one exported snapshot of it, every table locked against TRUNCATE, ALTER and DROP.

Those do not keep to snapshots: a table truncated between a snapshot and pg_dump's lock is dumped empty, as success.
So the locks come first and the snapshot after them. Reading and writing go on meanwhile.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from etna_pipelines.errors import BackupFailed, DatabaseUnreachable, EtnaError
from etna_pipelines.postgres.readable import refuse_unreadable
from etna_pipelines.postgres.schema import DUMPED, read_schema
from etna_pipelines.postgres.server import Database, reason, server_major, system_identifier
from etna_pipelines.snapshots.manifest import DatabaseSchema

LOCK_TIMEOUT = 30
"""Seconds to wait for the lock of a table. Statements of the application queue behind us for as long."""

ATTEMPTS = 3
BATCH = 500

Connection = psycopg.Connection[TupleRow]
Relation = tuple[int, str, str]


@dataclass(frozen=True)
class Frozen:
    """What the held transaction knows of the database; `snapshot` is for pg_dump --snapshot."""

    snapshot: str
    schema: DatabaseSchema
    table_bytes: list[int]
    """What each table takes on the server's disk, without its indexes."""
    large_object_bytes: int
    major: int
    server_version: str
    system_identifier: str
    encoding: str


@contextmanager
def frozen(source: Database) -> Iterator[Frozen]:
    """Hold every table and one snapshot until the block ends. Raises BackupFailed, DatabaseUnreachable."""
    with source.connect() as connection:
        _set(connection, "statement_timeout", "0")
        _set(connection, "lock_timeout", f"{LOCK_TIMEOUT}s")
        _set(connection, "idle_in_transaction_session_timeout", "0")
        if server_major(connection) >= 17:
            _set(connection, "transaction_timeout", "0")
        identifier = system_identifier(connection)
        refuse_unreadable(connection, source)
        for _ in range(ATTEMPTS):
            relations = _relations(connection)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                if _lock(connection, source, relations) and _relations(connection) == relations:
                    yield _describe(connection, identifier)
                    return
            except (EtnaError, psycopg.Error):
                if _lost(connection):  # its snapshot went with it, whatever that made fail
                    raise DatabaseUnreachable(
                        f"{source.label} cannot be reached: the connection that held its tables still was lost: "
                        "check that the server runs, then try again."
                    ) from None
                raise
            finally:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
    raise BackupFailed(
        f"The tables of {source.label} were created, dropped or renamed each of {ATTEMPTS} times that they were "
        "about to be locked: run the backup again when its migration is over."
    )


def _lock(connection: Connection, source: Database, relations: Sequence[Relation]) -> bool:
    """Lock all tables; no statement before or among these may take a snapshot. False where a table went away."""
    names = [sql.Identifier(schema, name) for _, schema, name in relations]
    try:
        for start in range(0, len(names), BATCH):
            tables = sql.SQL(", ONLY ").join(names[start : start + BATCH])
            connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(tables))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.WrongObjectType):
        return False
    except psycopg.errors.LockNotAvailable:
        raise busy(source) from None
    except psycopg.errors.OutOfMemory:
        raise BackupFailed(
            f"{source.label} has {len(relations):,} tables, and its server cannot hold the locks of a backup of so "
            f"many: set max_locks_per_transaction there to {locks_for(connection, len(relations))} and restart it."
        ) from None
    except psycopg.Error as error:
        raise BackupFailed(
            f"The tables of {source.label} cannot be locked for reading, {reason(error)}: "
            f"give role {source.user} SELECT on all of them, for example by GRANT pg_read_all_data."
        ) from None
    return True


def locks_for(connection: Connection, tables: int) -> int:
    """The max_locks_per_transaction that lets the server hold the locks of a backup: each of our sessions, and those of
    pg_dump, holds one on every table (PostgreSQL's lock.c: NLOCKENTS, and twice as many holders)."""
    connection.execute("ROLLBACK")
    sessions = int(_one(connection, "SHOW max_connections")) + int(_one(connection, "SHOW max_prepared_transactions"))
    return max(64, -(-2 * tables // sessions))


def busy(source: Database) -> BackupFailed:
    """The error for a table that others alter, truncate or want to: worth another try by itself."""
    table = None
    with suppress(EtnaError, psycopg.Error), source.connect() as connection:
        table = _locked_table(connection)
    error = BackupFailed(
        f"{table or 'A table'} of {source.label} is being altered, truncated or locked by another session: "
        "run the backup again when that has ended."
    )
    error.retryable = True
    return error


def _locked_table(connection: Connection) -> str | None:
    """A table that another session holds, or waits for, so that nobody may read it."""
    row = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_locks l"
        " JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND l.pid <> pg_backend_pid()"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " ORDER BY l.granted DESC LIMIT 1"
    ).fetchone()
    return str(row[0]) if row else None


def _relations(connection: Connection) -> list[Relation]:
    """Tables and partitioned tables as `oid, schema, name`."""
    rows = connection.execute(
        f"WITH dumped AS ({DUMPED}) SELECT oid, nspname, relname FROM dumped WHERE relkind IN ('r', 'p') ORDER BY oid"
    )
    return [(oid, schema, name) for oid, schema, name in rows]


def _describe(connection: Connection, identifier: str) -> Frozen:
    snapshot = _one(connection, "SELECT pg_export_snapshot()")
    return Frozen(
        snapshot=snapshot,
        schema=read_schema(connection),
        table_bytes=[
            size
            for (size,) in connection.execute(
                f"WITH dumped AS ({DUMPED}) SELECT pg_table_size(oid) FROM dumped WHERE relkind = 'r'"
            )
        ],
        large_object_bytes=int(_one(connection, "SELECT pg_table_size('pg_largeobject')")),
        major=server_major(connection),
        server_version=_one(connection, "SHOW server_version").split()[0],
        system_identifier=identifier,
        encoding=_one(connection, "SHOW server_encoding"),
    )


def _lost(connection: Connection) -> bool:
    with suppress(psycopg.Error):
        connection.execute("SELECT")
    return connection.closed


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def _one(connection: Connection, query: str) -> str:
    [(value,)] = connection.execute(query).fetchall()
    return str(value)
