"""What an environment served before, swapped back in."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

from etna_pipelines.environments import history
from etna_pipelines.environments.guard import refuse_production, refuse_snapshot
from etna_pipelines.environments.history import Push, Serving
from etna_pipelines.environments.naming import previous_name
from etna_pipelines.environments.target import alone, exists, explained
from etna_pipelines.errors import EtnaError, PushFailed, PushRefused, StoreError
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.handover import comment_of
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.swap import swap_back
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


def rollback(target: "Environment", *, production: Database, store: Store, expected: str | None = None) -> Push:
    """Exchange what `target` serves and what it served before; a second rollback takes the first one back. `expected`:
    only if the push of that id is what serves now.

    Raises PushRefused where nothing was kept, SwapFailed, StoreError, or PushFailed: the target serves what it served
    before."""
    live, previous = target.database, previous_name(target.database.name)
    with alone(target) as lock, explained(target):
        server = lock.connection
        refuse_production(server, target, production)
        if not exists(live.named(previous)):
            raise PushRefused(f"{live.label} has no previous database to roll back to: push a snapshot instead.")
        held = history.serving_of(comment_of(server, previous))
        serving = history.serving_of(comment_of(server, live.name))
        if expected and (serving is None or serving.push != expected):
            raise PushRefused(f"{target.name} is not rolled back: it does not serve the push {expected} any more.")
        if held:
            refuse_snapshot(held.kind, held.snapshot, target)
        done = Push(
            id=history.next_id(store, target.name, *([serving.push] if serving else [])),
            action="rollback",
            environment=target.name,
            snapshot=held.snapshot if held else None,
            kind=held.kind if held else None,
            rules=held.rules if held else None,
            started=datetime.now(UTC),
            seconds=0,
            outage=0,
            rows=0,
            previous=previous,
            version=history.version_of(store, target.name, held.push) if held else None,
            holds=held.push if held else None,
        )
        with _recorded(store, done, target, held):
            outage = _swapped(target, previous)
            reached(FaultPoint.ROLLBACK_SWAPPED)
        done = done.model_copy(update={"outage": outage, "seconds": (datetime.now(UTC) - done.started).total_seconds()})
        with suppress(StoreError):  # only how long it took is missing
            history.record(store, done)
    return done


@contextmanager
def _recorded(store: Store, done: Push, target: "Environment", held: Serving | None) -> Iterator[None]:
    """Kept before it is done, as whoever repeats a rollback whose record is missing would take it back; and forgotten
    where it was not done after all."""
    history.record(store, done)
    reached(FaultPoint.ROLLBACK_RECORDED)
    try:
        yield
    except BaseException:
        with suppress(EtnaError, psycopg.Error):
            if history.serving(target.database) != held:
                history.forget(store, done)
        raise


def _swapped(target: "Environment", previous: str) -> float:
    """Swap, see that what serves now can be reached, and return how long new connections waited, in seconds."""
    outage = swap_back(target.database, previous).outage
    try:
        target.database.connect().close()
    except EtnaError as error:
        swap_back(target.database, previous)
        raise PushFailed(f"The previous database of {target.name} is not usable and was put back: {error}") from None
    return outage
