"""A database as a copy of another one's files: CREATE DATABASE with a template.

The files are copied (FILE_COPY), which takes half the time of logging every page (WAL_LOG) and no WAL. It makes the
server write out what it holds in memory, twice: on one that writes all the time it takes a third longer than WAL_LOG,
and holds others up less. From Postgres 18 on, a file system that can share blocks (xfs, btrfs) shares them; any other
copies them, a tenth slower than the server itself does.
"""

import psycopg
from psycopg import sql

from etna_pipelines.errors import PushFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import Database, server_major

SHARES_BLOCKS = 18
"""The first major with the setting file_copy_method."""


def clone(template: Database, name: str, *, owner: str) -> Database:
    """Make the database `name`, beside `template` and in all but privileges, settings and comment its like: encoding,
    locale and tablespace too. Nobody but its owner may connect.

    Whoever connects needs CREATEDB and to be a member of the role `owner`, which owns the template too; no superuser.
    Raises PushFailed where the template is gone, in use or another's."""
    made = sql.Identifier(name)
    with template.maintenance.connect() as connection:
        _share_blocks(connection)
        try:
            connection.execute(
                # Closed until PUBLIC may not connect any more.
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER {} ALLOW_CONNECTIONS false").format(
                    made, sql.Identifier(template.name), sql.Identifier(owner)
                )
            )
        except (
            psycopg.errors.InvalidCatalogName,
            psycopg.errors.ObjectInUse,
            psycopg.errors.InsufficientPrivilege,
        ) as error:
            raise PushFailed(f"{template.label} cannot be cloned: {_explain(error, owner)}.") from None
        reached(FaultPoint.CLONE_CREATED)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(made))
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(made))
    return template.named(name)


def _share_blocks(connection: Connection) -> None:
    if server_major(connection) < SHARES_BLOCKS:
        return
    try:
        connection.execute("SET file_copy_method = clone")
    except psycopg.errors.InvalidParameterValue:  # built for a system that has no such call
        return


def _explain(error: psycopg.Error, owner: str) -> str:
    if isinstance(error, psycopg.errors.InvalidCatalogName):
        return "it was dropped meanwhile; push again"
    if isinstance(error, psycopg.errors.ObjectInUse):
        return "sessions are open on it; end them, then push again"
    return f"the role that pushes needs CREATEDB and to be a member of {owner}, who has to own it"
