"""A Django superuser that somebody knows the password of."""

import secrets
import string
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from etna_pipelines.django_password import django_hash
from etna_pipelines.environments.fixup_spec import Superuser
from etna_pipelines.environments.fixups.sequences import advance_sequences
from etna_pipelines.environments.fixups.tables import Connection, Tables
from etna_pipelines.errors import FixUpFailed
from etna_pipelines.private_file import made_once

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

_AT_FIRST = ("first_name", "last_name", "date_joined")
"""What Django's own table needs for a user that is new."""


def password_of(target: "Environment", home: Path) -> str:
    """What settings and variables give; else made up once, and kept where only we can read it."""
    if target.superuser_password is not None:
        return target.superuser_password
    return made_once(home / "superusers" / target.kind, lambda: secrets.token_urlsafe(18)).strip()


def make_superuser(connection: Connection, tables: Tables, superuser: Superuser, password: str) -> None:
    """Make the user, or bring it up to date: who it is told by its `username`, or `email` in tables without that."""
    table = tables.find(superuser.table)
    columns = table.columns(connection)
    if unknown := superuser.columns.keys() - columns.keys():
        raise FixUpFailed(f"{table.label} has no column `{min(unknown)}`: correct `columns` of `superuser`.")
    key = next((name for name in ("username", "email") if name in columns), None)
    if key is None or "password" not in columns:
        raise FixUpFailed(f"{table.label} has no `username` or `email`, or no `password`: it is no table of users.")
    salt = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(22))
    wanted = {
        **{"username": superuser.username, "email": superuser.email, "password": django_hash(password, salt)},
        **{"is_active": True, "is_staff": True, "is_superuser": True},
        **superuser.columns,
    }
    values = {name: value for name, value in wanted.items() if name in columns}
    changes = [sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()]
    update = sql.SQL("UPDATE {} SET {} WHERE {} = {}").format(
        table.identifier, sql.SQL(", ").join(changes), sql.Identifier(key), sql.Literal(values[key])
    )
    if connection.execute(update).rowcount:
        return
    values = {name: sql.SQL("now()") if name == "date_joined" else "" for name in _AT_FIRST if name in columns} | values
    if missing := [name for name, column in columns.items() if column.must_be_given and name not in values]:
        raise FixUpFailed(
            f"a row of {table.label} needs {', '.join(missing)}: say what under `columns` of `superuser`."
        )
    advance_sequences(connection, [table])
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    given = sql.SQL(", ").join([sql.SQL("{}").format(value) for value in values.values()])
    connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table.identifier, names, given))
