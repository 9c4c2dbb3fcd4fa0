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
from etna_pipelines.environments.target import alone, exists, explained
from etna_pipelines.fault_points import FaultPoint, reached
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


def full_copies(target: "Environment", records: Store) -> list[FullCopy]:
    """The full copies that an environment serves and keeps, where they expire. Where a database does not say what it
    holds (its comment is anybody's to overwrite), it is what the records say. Raises DatabaseUnreachable."""
    if target.expires_after is None:
        return []
    live = target.database
    serves = history.serving(live) or _last_served(live, target, records)
    kept = live.named(previous_name(live.name))
    keeps = history.serving(kept) or _last_full(kept, target, records, but=serves)
    found = []
    for name, holds in ((live.name, serves), (kept.name, keeps)):
        until = expires(holds.kind, holds.snapshot, target) if holds else None
        if holds and until:
            found.append(FullCopy(name, holds, until, live=name == live.name))
    return found


def _last_served(live: Database, target: "Environment", records: Store) -> Serving | None:
    """What a live database holds that does not say so."""
    last = history.last(records, target.name) if exists(live) else None
    return _content(last.push) if last else None


def _last_full(kept: Database, target: "Environment", records: Store, but: Serving | None) -> Serving | None:
    """What a kept database holds that does not say so: for all that is known, the last full copy but the one that
    serves."""
    if not exists(kept):
        return None
    held = (_content(known.push) for known in history.newest_first(records, target.name))
    return next((it for it in held if it and it.kind == "full" and not (but and it.push == but.push)), None)


def _content(push: Push) -> Serving | None:
    if push.snapshot is None or push.kind is None:
        return None
    id_ = push.holds or push.id
    return Serving(push=id_, snapshot=push.snapshot, kind=push.kind, rules=push.rules, pushed=push.started)


def expired(target: "Environment", records: Store, now: datetime) -> list[str]:
    """The databases that are to be replaced or dropped: copies whose time is over, and what killed pushes left."""
    if target.expires_after is None:
        return []
    with target.database.maintenance.connect() as connection:
        found = [
            filling.left_behind(connection, target.database.name, purpose, now - UNDER_WAY) for purpose in LEFT_BEHIND
        ]
    return [copy.database for copy in full_copies(target, records) if copy.expires <= now] + [
        *chain.from_iterable(found)
    ]


def drop_expired(target: "Environment", *, production: Database, records: Store, now: datetime) -> None:
    """Drop an expired copy that is kept for a rollback, and record that. Once more does nothing.

    Raises PushRefused, LockHeld, StoreError or a database's error."""
    if target.expires_after is None:
        return
    with alone(target) as lock, explained(target):
        server = lock.connection
        refuse_production(server, target, production)
        for copy in full_copies(target, records):
            if not copy.live and copy.expires <= now:
                # Recorded first, under the id of the push that brought it: done again, it is the same record.
                history.record(records, _expiry(target, copy, now))
                reached(FaultPoint.EXPIRY_RECORDED)
                filling.drop(server, copy.database)
                reached(FaultPoint.EXPIRY_DROPPED)
        for purpose in LEFT_BEHIND:
            filling.sweep(server, target.database.name, purpose, before=now - UNDER_WAY)


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
