"""What an environment served before, swapped back in."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from etna_pipelines.environments import history
from etna_pipelines.environments.guard import refuse_production, refuse_snapshot
from etna_pipelines.environments.history import Push
from etna_pipelines.environments.naming import previous_name
from etna_pipelines.environments.target import alone, explained, recording
from etna_pipelines.errors import EtnaError, PushFailed, PushRefused
from etna_pipelines.postgres.handover import comment_of
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.swap import swap_back
from etna_pipelines.snapshots.manifest import new_id
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


def rollback(target: "Environment", *, production: Database, store: Store) -> Push:
    """Exchange what `target` serves and what it served before; a second rollback takes the first one back.

    Raises PushRefused where nothing was kept, SwapFailed, or PushFailed: the target serves what it served before."""
    started, clock, push_id = datetime.now(UTC), time.monotonic(), new_id()
    live, previous = target.database, previous_name(target.database.name)
    with alone(target), explained(target):
        refuse_production(target, production)
        with live.maintenance.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [previous]).fetchone():
                raise PushRefused(f"{live.label} has no previous database to roll back to: push a snapshot instead.")
            held = history.serving_of(comment_of(connection, previous))
        if held:
            refuse_snapshot(held.kind, held.snapshot, target)
        swapped = swap_back(live, previous)
        try:
            live.connect().close()
        except EtnaError as error:
            swap_back(live, previous)
            raise PushFailed(
                f"The previous database of {target.name} is not usable and was put back: {error}"
            ) from None
        serving = history.serving(live)
    done = Push(
        id=push_id,
        action="rollback",
        environment=target.name,
        snapshot=serving.snapshot if serving else None,
        kind=serving.kind if serving else None,
        rules=serving.rules if serving else None,
        started=started,
        seconds=time.monotonic() - clock,
        outage=swapped.outage,
        rows=0,
        previous=previous,
    )
    with recording(target.name, done.snapshot):
        history.record(store, done)
    return done
