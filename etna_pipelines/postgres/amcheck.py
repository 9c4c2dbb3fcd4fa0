"""Indexes against their tables, by PostgreSQL's own amcheck: each entry where it belongs, and none missing."""

import psycopg
from psycopg import sql

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.schema import IN_USER_SCHEMA, Connection
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.progress import Progress, Tick, silent

SCHEMA = "etna_amcheck"


def check_indexes(database: Database, progress: Progress = silent) -> int | None:
    """How many B-tree indexes were looked through. None where the server has no amcheck, or only a superuser may make
    it and we are none. It leaves the extension in the database. Raises PushFailed naming an index that is wrong.

    Code of the archive is run as the owner of its tables, as amcheck sees to (CVE-2022-1552)."""
    with database.connect() as connection:
        connection.execute("SET search_path = pg_catalog")
        connection.execute("SET statement_timeout = 0")
        if (function := _made(connection)) is None:
            return None
        indexes = _indexes(connection)
        for number, (oid, name) in enumerate(indexes):
            progress(Tick("amcheck", tables_done=number, tables=len(indexes)))
            try:
                connection.execute(sql.SQL("SELECT {}(%s, true)").format(function), [oid])
            except psycopg.Error as error:
                raise PushFailed(
                    f"Index {name} of {database.label} does not fit its table ({reason(error)})."
                ) from None
        progress(Tick("amcheck", tables_done=len(indexes), tables=len(indexes)))
        return len(indexes)


def _made(connection: Connection) -> sql.Identifier | None:
    """The function that checks an index, wherever the extension has it."""
    if connection.execute("SELECT FROM pg_available_extensions WHERE name = 'amcheck'").fetchone() is None:
        return None
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA {}").format(sql.Identifier(SCHEMA))
            )
    except psycopg.errors.InsufficientPrivilege:
        return None
    row = connection.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'amcheck'"
    ).fetchone()
    return sql.Identifier(row[0], "bt_index_check") if row else None


def _indexes(connection: Connection) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT c.oid, n.nspname || '.' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am ON pg_am.oid = c.relam"
        f" WHERE amname = 'btree' AND c.relkind = 'i' AND indisvalid AND indisready AND {IN_USER_SCHEMA} ORDER BY 2"
    ).fetchall()
