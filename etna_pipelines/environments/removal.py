"""A feature environment taken away: its databases and the roles that pushes to it made, by their exact names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from etna_pipelines.environments import filling
from etna_pipelines.environments.guard import refuse_production
from etna_pipelines.environments.history import serving_of
from etna_pipelines.environments.naming import belongs_to, previous_name
from etna_pipelines.environments.target import alone
from etna_pipelines.errors import RemovalFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import Database, reason

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

MADE = r"[0-9]{8}t[0-9]{12}z-[0-9a-f]{6}$"
"""What a name made for one push ends in; naming.py says whose it is."""


@dataclass(frozen=True)
class Belongings:
    """What a server has of an environment."""

    databases: list[str]
    roles: list[str]

    def __bool__(self) -> bool:
        return bool(self.databases or self.roles)


def remove(target: "Environment", production: Database, refuse: Callable[[], None]) -> Belongings:
    """Drop the database of a feature environment, its previous, new and retired ones and their roles, ending all
    sessions; returns what there was. Once more does nothing. `refuse` is asked while no push can work on it, and raises
    where it has to stay.

    Raises LockHeld while a step of a push works on it, PushRefused where it turns out to be production, RemovalFailed:
    what was dropped until then is gone."""
    live = target.database
    with alone(target) as lock:
        server = lock.connection
        refuse()
        reached(FaultPoint.REMOVAL_BEGUN)
        try:
            refuse_production(server, target, production)
            found = belongings(server, [live.name])[live.name]
            for name in found.databases:
                filling.drop(server, name)
                reached(FaultPoint.REMOVAL_DATABASE_DROPPED)
            for name in found.roles:
                server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise RemovalFailed(
                f"{live.label} could not be removed whole ({reason(error)}): see to that, then run "
                f"`etna test remove {target.name.removeprefix('test/')}`."
            ) from None
    return found


def belongings(connection: Connection, lives: Sequence[str]) -> dict[str, Belongings]:
    """What a server has of each of these environments, by the names of the databases that serve them."""
    served = [name for live in lives for name in (live, previous_name(live))]
    databases = connection.execute(
        "SELECT datname FROM pg_database WHERE datname = ANY(%s) OR datname ~ %s ORDER BY 1", [served, MADE]
    ).fetchall()
    roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ %s ORDER BY 1", [MADE]).fetchall()
    return {
        live: Belongings(
            [name for (name,) in databases if belongs_to(live, name)],
            [name for (name,) in roles if belongs_to(live, name)],
        )
        for live in lives
    }


def environments_on(connection: Connection) -> dict[str, str]:
    """The databases of a server whose comments say which environment they are, and that."""
    comments = connection.execute("SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database").fetchall()
    holds = {name: serving_of(comment) for name, comment in comments}
    return {name: each.environment for name, each in holds.items() if each and each.environment}
