"""Tables that are emptied, and those that keep the rows of the database that serves now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter

import psycopg
from psycopg import sql

from etna_pipelines.environments.fixups.tables import PLAIN, Connection, ForeignKey, Table, Tables, foreign_keys
from etna_pipelines.errors import DatabaseRefused, FixUpFailed
from etna_pipelines.postgres.server import Database, reason


def empty(connection: Connection, tables: Tables, emptied: Sequence[Table]) -> None:
    """Empty tables. Raises FixUpFailed where a table that is none of them refers to one."""
    if not emptied:
        return
    oids = {table.oid for table in emptied}
    for parent in emptied:
        keys = [key for key in foreign_keys(connection) if key.parent == parent.oid and key.table not in oids]
        if keys:
            named = sorted({tables.labelled(key.table) for key in keys})
            some = ", ".join(named[:5]) + (f" and {len(named) - 5} more tables" if len(named) > 5 else "")
            raise FixUpFailed(
                f"{parent.label} would be emptied, and foreign keys of {some} point to it: name those under `empty` "
                f"as well, or leave {parent.label} alone."
            )
    listed = sql.SQL(", ").join([table.identifier for table in emptied])
    connection.execute(sql.SQL("TRUNCATE {}").format(listed))


def keep(connection: Connection, tables: Tables, kept: Sequence[Table], live: Database) -> None:
    """Copy the live database's rows of emptied tables, column by column of the same name.

    Tables that the live database lacks stay empty. Raises FixUpFailed where a column needs a value that there is none
    for, or rows refer to ones that are not there."""
    keys = foreign_keys(connection)
    try:
        with _reading(live) as source:
            serving = {(table.schema, table.name): table for table in Tables.read(source).all}
            for table in _parents_first(kept, keys):
                if known := serving.get((table.schema, table.name)):
                    _copy(source, known, connection, table, live)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.errors.ForeignKeyViolation as error:
        raise _orphans(error, tables, keys) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise FixUpFailed(
            f"{reason(error)}: make the role that owns the new database the owner of what is kept in {live.name}, too."
        ) from None


@contextmanager
def _reading(live: Database) -> Iterator[Connection]:
    try:
        connection = live.connect(autocommit=False)
    except DatabaseRefused as error:
        raise FixUpFailed(f"the rows to keep can't be read as the role that owns the new database: {error}") from None
    with connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(PLAIN)
        yield connection


def _copy(source: Connection, old: Table, connection: Connection, new: Table, live: Database) -> None:
    had = {name for name, column in old.columns(source).items() if not column.generated}
    columns = new.columns(connection)
    if missing := [name for name, column in columns.items() if column.must_be_given and name not in had]:
        raise FixUpFailed(
            f"{new.label} of {live.name} has no {', '.join(missing)}, which can't be null in the snapshot: "
            "give it a default in the application, or take the table out of `keep` for this push."
        )
    shared = sql.SQL(", ").join(
        [sql.Identifier(name) for name, column in columns.items() if name in had and not column.generated]
    )
    out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(shared, old.identifier)
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(new.identifier, shared)
    with source.cursor().copy(out) as blocks, connection.cursor().copy(into) as copy:
        for block in blocks:
            copy.write(block)


def _parents_first(kept: Sequence[Table], keys: Sequence[ForeignKey]) -> list[Table]:
    by_oid = {table.oid: table for table in kept}
    parents: dict[int, set[int]] = {oid: set() for oid in by_oid}
    for key in keys:
        if key.table in by_oid and key.parent in by_oid and key.table != key.parent:
            parents[key.table].add(key.parent)
    try:
        return [by_oid[oid] for oid in TopologicalSorter(parents).static_order()]
    except CycleError:  # its keys are checked once all rows are there, or no order would do
        return list(kept)


def _orphans(error: psycopg.Error, tables: Tables, keys: Sequence[ForeignKey]) -> FixUpFailed:
    """Rows that are kept refer to rows that the snapshot lacks. To leave them out would lose tokens unnoticed."""
    table, name = tables.find(f"{error.diag.schema_name}.{error.diag.table_name}"), error.diag.constraint_name
    parent = next((tables.labelled(key.parent) for key in keys if (key.table, key.name) == (table.oid, name)), "others")
    return FixUpFailed(
        f"rows of {table.label} refer to rows of {parent} that the snapshot lacks ({name}): delete those rows where "
        f"they serve now, list {parent} under `keep` too, or don't keep {table.label}."
    )
