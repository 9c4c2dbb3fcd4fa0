"""Full copies that an environment may not hold any longer.

Where one is served, a stripped snapshot is pushed in its place: push_steps.py does that. What is kept for a rollback,
and what killed pushes left behind, is dropped here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from etna_pipelines.environments import filling, history
from etna_pipelines.environments.guard import expires, refuse_production
from etna_pipelines.environments.history import Push, Serving
from etna_pipelines.environments.naming import Purpose, previous_name
from etna_pipelines.environments.target import alone, explained, sweep
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

UNDER_WAY = timedelta(days=1)
"""How long a push or a rehearsal may take: what older ones left half done is none any more."""
LEFT_BEHIND: tuple[Purpose, ...] = ("new", "retired", "rehearsal")


@dataclass(frozen=True)
class FullCopy:
    """A full snapshot in one of an environment's databases."""

    database: str
    holds: Serving
    expires: datetime
    live: bool
    """Whether it is what serves; else it is kept for a rollback."""

    def days_left(self, now: datetime | None = None) -> int:
        """Whole days until it expires; 0 on the last one and after it."""
        return max((self.expires - (now or datetime.now(UTC))).days, 0)


def full_copies(target: "Environment") -> list[FullCopy]:
    """The full copies that an environment serves and keeps, where they expire. Raises DatabaseUnreachable."""
    if target.expires_after is None:
        return []
    live = target.database
    found = []
    for name in (live.name, previous_name(live.name)):
        holds = history.serving(live.named(name))
        until = expires(holds.kind, holds.snapshot, target) if holds else None
        if holds and until:
            found.append(FullCopy(name, holds, until, live=name == live.name))
    return found


def expired(target: "Environment", now: datetime) -> list[str]:
    """The databases that are to be replaced or dropped: copies whose time is over, and what killed pushes left."""
    if target.expires_after is None:
        return []
    with target.database.maintenance.connect() as connection:
        found = [
            filling.left_behind(connection, target.database.name, purpose, now - UNDER_WAY) for purpose in LEFT_BEHIND
        ]
    return [copy.database for copy in full_copies(target) if copy.expires <= now] + [*chain.from_iterable(found)]


def drop_expired(target: "Environment", *, production: Database, records: Store, now: datetime) -> None:
    """Drop an expired copy that is kept for a rollback, and record that. Once more does nothing.

    Raises PushRefused, LockHeld, StoreError or a database's error."""
    if target.expires_after is None:
        return
    with alone(target), explained(target):
        refuse_production(target, production)
        for copy in full_copies(target):
            if not copy.live and copy.expires <= now:
                # Recorded first, under the id of the push that brought it: done again, it is the same record.
                history.record(records, _expiry(target, copy, now))
                with target.database.maintenance.connect() as connection:
                    filling.drop(connection, copy.database)
        for purpose in LEFT_BEHIND:
            sweep(target, purpose, before=now - UNDER_WAY)


def _expiry(target: "Environment", copy: FullCopy, now: datetime) -> Push:
    return Push(
        id=copy.holds.push,
        action="expiry",
        environment=target.name,
        snapshot=copy.holds.snapshot,
        kind="full",
        rules=None,
        started=now,
        seconds=0,
        outage=0,
        rows=0,
        previous=None,
    )
