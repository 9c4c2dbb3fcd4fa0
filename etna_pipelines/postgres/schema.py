"""What a database is made of, read from its catalogue: what an archive will hold and what rules must cover.

One query per kind of thing, whatever the number of tables. Read inside the dump's own snapshot, the answer fits the
dumped data exactly.
"""

from collections import defaultdict

import psycopg
from psycopg.rows import TupleRow

from etna_pipelines.snapshots.manifest import Check, Column, DatabaseSchema, ForeignKey, PartialKey, Table

Connection = psycopg.Connection[TupleRow]

IN_USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
"""As pg_dump decides it: for a `pg_namespace n`."""

# Extension members are made by CREATE EXTENSION; only their configuration tables (extconfig) have data in an archive.
DUMPED = f"""
    SELECT c.oid, n.nspname, c.relname, c.relkind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {IN_USER_SCHEMA} AND (
        NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        OR EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig)))
"""

_TABLES = f"WITH dumped AS ({DUMPED}) SELECT oid, nspname, relname FROM dumped WHERE relkind = 'r' ORDER BY 2, 3"

# COPY's order is attnum's, without dropped columns; generated ones are not copied and stand last. Of a domain over a
# domain the innermost says what it is made of, and how long that may be.
_COLUMNS = f"""
    WITH RECURSIVE dumped AS ({DUMPED}), base (oid, base, typmod, not_null) AS (
        SELECT oid, oid, NULL::int, false FROM pg_type WHERE typtype <> 'd'
        UNION ALL
        SELECT d.oid, b.base, coalesce(b.typmod, d.typtypmod), b.not_null OR d.typnotnull
        FROM pg_type d JOIN base b ON b.oid = d.typbasetype WHERE d.typtype = 'd')
    SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull OR b.not_null,
           a.attgenerated <> '', t.typcategory,
           CASE WHEN b.typmod IS NULL THEN '' ELSE format_type(b.base, b.typmod) END,
           ARRAY (SELECT e.enumlabel::text FROM pg_enum e
                  WHERE e.enumtypid IN (b.base, t.typelem) ORDER BY e.enumsortorder),
           coalesce(pg_get_expr(v.adbin, v.adrelid), ''), a.attidentity <> ''
    FROM dumped r
    JOIN pg_attribute a ON a.attrelid = r.oid
    JOIN base b ON b.oid = a.atttypid
    JOIN pg_type t ON t.oid = b.base
    LEFT JOIN pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
    WHERE r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attgenerated <> '', a.attnum
"""

# The parts of every index that keeps rows apart: of unique ones and of exclusion constraints.
_INDEXES = f"""
    WITH dumped AS ({DUMPED})
    SELECT i.indrelid, i.indisprimary, i.indisexclusion,
           array_agg(coalesce(a.attname, pg_get_indexdef(i.indexrelid, k.position::int, true)) ORDER BY k.position),
           coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
           pg_get_indexdef(i.indexrelid) ~ 'NULLS NOT DISTINCT'
    FROM dumped r
    JOIN pg_index i ON i.indrelid = r.oid
    CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
    WHERE r.relkind = 'r' AND (i.indisunique OR i.indisexclusion) AND k.position <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indisexclusion
    ORDER BY i.indrelid, 4
"""

# Of a table, and of the domains (and the domains that those are made of) of its columns. Column 0 is the whole row.
_CHECKS = f"""
    WITH RECURSIVE dumped AS ({DUMPED}), made_of (oid, domain) AS (
        SELECT oid, oid FROM pg_type WHERE typtype = 'd'
        UNION ALL
        SELECT m.oid, d.typbasetype FROM made_of m JOIN pg_type d ON d.oid = m.domain
        JOIN pg_type b ON b.oid = d.typbasetype WHERE b.typtype = 'd')
    SELECT r.oid, c.conname, pg_get_constraintdef(c.oid),
           ARRAY (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0
                  AND NOT a.attisdropped AND (a.attnum = ANY (c.conkey) OR 0 = ANY (c.conkey)) ORDER BY a.attnum)
    FROM dumped r JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype = 'c'
    WHERE r.relkind = 'r'
    UNION ALL
    SELECT r.oid, c.conname, pg_get_constraintdef(c.oid), ARRAY[a.attname::text]
    FROM dumped r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN made_of m ON m.oid = a.atttypid
    JOIN pg_constraint c ON c.contypid = m.domain AND c.contype = 'c'
    WHERE r.relkind = 'r'
    ORDER BY 1, 2, 4
"""

# A partition may be a partition's: those above it, the nearest first.
_ABOVE = """
    above (oid, parent, steps) AS (
        SELECT i.inhrelid, i.inhparent, 1 FROM pg_inherits i
        UNION ALL
        SELECT u.oid, i.inhparent, u.steps + 1 FROM above u JOIN pg_inherits i ON i.inhrelid = u.parent)
"""
_PARTITIONS = f"""
    WITH RECURSIVE dumped AS ({DUMPED}), {_ABOVE}
    SELECT r.oid, n.nspname || '.' || c.relname
    FROM dumped r
    JOIN above u ON u.oid = r.oid
    JOIN pg_class c ON c.oid = u.parent AND c.relkind = 'p'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.relkind = 'r'
    ORDER BY r.oid, u.steps
"""

# Names of columns are the same in all of them.
_PARTITION_KEYS = f"""
    WITH RECURSIVE dumped AS ({DUMPED}), {_ABOVE}
    SELECT r.oid, coalesce(a.attname, pg_get_expr(p.partexprs, p.partrelid))
    FROM dumped r
    JOIN above u ON u.oid = r.oid
    JOIN pg_partitioned_table p ON p.partrelid = u.parent
    CROSS JOIN unnest(p.partattrs::int2[]) AS k (attnum)
    LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.attnum AND k.attnum <> 0
    WHERE r.relkind = 'r'
    GROUP BY 1, 2
    ORDER BY 1, 2
"""

# Between tables with data of their own: of a partitioned table, on either side, each partition's. The catalogue has one
# row for a key between two partitioned tables, and none from partition to partition.
_FOREIGN_KEYS = f"""
    WITH dumped AS ({DUMPED})
    SELECT c.conname, r.nspname || '.' || r.relname, f.nspname || '.' || f.relname,
           (SELECT array_agg(a.attname ORDER BY position) FROM unnest(c.conkey) WITH ORDINALITY k (attnum, position)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum),
           (SELECT array_agg(a.attname ORDER BY position) FROM unnest(c.confkey) WITH ORDINALITY k (attnum, position)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum)
    FROM pg_constraint c
    CROSS JOIN LATERAL (SELECT c.conrelid UNION SELECT relid FROM pg_partition_tree(c.conrelid)) referring (oid)
    CROSS JOIN LATERAL (SELECT c.confrelid UNION SELECT relid FROM pg_partition_tree(c.confrelid)) referred (oid)
    JOIN dumped r ON r.oid = referring.oid JOIN dumped f ON f.oid = referred.oid
    WHERE c.contype = 'f' AND c.conparentid = 0 AND r.relkind = 'r' AND f.relkind = 'r'
    ORDER BY 2, 1, 3
"""

# What every database is born with (plpgsql) has a low oid, and pg_dump leaves it out.
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE oid >= 16384 ORDER BY 1"

_SCHEMAS = f"SELECT n.nspname FROM pg_namespace n WHERE {IN_USER_SCHEMA} ORDER BY 1"

_UNSUPPORTED = f"""
    WITH dumped AS ({DUMPED})
    SELECT 'large objects (' || count(*) || ')' FROM pg_largeobject_metadata HAVING count(*) > 0
    UNION ALL SELECT 'foreign-data wrapper ' || w.fdwname FROM pg_foreign_data_wrapper w
        WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_foreign_data_wrapper'::regclass
                          AND d.objid = w.oid AND d.deptype = 'e')
    UNION ALL SELECT 'foreign server ' || srvname FROM pg_foreign_server
    UNION ALL SELECT 'user mapping for ' || usename || ' on ' || srvname FROM pg_user_mappings
    UNION ALL SELECT 'foreign table ' || nspname || '.' || relname FROM dumped WHERE relkind = 'f'
    UNION ALL SELECT 'publication ' || pubname FROM pg_publication
    UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'event trigger ' || t.evtname FROM pg_event_trigger t
        WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
                          AND d.objid = t.oid AND d.deptype = 'e')
    ORDER BY 1
"""


def read_schema(connection: Connection) -> DatabaseSchema:
    """The schema as this connection's transaction sees it. Names in types and SQL are qualified, as in an archive."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        return DatabaseSchema(
            tables=_tables(connection),
            foreign_keys=read_foreign_keys(connection),
            extensions=_names(connection, _EXTENSIONS),
            schemas=_names(connection, _SCHEMAS),
            unsupported=_names(connection, _UNSUPPORTED),
        )


def read_foreign_keys(connection: Connection) -> list[ForeignKey]:
    """Foreign keys between tables with data of their own."""
    return [
        ForeignKey(name=name, table=table, references=references, columns=columns, referenced_columns=keys)
        for name, table, references, columns, keys in connection.execute(_FOREIGN_KEYS)
    ]


def _tables(connection: Connection) -> list[Table]:
    columns: dict[int, list[Column]] = defaultdict(list)
    for oid, name, type_, not_null, generated, category, base, labels, default, identity in connection.execute(
        _COLUMNS
    ):
        columns[oid].append(
            Column(
                name=name,
                type=type_,
                not_null=not_null,
                generated=generated,
                category=category,
                base_type=base,
                labels=labels,
                default=default,
                identity=identity,
            )
        )
    primary_keys: dict[int, list[str]] = {}
    uniques: dict[int, list[list[str]]] = defaultdict(list)
    exclusions: dict[int, list[list[str]]] = defaultdict(list)
    partial: dict[int, list[PartialKey]] = defaultdict(list)
    nulls_equal: dict[int, list[list[str]]] = defaultdict(list)
    for oid, is_primary, excludes, key, predicate, equates_nulls in connection.execute(_INDEXES):
        if is_primary:
            primary_keys[oid] = key
        elif not excludes:
            uniques[oid].append(key)
        if excludes:  # so may a primary key be: WITHOUT OVERLAPS
            exclusions[oid].append(key)
        if equates_nulls:
            nulls_equal[oid].append(key)
        if predicate:
            partial[oid].append(PartialKey(columns=key, where=predicate))
    checks: dict[int, list[Check]] = defaultdict(list)
    for oid, name, sql, over in connection.execute(_CHECKS):
        checks[oid].append(Check(name=name, sql=sql, columns=over))
    partition_keys: dict[int, list[str]] = defaultdict(list)
    for oid, part in connection.execute(_PARTITION_KEYS):
        partition_keys[oid].append(part)
    partition_of: dict[int, list[str]] = defaultdict(list)
    for oid, above in connection.execute(_PARTITIONS):
        partition_of[oid].append(above)
    return [
        Table(
            oid=oid,
            schema_name=schema,
            name=name,
            columns=columns.get(oid, []),
            primary_key=primary_keys.get(oid, []),
            uniques=uniques.get(oid, []),
            nulls_equal=nulls_equal.get(oid, []),
            partial=partial.get(oid, []),
            checks=checks.get(oid, []),
            exclusions=exclusions.get(oid, []),
            partition_key=partition_keys.get(oid, []),
            partition_of=partition_of.get(oid, []),
        )
        for oid, schema, name in connection.execute(_TABLES)
    ]


def _names(connection: Connection, query: str) -> list[str]:
    return [name for (name,) in connection.execute(query)]
