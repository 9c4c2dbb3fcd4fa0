"""Tables that are emptied, and those that keep the rows of the database that serves now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter

import psycopg
from psycopg import sql

from etna_pipelines.environments.fixups.tables import Connection, ForeignKey, Table, Tables, foreign_keys
from etna_pipelines.errors import DatabaseRefused, FixUpFailed
from etna_pipelines.postgres.server import Database

# As pg_dump has it: a database's own settings change nothing of what COPY writes and reads.
_PLAIN = "SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 3"


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
    with _reading(live) as source:
        serving = Tables.read(source)
        for table in _parents_first(kept, keys):
            known = next((one for one in serving.all if (one.schema, one.name) == (table.schema, table.name)), None)
            if known:
                _copy(source, known, connection, table, live)
    try:
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.errors.ForeignKeyViolation as error:
        raise _orphans(error, tables, kept, keys) from None


@contextmanager
def _reading(live: Database) -> Iterator[Connection]:
    try:
        connection = live.connect(autocommit=False)
    except DatabaseRefused as error:
        raise FixUpFailed(f"the rows to keep can't be read as the role that owns the new database: {error}") from None
    with connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL row_security = off")  # an error, where a policy would hide rows
        connection.execute(_PLAIN)
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
    connection.execute(_PLAIN)
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


def _orphans(error: psycopg.Error, tables: Tables, kept: Sequence[Table], keys: Sequence[ForeignKey]) -> FixUpFailed:
    """Rows of a kept table refer to rows that the snapshot lacks. To leave them out would lose tokens unnoticed."""
    table = next(one for one in kept if (one.schema, one.name) == (error.diag.schema_name, error.diag.table_name))
    key = next(key for key in keys if key.table == table.oid and key.name == error.diag.constraint_name)
    parent = tables.labelled(key.parent)
    return FixUpFailed(
        f"rows of {table.label} refer to rows of {parent} that the snapshot lacks ({key.name}): "
        f"delete those rows where they serve now, list {parent} under `keep` too, or don't keep {table.label}."
    )
