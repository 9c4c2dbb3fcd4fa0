"""Sequences that lag behind the column they number."""

from collections.abc import Collection

from psycopg import sql

from etna_pipelines.environments.fixups.tables import Connection, Table

# Those of identity columns ('i') and those that a column owns ('a'), as `serial` makes them.
_OWNED = """
    SELECT sn.nspname, s.relname, tn.nspname, t.relname, a.attname, q.seqincrement > 0, q.seqmin, q.seqmax
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_sequence q ON q.seqrelid = s.oid AND NOT q.seqcycle
    JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      AND (%(tables)s::oid[] IS NULL OR t.oid = ANY (%(tables)s))
    ORDER BY 1, 2"""


def advance_sequences(connection: Connection, tables: Collection[Table] | None = None) -> None:
    """Move the sequences of all tables, or of some, past what their columns hold; none moves back."""
    oids = None if tables is None else [table.oid for table in tables]
    owned = connection.execute(_OWNED, {"tables": oids}).fetchall()
    for schema, name, table_schema, table, column, rising, least, most in owned:
        sequence = sql.Identifier(schema, name)
        behind = sql.SQL("reached.value > s.last_value" if rising else "reached.value < s.last_value")
        move = sql.SQL(
            "SELECT setval({name}::regclass, reached.value) FROM {sequence} s,"
            " (SELECT {furthest}({column})::bigint AS value FROM {table}) reached"
            " WHERE reached.value BETWEEN {least} AND {most}"
            " AND ({behind} OR (reached.value = s.last_value AND NOT s.is_called))"
        ).format(
            name=sequence.as_string(connection),
            sequence=sequence,
            furthest=sql.SQL("max" if rising else "min"),
            column=sql.Identifier(column),
            table=sql.Identifier(table_schema, table),
            least=least,
            most=most,
            behind=behind,
        )
        connection.execute(move)
