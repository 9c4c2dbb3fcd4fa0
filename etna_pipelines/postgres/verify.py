"""Is a restored database what its snapshot's manifest says? Every row is counted, every key looked up. Of a clone,
whose template was verified, it is seen that it was copied whole."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from psycopg import sql

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.schema import DUMPED, Connection, read_foreign_keys
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots.manifest import ForeignKey, Manifest

JOBS = 2
BATCH = 100
NAMED = 5
"""How many of the things that are wrong a message names."""

Name = tuple[str, str]


def verify(manifest: Manifest, target: Database, progress: Progress = silent) -> None:
    """Raise PushFailed unless `target` holds every table with as many rows as the manifest says, and every foreign key,
    and all of its indexes are valid. All is read in one snapshot of the target.

    A constraint may be NOT VALID: an archive makes it so only where its source had it so.
    """
    rows = {file.table: file.rows or 0 for file in manifest.files if file.table}
    expected = {(table.schema_name, table.name): rows.get(table.qualified, 0) for table in manifest.schema_.tables}
    try:
        with _moment(target) as (connection, snapshot):
            _check_structure(manifest, target, connection)
            extensions = _tables(connection, of_extensions=True)
            found = _count(target, snapshot, sorted(expected, key=lambda name: -expected[name]), progress)
    except psycopg.Error as error:
        raise PushFailed(f"{target.label} could not be verified, {reason(error)}: push again.") from None
    wrong = [
        f"{'.'.join(name)} has {count:,} rows, {expected[name]:,} expected"
        for name, count in found.items()
        # CREATE EXTENSION fills its own tables; an archive adds to them what users configured.
        if count != expected[name] and not (name in extensions and count > expected[name])
    ]
    _refuse(target, "is not what its snapshot holds", wrong)


def verify_clone(manifest: Manifest, target: Database) -> None:
    """Raise PushFailed unless `target`, a clone of a verified database, has its tables, foreign keys and valid indexes,
    and each of their files is whole. Reads no row, which would take as long as the cloning."""
    try:
        with target.connect() as connection:
            _check_structure(manifest, target, connection)
            _refuse(target, "was not cloned whole, it lacks a part of", _cut(connection))
    except psycopg.Error as error:
        raise PushFailed(f"{target.label} could not be verified, {reason(error)}: push again.") from None


def _check_structure(manifest: Manifest, target: Database, connection: Connection) -> None:
    tables = {(table.schema_name, table.name) for table in manifest.schema_.tables}
    _refuse(target, "lacks tables", [".".join(name) for name in tables - _tables(connection)])
    keys = _described(manifest.schema_.foreign_keys) - _described(read_foreign_keys(connection))
    _refuse(target, "lacks foreign keys", keys)
    _refuse(target, "has invalid indexes", _invalid_indexes(connection))


def _cut(connection: Connection) -> list[str]:
    """Tables, indexes and TOAST tables whose file is shorter than it was when they were last looked through."""
    return [
        name
        for (name,) in connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'i', 'm', 't')"
            " AND pg_relation_size(oid) < relpages * current_setting('block_size')::bigint"
        )
    ]


def _refuse(target: Database, what: str, found: Collection[str]) -> None:
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise PushFailed(f"{target.label} {what}: {', '.join(sorted(found)[:NAMED])}{more}: push again.")


def _tables(connection: Connection, *, of_extensions: bool = False) -> set[Name]:
    member = "WHERE EXISTS" if of_extensions else "WHERE true OR EXISTS"
    return {
        (schema, name)
        for schema, name in connection.execute(
            f"WITH dumped AS ({DUMPED}) SELECT nspname, relname FROM dumped {member} (SELECT FROM pg_depend d"
            " WHERE d.classid = 'pg_class'::regclass AND d.objid = dumped.oid AND d.deptype = 'e')"
        )
    }


def _described(keys: Iterable[ForeignKey]) -> set[str]:
    """Without their names: those of partitions are made anew by a restore."""
    return {
        f"{key.table} ({', '.join(key.columns)}) to {key.references} ({', '.join(key.referenced_columns)})"
        for key in keys
    }


def _invalid_indexes(connection: Connection) -> list[str]:
    """Of a partitioned table's own index, invalid means only that a partition has none."""
    return [
        name
        for (name,) in connection.execute(
            "SELECT n.nspname || '.' || c.relname FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE NOT i.indisvalid AND c.relkind = 'i'"
        )
    ]


def _count(target: Database, snapshot: str, tables: Sequence[Name], progress: Progress) -> dict[Name, int]:
    """Rows of each table, many in a statement; each connection takes its share, large and small alike."""
    counted: dict[Name, int] = {}

    def count(share: Sequence[Name]) -> None:
        with target.connect() as connection:
            connection.execute("SET statement_timeout = 0")
            for start in range(0, len(share), BATCH):
                counted.update(_count_some(connection, snapshot, share[start : start + BATCH]))
                progress(Tick("count", tables_done=len(counted), tables=len(tables)))

    with ThreadPoolExecutor(JOBS, "count") as pool:
        list(pool.map(count, (tables[number::JOBS] for number in range(JOBS))))
    return counted


def _count_some(connection: Connection, snapshot: str, tables: Sequence[Name]) -> dict[Name, int]:
    """In a transaction of their own: its locks, of every table and index, would be too many if it had them all."""
    one = sql.SQL("SELECT {}, count(*) FROM ONLY {}")
    each = [one.format(index, sql.Identifier(*name)) for index, name in enumerate(tables)]
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        return {tables[index]: rows for index, rows in connection.execute(sql.SQL(" UNION ALL ").join(each))}


@contextmanager
def _moment(target: Database) -> Iterator[tuple[Connection, str]]:
    """A connection, and the snapshot that it holds of the database."""
    with target.connect() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [(snapshot,)] = connection.execute("SELECT pg_export_snapshot()").fetchall()
        yield connection, snapshot
