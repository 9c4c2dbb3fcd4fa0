"""What a restored database needs before an environment can serve it."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.server import Database, reason

HOST_COLUMNS = [("wagtailcore_site", "hostname"), ("django_site", "domain"), ("django_site", "name")]


def fix_up(database: Database, hosts: Mapping[str, str]) -> int:
    """Apply every fix-up in one transaction. Returns how many host names were rewritten; raises PushFailed."""
    try:
        with database.connect(autocommit=False) as connection:
            return sum(_rewrite_hosts(connection, table, column, hosts) for table, column in HOST_COLUMNS)
    except psycopg.Error as error:
        raise PushFailed(f"{database.label}: the fix-ups could not be applied, {reason(error)}.") from None


def _rewrite_hosts(
    connection: psycopg.Connection[tuple[object, ...]], table: str, column: str, hosts: Mapping[str, str]
) -> int:
    """All at once: a host may become what another one was."""
    found = connection.execute(
        "SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute ON attrelid ="
        " pg_class.oid WHERE relkind IN ('r', 'p') AND relname = %s AND attname = %s AND NOT attisdropped",
        [table, column],
    ).fetchall()
    rewritten = 0
    for (schema,) in found:
        update = sql.SQL(
            "UPDATE {table} SET {column} = host.new FROM unnest(%s::text[], %s::text[]) AS host (old, new)"
            " WHERE lower({table}.{column}) = lower(host.old)"
        ).format(table=sql.Identifier(str(schema), table), column=sql.Identifier(column))
        rewritten += connection.execute(update, [list(hosts.keys()), list(hosts.values())]).rowcount
    return rewritten
