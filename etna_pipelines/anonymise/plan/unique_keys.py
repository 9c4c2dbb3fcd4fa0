"""What keeps a table's rows apart: its primary key, unique constraints and unique indexes."""

import re

from etna_pipelines.snapshots.manifest import Table

_FOLDED = re.compile(r"(?:lower|upper|btrim|ltrim|rtrim)\(")
_CAST = re.compile(r"::[\w ]+(?:\(\d+\))?")


def is_unique(table: Table, column: str) -> bool:
    """Whether a key of the table names the column, alone or with others."""
    return any(names(part, column) for key in keys(table) for part in key)


def keys(table: Table) -> list[list[str]]:
    """The parts of every key: columns, and the SQL of expressions. Generated columns stand as what they are made of."""
    listed = [table.primary_key, *table.uniques] if table.primary_key else table.uniques
    return [plain(table, key) for key in listed]


def plain(table: Table, key: list[str]) -> list[str]:
    """A key's parts, generated columns as what they are made of."""
    made_of = {column.name: column.default for column in table.columns if column.generated}
    return [made_of.get(part, part) for part in key]


def made_from(table: Table, column: str) -> list[str]:
    """The generated columns that change when the column does."""
    return [each.name for each in table.columns if each.generated and names(each.default, column)]


def names(sql: str, column: str) -> bool:
    """Whether an SQL expression names the column, or is it."""
    return sql == column or bool(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", sql))


def folded(part: str) -> str:
    """`lower((email)::text)` as `email`: what is apart without regard to case and outer spaces is apart there too."""
    bare = _CAST.sub("", _FOLDED.sub("(", part)) if _FOLDED.match(part) else part
    return re.sub(r'^[("]+|[)"]+$', "", bare) if bare != part else part
