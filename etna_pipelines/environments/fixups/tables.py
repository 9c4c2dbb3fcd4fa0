"""The tables and columns of a database that fix-ups name, and what they refer to."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from etna_pipelines.errors import FixUpFailed
from etna_pipelines.postgres.schema import IN_USER_SCHEMA
from etna_pipelines.yaml_file import did_you_mean, is_near_miss

Connection = psycopg.Connection[TupleRow]

PLAIN = """
    SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 3"""
"""Whatever is set for a database or its owner: no policy hides rows (an error, where one would), nothing is cut short,
and rows read and write alike."""

_TABLES = f"""
    SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND {IN_USER_SCHEMA} ORDER BY n.nspname <> 'public', n.nspname, c.relname"""

_COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, -1), t.typcategory, a.attgenerated <> '', a.attnotnull OR t.typnotnull,
           a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str
    category: str
    """As `pg_type.typcategory` says it: `S` for texts, `B` for booleans."""
    generated: bool
    not_null: bool
    has_default: bool

    @property
    def must_be_given(self) -> bool:
        return self.not_null and not self.has_default and not self.generated


@dataclass(frozen=True)
class Table:
    """A table of a database."""

    oid: int
    schema: str
    name: str

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def label(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    def columns(self, connection: Connection) -> dict[str, Column]:
        return {row[0]: Column(*row) for row in connection.execute(_COLUMNS, [self.oid])}


@dataclass(frozen=True)
class ForeignKey:
    """Rows of `table` refer to rows of `parent`; both as the oids of tables."""

    table: int
    parent: int
    name: str


@dataclass(frozen=True)
class Tables:
    """All tables of a database."""

    all: Sequence[Table]

    @classmethod
    def read(cls, connection: Connection) -> "Tables":
        return cls([Table(*row) for row in connection.execute(_TABLES)])

    def named(self, name: str) -> list[Table]:
        """The tables of a name, in every schema unless it names one."""
        schema, _, table = name.rpartition(".")
        return [known for known in self.all if known.name == table and schema in ("", known.schema)]

    def find(self, name: str) -> Table:
        """The one table that a setting names; of several the one in `public`. Raises FixUpFailed."""
        found = self.named(name)
        if not found:
            known = [known.label for known in self.all]
            hint = did_you_mean(name, known) if is_near_miss(name, known) else "correct the name."
            raise FixUpFailed(f"there is no table `{name}` in the snapshot; {hint}")
        if len(found) > 1 and found[0].schema != "public":
            raise FixUpFailed(f"there are several tables `{name}`: write its schema before it, `{found[0].label}`.")
        return found[0]

    def column(self, connection: Connection, name: str) -> tuple[Table, Column]:
        """The column that `table.column` names. Raises FixUpFailed."""
        table_name, _, column_name = name.rpartition(".")
        table = self.find(table_name)
        columns = table.columns(connection)
        if column_name not in columns:
            hint = did_you_mean(column_name, list(columns))
            raise FixUpFailed(f"there is no column `{column_name}` in {table.label}; {hint}")
        return table, columns[column_name]

    def labelled(self, oid: int) -> str:
        return next((table.label for table in self.all if table.oid == oid), "a table of another schema")


def foreign_keys(connection: Connection) -> list[ForeignKey]:
    """Every foreign key between two tables; those of partitions are their parent's."""
    query = "SELECT conrelid, confrelid, conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
    return [ForeignKey(*row) for row in connection.execute(query)]
