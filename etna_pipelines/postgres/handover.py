"""What belongs to a database's name rather than to its data: who may connect, settings, connection limit, comment.

A rename leaves all of it with the renamed database, so it is handed over to the one that takes the name.
"""

import re
from collections.abc import Mapping

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from etna_pipelines.errors import SwapFailed
from etna_pipelines.postgres.server import reason

Connection = psycopg.Connection[TupleRow]
SettingKey = tuple[str | None, str]
"""The role a setting is for (None for everybody), and the setting's name."""

PUBLIC = "PUBLIC"

# Settings that Postgres keeps as a list of quoted identifiers (GUC_LIST_QUOTE): each element is a value of its own.
LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}

PRIVILEGES = """
    SELECT CASE WHEN acl.grantee = 0 THEN NULL WHEN acl.grantee = datdba THEN '' ELSE rolname END,
           acl.privilege_type, acl.is_grantable
      FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS acl
      LEFT JOIN pg_roles ON pg_roles.oid = acl.grantee
     WHERE datname = %s AND (acl.grantee = 0 OR rolname IS NOT NULL)
     ORDER BY 1, 2, 3"""

SETTINGS = """
    SELECT rolname, unnest(setconfig)
      FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
      LEFT JOIN pg_roles ON pg_roles.oid = setrole
     WHERE datname = %s AND (setrole = 0 OR rolname IS NOT NULL)"""


def hand_over(connection: Connection, giver: str, receiver: str, *, comment: bool = True) -> None:
    """Give `receiver` the privileges, settings and connection limit of `giver`; with `comment`, for a new database,
    its comment too unless it has its own: one that served before says itself what it is.

    Runs in the caller's transaction. The owner's own privileges go to the receiver's owner. Raises SwapFailed for a
    setting that this role may not set."""
    _privileges(connection, giver, receiver)
    _settings(connection, giver, receiver)
    _connection_limit(connection, giver, receiver)
    if comment and not comment_of(connection, receiver):
        set_comment(connection, receiver, comment_of(connection, giver))


def comment_of(connection: Connection, database: str) -> str | None:
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    return row[0] if row else None


def set_comment(connection: Connection, database: str, comment: str | None) -> None:
    connection.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(comment or None))
    )


def _privileges(connection: Connection, giver: str, receiver: str) -> None:
    wanted = connection.execute(PRIVILEGES, [giver]).fetchall()
    held = connection.execute(PRIVILEGES, [receiver]).fetchall()
    if wanted == held:
        return
    owner = _owner(connection, receiver)
    database = sql.Identifier(receiver)
    for role in {role for role, _, _ in held}:
        statement = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE").format(database, _grantee(role, owner))
        connection.execute(statement)
    for role, privilege, grantable in wanted:
        option = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        statement = sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(privilege), database, _grantee(role, owner), option
        )
        connection.execute(statement)


def _owner(connection: Connection, database: str) -> str:
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
    row = connection.execute(query, [database]).fetchone()
    return str(row[0]) if row else ""


def _grantee(role: str | None, owner: str) -> sql.Composable:
    """As PRIVILEGES names them: nobody for everybody, an empty name for the owner, whoever that is."""
    return sql.SQL(PUBLIC) if role is None else sql.Identifier(role or owner)


def _connection_limit(connection: Connection, giver: str, receiver: str) -> None:
    row = connection.execute("SELECT datconnlimit FROM pg_database WHERE datname = %s", [giver]).fetchone()
    if row:
        statement = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(sql.Identifier(receiver), row[0])
        connection.execute(statement)


def _settings(connection: Connection, giver: str, receiver: str) -> None:
    """Only what differs is touched: a superuser's setting that both have needs no privilege to stay."""
    wanted, held = _read_settings(connection, giver), _read_settings(connection, receiver)
    for key in held.keys() - wanted.keys():
        _alter(connection, receiver, key, sql.SQL("RESET {}").format(_setting(key[1])))
    for key, value in wanted.items():
        if held.get(key) != value:
            _alter(connection, receiver, key, sql.SQL("SET {} = {}").format(_setting(key[1]), _value(key[1], value)))


def _read_settings(connection: Connection, database: str) -> Mapping[SettingKey, str]:
    settings: dict[SettingKey, str] = {}
    for role, setting in connection.execute(SETTINGS, [database]):
        name, _, value = setting.partition("=")
        settings[role, name] = value
    return settings


def _alter(connection: Connection, database: str, key: SettingKey, change: sql.Composable) -> None:
    role, name = key
    whom = sql.SQL("ROLE {} IN ").format(sql.Identifier(role)) if role else sql.SQL("")
    try:
        connection.execute(sql.SQL("ALTER {}DATABASE {} {}").format(whom, sql.Identifier(database), change))
    except psycopg.errors.InsufficientPrivilege as error:
        raise SwapFailed(
            f"The setting {name}{f' of role {role}' if role else ''} cannot be carried over to {database} "
            f"({reason(error)}), and the live database goes on serving: connect as a role that may set it, "
            "or take the setting away."
        ) from None


def _setting(name: str) -> sql.Composable:
    return sql.Identifier(*name.split("."))


def _value(name: str, value: str) -> sql.Composable:
    if name.lower() not in LISTS:
        return sql.Literal(value)
    elements = [quoted.replace('""', '"') if bare == "" else bare for quoted, bare in _elements(value)]
    return sql.SQL(", ").join(map(sql.Literal, elements))


def _elements(value: str) -> list[tuple[str, str]]:
    return re.findall(r'"((?:[^"]|"")*)"|([^,\s"]+)', value)
