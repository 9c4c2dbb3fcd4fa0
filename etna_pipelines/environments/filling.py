"""The database that a push fills: created private, dropped on any failure, filled as a role that is no superuser."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from psycopg import sql

from etna_pipelines.environments.naming import Purpose, is_name_for, push_of
from etna_pipelines.environments.preflight import FILLING, Ground, restored_bytes
from etna_pipelines.postgres.handover import Connection, set_comment
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import Manifest, new_id

ROLES: Mapping[Purpose, Purpose] = {"new": "restorer", "rehearsal": "rehearser"}
"""What databases are made for, and the roles that fill them."""
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def create(name: str, ground: Ground, manifest: Manifest) -> None:
    """With the locale of the live database and the encoding of the data; nobody but its owner may connect."""
    options = [
        sql.SQL("OWNER {}").format(sql.Identifier(ground.owner)),
        sql.SQL("ENCODING {}").format(manifest.source.encoding),
    ]
    if live := ground.live:
        options += [
            sql.SQL("LOCALE_PROVIDER {}").format(sql.SQL(PROVIDERS[live.provider])),
            sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(live.collate, live.ctype),
        ]
        if live.tablespace != "pg_default":  # naming the default one takes a privilege that ordinary roles lack
            options.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(live.tablespace)))
        if live.locale:
            locale = "ICU_LOCALE {}" if live.provider == "i" else "BUILTIN_LOCALE {}"
            options.append(sql.SQL(locale).format(live.locale))
    database = sql.Identifier(name)
    made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(database, sql.SQL(" ").join(options))
    ground.server.execute(made)
    ground.server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    set_comment(ground.server, name, f"{FILLING}{restored_bytes(manifest)}")


@contextmanager
def restorer(database: Database, ground: Ground, role: str) -> Iterator[Database]:
    """`database`, reached so that everything made in it belongs to its owner and nothing in it can become superuser.

    SET ROLE is no protection for a superuser's session (an archive's code could RESET it): then a role of this push
    alone logs in, a member of the owner and nothing else."""
    as_owner = replace(database, options=_with_role(database.options, ground.owner))
    if not ground.superuser:
        yield database if database.user == ground.owner else as_owner
        return
    password = secrets.token_urlsafe(24)
    _create_role(ground.server, role, ground.owner, password)
    try:
        yield replace(as_owner, user=role, password=password)
    finally:
        ground.server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def left_behind(connection: Connection, live: str, purpose: Purpose, before: datetime | None = None) -> list[str]:
    """The databases that earlier pushes to `live` made for a purpose; with a moment, of pushes that began before it."""
    until = new_id(before).lower() if before else None
    names = [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY 1")]
    pushes = {name: push for name in names if (push := push_of(purpose, live, name))}
    return [name for name, push in pushes.items() if until is None or push < until]


def sweep(connection: Connection, live: str, purpose: Purpose, before: datetime | None = None) -> None:
    """Drop what was left behind, and the roles that went with it where that is all."""
    for name in left_behind(connection, live, purpose, before):
        drop(connection, name)
    if before:
        return
    if role := ROLES.get(purpose):
        for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall():
            if is_name_for(role, live, name):
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def drop(connection: Connection, name: str) -> None:
    """Drop a database, if it exists, ending what sessions a killed push left on it."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create_role(connection: Connection, role: str, owner: str, password: str) -> None:
    """The server gets a verifier, so that no log of statements can hold the password."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    name = sql.Identifier(role)
    with connection.transaction():
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))  # where a killed step left it
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, verifier))
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), name))


def _with_role(options: tuple[tuple[str, str], ...], role: str) -> tuple[tuple[str, str], ...]:
    """Connection options that make a session begin as a role, which RESET ROLE comes back to."""
    given = dict(options)
    escaped = role.replace("\\", "\\\\").replace(" ", "\\ ")
    given["options"] = f"{given.get('options', '')} -c role={escaped}".strip()
    return tuple(given.items())
