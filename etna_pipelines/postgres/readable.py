"""Whether a role may read all that a dump of a database reads: asked before anything is locked."""

import psycopg
from psycopg.rows import TupleRow

from etna_pipelines.errors import BackupFailed
from etna_pipelines.postgres.schema import DUMPED
from etna_pipelines.postgres.server import Database

NAMED = 3
"""How many objects a sentence names."""

_OBJECTS = f"""
    WITH dumped AS ({DUMPED})
    SELECT nspname || '.' || d.relname,
           NOT has_schema_privilege(c.relnamespace, 'USAGE') OR NOT has_table_privilege(oid, 'SELECT'),
           row_security_active(oid)
    FROM dumped d JOIN pg_class c USING (oid)
    WHERE d.relkind IN ('r', 'p', 'S')
    ORDER BY 1
"""


def refuse_unreadable(connection: psycopg.Connection[TupleRow], source: Database) -> None:
    """Raise BackupFailed where the role may not read a table or sequence, or would not be shown all of its rows."""
    objects = connection.execute(_OBJECTS).fetchall()
    if unreadable := [name for name, refused, _ in objects if refused]:
        count = f"{len(unreadable)} object{'s' if len(unreadable) > 1 else ''}"
        raise BackupFailed(
            f"Role {source.user} may not read {count} of {source.label} ({_listed(unreadable)}): "
            f"GRANT pg_read_all_data TO {source.user}."
        )
    if hidden := [name for name, _, rows_hidden in objects if rows_hidden]:
        raise BackupFailed(
            f"Row-level security hides rows of {source.label} from role {source.user} ({_listed(hidden)}): "
            f"ALTER ROLE {source.user} BYPASSRLS."
        )


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
