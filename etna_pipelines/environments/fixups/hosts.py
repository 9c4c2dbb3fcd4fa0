"""Host names: of Wagtail's and Django's sites, and inside texts and JSON."""

import re
from collections.abc import Mapping, Sequence

from psycopg import sql

from etna_pipelines.environments.fixups.in_order import in_order
from etna_pipelines.environments.fixups.tables import Connection, Table, Tables

# A host stands alone: no part of a longer one, nor of an e-mail address. In JSON it may follow an escaped newline.
# What stands before it is taken along: to look behind is twenty times slower.
_BEFORE, _AFTER = r"(^|[^\w.@-]|\\[nrt])", r"(?![\w-])(?!\.\w)"


def rewrite_sites(connection: Connection, tables: Tables, hosts: Mapping[str, str]) -> None:
    """Give the sites their new host names, and Wagtail's their port where there is one (`localhost:8000`)."""
    steps = in_order({old.lower(): new for old, new in hosts.items()}, key=lambda new: _host(new).lower())
    for table in tables.named("wagtailcore_site"):
        with_port = {"hostname", "port"} <= table.columns(connection).keys()
        for old, new in steps if with_port else []:
            change = sql.SQL(
                "UPDATE {} SET hostname = %s, port = coalesce(%s, port) WHERE lower(hostname) = %s"
            ).format(table.identifier)
            connection.execute(change, [_host(new), _port(new), old])
    for table in tables.named("django_site"):
        for column in [name for name in ("domain", "name") if name in table.columns(connection)]:
            _rewrite(connection, table, column, steps)


def rewrite_column(connection: Connection, tables: Tables, column_name: str, changes: Mapping[str, str]) -> None:
    """Change the values of a column, each as a whole."""
    table, column = tables.column(connection, column_name)
    for old, new in in_order(changes):
        # As literals of no type yet: they become what the column is.
        change = sql.SQL("UPDATE {} SET {column} = {new} WHERE {column} = {old}").format(
            table.identifier, column=sql.Identifier(column.name), old=sql.Literal(old), new=sql.Literal(new)
        )
        connection.execute(change)


def rewrite_inside(connection: Connection, tables: Tables, column_name: str, hosts: Mapping[str, str]) -> None:
    """Replace the host names wherever they stand in a column of text or JSON."""
    steps = in_order({old.lower(): new for old, new in hosts.items()}, key=lambda new: _host(new).lower())
    if not steps:
        return
    table, column = tables.column(connection, column_name)
    text = sql.SQL('({}::text COLLATE "C")').format(sql.Identifier(column.name))
    changed: sql.Composable = text
    for old, new in steps:
        changed = sql.SQL("regexp_replace({}, {}, {}, 'gi')").format(
            changed, sql.Literal(_pattern(old, new)), sql.Literal(rf"\1{new}")
        )
    update = sql.SQL("UPDATE {} SET {} = ({})::{} WHERE {} ILIKE ANY ({})").format(
        table.identifier,
        sql.Identifier(column.name),
        changed,
        sql.SQL(column.type),
        text,
        sql.Literal([f"%{old}%" for old in hosts]),  # which is many times faster, and finds rather too much
    )
    connection.execute(update)


def _rewrite(connection: Connection, table: Table, column: str, steps: Sequence[tuple[str, str]]) -> None:
    for old, new in steps:
        change = sql.SQL("UPDATE {} SET {column} = %s WHERE lower({column}) = %s").format(
            table.identifier, column=sql.Identifier(column)
        )
        connection.execute(change, [new, old])


def _pattern(old: str, new: str) -> str:
    """What becomes `new`: with its port where `new` has one; a placeholder as it is."""
    if old.startswith("\x01"):
        return f"(){old}"
    return f"{_BEFORE}{re.escape(old)}{r'(?::[0-9]+)?' if _port(new) else ''}{_AFTER}"


def _host(new: str) -> str:
    return new.partition(":")[0]


def _port(new: str) -> int | None:
    port = new.partition(":")[2]
    return int(port) if port else None
