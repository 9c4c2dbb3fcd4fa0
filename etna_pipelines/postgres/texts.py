"""SQL of a schema that may quote a value: comments, defaults, views, functions ... by what it is.

A masked column helps nobody while a comment or a CHECK still holds the address that was masked.
"""

import psycopg
from psycopg.rows import TupleRow

_USER = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


def _own(catalogue: str, oid: str) -> str:
    """The object is no member of an extension, whose script makes it anywhere alike."""
    return (
        f"NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalogue}'::regclass "
        f"AND e.objid = {oid} AND e.deptype = 'e')"
    )


_THIS_DATABASE = "(SELECT oid FROM pg_database WHERE datname = current_database())"

# pg_identify_object() always qualifies; initdb's own comments have low oids, save the public schema's.
_COMMENTS = f"""
    SELECT 'comment on ' || replace(o.type, 'table column', 'column') || ' ' || o.identity, d.description
    FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass AND d.description <> 'standard public schema')
      AND NOT (d.classoid = 'pg_namespace'::regclass AND d.objoid < 16384 AND o.identity ~ '^(pg_|information_schema)')
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')
    UNION ALL
    SELECT 'comment on database', description FROM pg_shdescription
    WHERE classoid = 'pg_database'::regclass AND objoid = {_THIS_DATABASE}
"""

_SECURITY_LABELS = "SELECT 'security label on ' || objtype || ' ' || objname, label FROM pg_seclabels"

_DEFAULTS = f"""
    SELECT CASE WHEN a.attgenerated = '' THEN 'default of ' ELSE 'generation of ' END
           || n.nspname || '.' || c.relname || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attrdef d
    JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_USER} AND {_own("pg_class", "c.oid")}
"""

_CHECKS = f"""
    SELECT 'check constraint ' || k.conname || ' on ' || n.nspname || '.' || coalesce(c.relname, t.typname),
           pg_get_constraintdef(k.oid)
    FROM pg_constraint k
    LEFT JOIN pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_type t ON t.oid = k.contypid
    JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE k.contype = 'c' AND {_USER} AND {_own("pg_class", "c.oid")} AND {_own("pg_type", "t.oid")}
"""

# Whole definitions: the names of indexes have quoted values too.
_INDEXES = f"""
    SELECT 'index ' || n.nspname || '.' || c.relname, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_USER} AND {_own("pg_class", "i.indrelid")}
"""

_VIEWS = f"""
    SELECT CASE c.relkind WHEN 'v' THEN 'view ' ELSE 'materialised view ' END || n.nspname || '.' || c.relname,
           pg_get_viewdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND {_USER} AND {_own("pg_class", "c.oid")}
"""

_RULES = f"""
    SELECT 'rule ' || r.rulename || ' on ' || n.nspname || '.' || c.relname, pg_get_ruledef(r.oid)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.rulename <> '_RETURN' AND {_USER} AND {_own("pg_class", "c.oid")}
"""

_FUNCTIONS = f"""
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END || p.oid::regprocedure,
           pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind <> 'a' AND {_USER} AND {_own("pg_proc", "p.oid")}
    UNION ALL
    SELECT 'initial value of aggregate ' || p.oid::regprocedure, concat_ws(' ', a.agginitval, a.aggminitval)
    FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE coalesce(a.agginitval, a.aggminitval) IS NOT NULL AND {_USER} AND {_own("pg_proc", "p.oid")}
"""

_ENUMS = f"""
    SELECT 'enum ' || n.nspname || '.' || t.typname, string_agg(e.enumlabel, E'\\n' ORDER BY e.enumsortorder)
    FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE {_USER} AND {_own("pg_type", "t.oid")}
    GROUP BY n.nspname, t.typname
"""

_PARTITIONS = f"""
    SELECT 'partition bound of ' || n.nspname || '.' || c.relname, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpartbound IS NOT NULL AND c.relkind NOT IN ('i', 'I') AND {_USER} AND {_own("pg_class", "c.oid")}
    UNION ALL
    SELECT 'partition key of ' || n.nspname || '.' || c.relname, pg_get_partkeydef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'p' AND {_USER} AND {_own("pg_class", "c.oid")}
"""

_POLICIES = f"""
    SELECT 'policy ' || p.polname || ' on ' || n.nspname || '.' || c.relname,
           concat_ws(E'\\n', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_USER} AND {_own("pg_class", "c.oid")}
"""

_TYPE_DEFAULTS = f"""
    SELECT 'default of type ' || n.nspname || '.' || t.typname, t.typdefault
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typdefault IS NOT NULL AND {_USER} AND {_own("pg_type", "t.oid")}
"""

_TRIGGERS = f"""
    SELECT 'trigger ' || t.tgname || ' on ' || n.nspname || '.' || c.relname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND {_USER} AND {_own("pg_class", "c.oid")}
"""

_STATISTICS = f"""
    SELECT 'statistics ' || n.nspname || '.' || s.stxname, pg_get_statisticsobjdef(s.oid)
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
    WHERE {_USER} AND {_own("pg_statistic_ext", "s.oid")}
"""

_DICTIONARIES = f"""
    SELECT 'text search dictionary ' || n.nspname || '.' || d.dictname, d.dictinitoption
    FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace
    WHERE d.dictinitoption IS NOT NULL AND {_USER} AND {_own("pg_ts_dict", "d.oid")}
"""

_SETTINGS = f"""
    SELECT 'setting of ' || coalesce('role ' || r.rolname || ' in ', '') || 'the database: ' || split_part(x, '=', 1), x
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) x
    WHERE s.setdatabase = {_THIS_DATABASE}
"""

KINDS = (
    _COMMENTS,
    _SECURITY_LABELS,
    _DEFAULTS,
    _CHECKS,
    _INDEXES,
    _VIEWS,
    _RULES,
    _FUNCTIONS,
    _ENUMS,
    _PARTITIONS,
    _POLICIES,
    _TYPE_DEFAULTS,
    _TRIGGERS,
    _STATISTICS,
    _DICTIONARIES,
    _SETTINGS,
)


def read_texts(connection: psycopg.Connection[TupleRow]) -> dict[str, str]:
    """Every text of the schema that may quote a value. With an empty search_path its names are qualified."""
    return {what: text for query in KINDS for what, text in connection.execute(query) if text}
