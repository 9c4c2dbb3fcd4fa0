"""What the role that pushes must be allowed on a target's server, and the statement that allows it.

All of it is asked for before anything is made or anybody disconnected; deploy/roles/target.sql grants it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etna_pipelines.environments.naming import previous_name
from etna_pipelines.errors import PushRefused
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import server_major

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

MEMBERSHIP_OPTIONS = 16
"""From this major on a role may be a member of another one without its privileges, or without becoming it."""


@dataclass(frozen=True)
class Connected:
    """The role that we are on a server."""

    name: str
    superuser: bool
    may_create: bool
    """Databases."""
    may_signal: bool
    """End the sessions of every role that is no superuser."""


def connected_as(server: Connection) -> Connected:
    row = server.execute(
        "SELECT rolname, rolsuper, rolcreatedb, pg_has_role('pg_signal_backend', 'USAGE')"
        " FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return Connected(*row) if row else Connected("", False, False, False)


def refuse_lacking(server: Connection, target: "Environment", owner: str) -> None:
    """Raise PushRefused where the role that connects lacks what a push needs, or `owner` can't own what is restored."""
    me = connected_as(server)
    where = f"{target.database.host}:{target.database.port}"
    if not me.superuser and not me.may_create:
        raise PushRefused(f"Role {me.name} may not create databases on {where}: ALTER ROLE {me.name} CREATEDB.")
    _refuse_owner(server, target, owner, me)
    if me.superuser:
        return
    if not me.may_signal:
        raise PushRefused(
            f"Role {me.name} may not end the sessions that a swap has to end on {where}: "
            f"GRANT pg_signal_backend TO {me.name}."
        )
    _refuse_anothers_database(server, target, owner)
    _refuse_tablespace(server, target)


def _refuse_owner(server: Connection, target: "Environment", owner: str, me: Connected) -> None:
    becomes = "SET" if server_major(server) >= MEMBERSHIP_OPTIONS else "MEMBER"
    found = server.execute(
        "SELECT rolsuper, pg_has_role(oid, 'MEMBER'), pg_has_role(oid, 'USAGE'), pg_has_role(oid, %s)"
        " FROM pg_roles WHERE rolname = %s",
        [becomes, owner],
    ).fetchone()
    label = target.database.label
    if found is None:
        raise PushRefused(f"Role {owner}, the owner of {label}, does not exist: CREATE ROLE {owner}.")
    superuser, member, inherits, may_become = found
    if superuser:
        raise PushRefused(
            f"{label} would be owned by the superuser {owner}, and a restore runs its owner's code: "
            f"name an ordinary role as `owner` of {target.name} in environments.yaml."
        )
    if not member:
        raise PushRefused(f"Role {me.name} is no member of {owner}, who is to own {label}: GRANT {owner} TO {me.name}.")
    if not inherits:
        fix = (
            f"GRANT {owner} TO {me.name} WITH INHERIT TRUE"
            if server_major(server) >= MEMBERSHIP_OPTIONS
            else f"ALTER ROLE {me.name} INHERIT"
        )
        raise PushRefused(
            f"Role {me.name} is a member of {owner}, who is to own {label}, but not with its rights: {fix}."
        )
    if not may_become:
        raise PushRefused(
            f"Role {me.name} is a member of {owner}, who is to own {label}, but may not become it: "
            f"GRANT {owner} TO {me.name} WITH SET TRUE."
        )


def _refuse_anothers_database(server: Connection, target: "Environment", owner: str) -> None:
    """The swap renames what serves now, and what is kept of what served before."""
    names = [target.database.name, previous_name(target.database.name)]
    row = server.execute(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database"
        " WHERE datname = ANY(%s) AND NOT pg_has_role(datdba, 'USAGE') ORDER BY 1",
        [names],
    ).fetchone()
    if row:
        name, holder = row
        raise PushRefused(
            f"Database {name} on {target.database.host}:{target.database.port} is owned by {holder}, of whom "
            f"{target.database.user} is no member, so it can't be renamed: ALTER DATABASE {name} OWNER TO {owner}."
        )


def _refuse_tablespace(server: Connection, target: "Environment") -> None:
    """The new database goes where the live one is."""
    row = server.execute(
        "SELECT spcname FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace"
        " WHERE datname = %s AND spcname <> 'pg_default' AND NOT has_tablespace_privilege(t.oid, 'CREATE')",
        [target.database.name],
    ).fetchone()
    if row:
        raise PushRefused(
            f"Role {target.database.user} may not make databases in tablespace {row[0]}, where {target.database.label} "
            f"is: GRANT CREATE ON TABLESPACE {row[0]} TO {target.database.user}."
        )
