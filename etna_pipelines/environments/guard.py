"""What no push or rollback may do: write to production, or bring a full snapshot where only stripped ones may go.

Production is known by its address, by what its server says of itself (a server has many addresses) and by the mark that
people may leave in its comment. It is asked for when a push begins and again right before its swap."""

from collections.abc import Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from etna_pipelines.environments.history import is_marked_production, serving_of
from etna_pipelines.environments.naming import belongs_to
from etna_pipelines.errors import EtnaError, PushRefused
from etna_pipelines.postgres.handover import Connection, comment_of
from etna_pipelines.postgres.server import Database, system_identifier
from etna_pipelines.snapshots.manifest import Kind, Source, time_of

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}


def refuse_snapshot(kind: Kind, id_: str, target: "Environment") -> None:
    """Raise PushRefused where the target may not hold a snapshot: a full one only where that is declared, and for as
    long as it may."""
    what = f"The {kind} snapshot {id_} does not go to {target.name}"
    if target.snapshot is None:
        raise PushRefused(f"{what}, which takes no snapshots.")
    if kind == "full" and target.snapshot != "full":
        raise PushRefused(f"{what}, which may only hold stripped ones: push a stripped snapshot.")
    expired = expires(kind, id_, target)
    if expired and expired <= datetime.now(UTC):
        raise PushRefused(f"{what}, which may have held it until {expired:%d %B %Y}: push a newer one.")


def expires(kind: Kind, id_: str, target: "Environment") -> datetime | None:
    """Until when the target may hold a snapshot; None for always. Counted from when the data was taken: an old copy of
    people's data gets no younger by being pushed again."""
    taken = time_of(id_) if kind == "full" else None
    return taken + target.expires_after if taken and target.expires_after is not None else None


def refuse_production(
    server: Connection, target: "Environment", production: Database | None, source: Source | None = None
) -> None:
    """Raise PushRefused where work on `target`, on whose server we are, would touch production: its database, or one of
    the names that pushes to it take (`..._previous`). Also where its database says that it is another environment's.

    Production need not be up for a push: then, and where it is not even to be asked (None), it is what a snapshot says
    of its `source`."""
    database = target.database
    touched = production if production and belongs_to(database.name, production.name) else None
    if touched and _address(database) == _address(touched):
        raise _refusal(target, f"{touched.label} is production itself")
    refuse_marked(server, target)
    _refuse_anothers(server, target)
    here = server_identity(server)
    if touched and here & _identity_of(touched):
        raise _refusal(target, f"{database.label} is production itself under another address")
    if source and belongs_to(database.name, source.database) and source.system_identifier in here:
        raise _refusal(
            target, f"{database.label} is production itself under another address (or a copy of its whole server)"
        )


def refuse_server_of(production: Database, server: Connection, target: "Environment", source: Source) -> None:
    """Raise PushRefused where we are on production's own server, by whatever name: for work that would only be a burden
    there. Where production does not answer, it is what a snapshot says of its `source`."""
    here = server_identity(server)
    same_address = _address(production) == _address(target.database)
    if same_address or source.system_identifier in here or here & _identity_of(production):
        raise _refusal(target, f"{target.database.host}:{target.database.port} is production's own server")


def refuse_marked(connection: Connection, target: "Environment") -> None:
    """Raise PushRefused where people marked the target as production."""
    if is_marked_production(comment_of(connection, target.database.name)):
        raise _refusal(
            target, f"{target.database.label} is marked as production by its comment, and nothing may replace it"
        )


def _refuse_anothers(connection: Connection, target: "Environment") -> None:
    """Raise PushRefused where the target's database says that it is another environment's."""
    holds = serving_of(comment_of(connection, target.database.name))
    if holds and holds.environment not in (None, target.name):
        raise PushRefused(
            f"{target.database.label} serves {holds.environment}: correct the database of {target.name} in "
            "environments.yaml, or drop that one if it is not needed any more."
        )


def server_identity(connection: Connection) -> Set[str]:
    """What only this server says of itself: the number it was born with and the microsecond it was started in. Any role
    may ask for the second one."""
    rows = connection.execute("SELECT pg_postmaster_start_time()::timestamptz(6) AT TIME ZONE 'UTC'").fetchall()
    return {str(started) for (started,) in rows} | ({system_identifier(connection)} - {""})


def _identity_of(production: Database) -> Set[str]:
    try:
        connection = production.connect()  # as a role that may read production, and perhaps nothing beside it
    except EtnaError:
        return set()
    with connection:
        return server_identity(connection)


def _address(database: Database) -> tuple[str, int]:
    host = database.host.lower().rstrip(".")
    return "localhost" if host in LOCAL_HOSTS else host, database.port


def _refusal(target: "Environment", why: str) -> PushRefused:
    return PushRefused(f"{why}: correct the database of {target.name} in environments.yaml.")
