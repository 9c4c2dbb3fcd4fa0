"""What an environment serves, asked of itself, and what was done to it, kept in the store.

The database's comment says what it holds: it moves with a rename and cannot disagree with the data. The store keeps a
record of every push, rollback and expiry: who, when, what, and which version was redeployed after it.
"""

import getpass
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from etna_pipelines.errors import DatabaseRefused, ObjectMissing, StoreError
from etna_pipelines.postgres.handover import Connection, comment_of, set_comment
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import Kind, new_id, time_of
from etna_pipelines.stores.store import Store

MARK = "etna-pipelines: "
PRODUCTION = f"{MARK}production"
"""Whoever wants to be sure comments production's database with this line: no push will touch it."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Serving(_Model):
    """What a database holds."""

    push: str
    snapshot: str
    kind: Kind
    rules: str | None
    pushed: datetime
    environment: str | None = None
    """Whose it is; None where it was pushed before this was kept."""


class Push(_Model):
    """A push or rollback that was done: swapped in and healthy. Or an expiry: a full snapshot's copy was dropped."""

    id: str
    action: Literal["push", "rollback", "expiry"] = "push"
    environment: str
    snapshot: str | None
    kind: Kind | None
    rules: str | None
    """The digest of the rules that stripped the snapshot."""
    started: datetime
    seconds: float
    outage: float
    rows: int
    previous: str | None
    """The database that served before, kept for a rollback."""
    version: str | None = None
    """The version of the application that it is for; None for whichever is there."""
    holds: str | None = None
    """The push whose data a rollback brought back; None for data that no push brought."""


class RedeployOutcome(_Model):
    """What became of the redeploy after a push. It is kept before the redeploy is asked for, too."""

    succeeded: bool | None
    """None for one that was asked for and whose end is not known yet."""
    version: str | None
    """The version that serves now."""
    seconds: float
    at: datetime
    wanted: str | None = None
    """The version that was asked for."""
    attempt: int = 1
    """Counts those that were asked for: a failed one may be asked for again."""
    way: str = ""
    """What kind of redeployer asked, and whose the reference is."""
    reference: str | None = None
    """What the system that deploys calls it: a run's number, a command's id."""
    deployed: bool = False
    """Whether it was deployed, and only its health is not known yet."""
    failed: str | None = None
    """The version that failed last after this push."""
    good: "RedeployOutcome | None" = None
    """The last one after the same push that had succeeded before this one was asked for."""

    @property
    def last_good(self) -> "RedeployOutcome | None":
        """The last one after this push that succeeded."""
        return self if self.succeeded else self.good


class Record(_Model):
    """A push as the store remembers it."""

    push: Push
    by: str
    redeploy: RedeployOutcome | None = None


def serving(database: Database) -> Serving | None:
    """What the database holds; None where there is no database, or one that no push made."""
    try:
        connection = database.maintenance.connect()
    except DatabaseRefused:  # where a role may only connect to its own database
        connection = database.connect()
    with connection:
        return serving_of(comment_of(connection, database.name))


def serving_of(comment: str | None) -> Serving | None:
    line = next((line for line in (comment or "").splitlines() if line.startswith(MARK)), None)
    try:
        return Serving.model_validate_json(line.removeprefix(MARK)) if line else None
    except ValidationError:
        return None


def is_marked_production(comment: str | None) -> bool:
    return PRODUCTION in (comment or "").splitlines()


def mark(connection: Connection, database: str, content: Serving, like: str | None = None) -> None:
    """Say in the database's comment what it holds, after what people wrote into the comment `like`."""
    people = [line for line in (like or "").splitlines() if not line.startswith(MARK)]
    own = MARK + json.dumps(content.model_dump(mode="json"))
    set_comment(connection, database, "\n".join([*people, own]))


def record(store: Store, push: Push) -> None:
    """Keep a push, rollback or expiry that is done, by its snapshot and by its environment."""
    if push.snapshot:  # first: where the record is there, nobody comes back to it
        store.put(f"lineage/{push.snapshot}/{_key(push)}", [b"\n"])
    _write(store, Record(push=push, by=_who()))


def of_snapshot(store: Store, id_: str) -> list[Record]:
    """Everywhere that a snapshot was brought to, brought back to or dropped from, oldest first."""
    prefix = f"lineage/{id_}/"
    keys = [item.key.removeprefix(prefix) for item in store.list(prefix)]
    found = [record for key in keys if (record := _read_any(store, key))]
    return sorted(found, key=lambda record: record.push.started)


def forget(store: Store, push: Push) -> None:
    """Delete the record of what was not done after all."""
    store.delete([_key(push), *([f"lineage/{push.snapshot}/{_key(push)}"] if push.snapshot else [])])


def record_redeploy(store: Store, push: Push, outcome: RedeployOutcome | None) -> None:
    """Keep how the redeploy after a push went, or that it was asked for."""
    known = recorded(store, push) or Record(push=push, by=_who())
    _write(store, known.model_copy(update={"redeploy": outcome}))


def recorded(store: Store, push: Push) -> Record | None:
    return find(store, push.environment, push.id)


def find(store: Store, environment: str, push_id: str) -> Record | None:
    """The push or rollback of an id."""
    key = f"pushes/{environment}/{push_id}.json"
    return _read(store, key) if any(item.key == key for item in store.list(key)) else None


def last(store: Store, environment: str) -> Record | None:
    """The newest push or rollback of an environment."""
    return next(newest_first(store, environment), None)


def next_id(store: Store, environment: str, *others: str) -> str:
    """For a new push or rollback: it sorts after those before it, and after `others`, whatever the clock says."""
    done = [item.key.rpartition("/")[2].removesuffix(".json") for item in store.list(f"pushes/{environment}/")]
    before = max(filter(None, map(time_of, [*done, *others])), default=None)
    now = datetime.now(UTC)
    return new_id(max(now, before + timedelta(microseconds=1)) if before else now)


def newest_first(store: Store, environment: str) -> Iterator[Record]:
    """The pushes and rollbacks of an environment."""
    for key in sorted((item.key for item in store.list(f"pushes/{environment}/")), reverse=True):
        yield _read(store, key)


def version_of(store: Store, environment: str, push_id: str) -> str | None:
    """The version that last served the data of a push, be it after a rollback to it; else the one it was pushed for."""
    for known in newest_first(store, environment):
        if known.push.id < push_id:
            break
        if push_id in (known.push.id, known.push.holds):
            good = known.redeploy and known.redeploy.last_good
            return good.wanted if good else known.push.version
    return None


def last_pushed(store: Store, beginning: str) -> dict[str, datetime]:
    """When environments whose names begin so (`test/`) were last pushed to or rolled back, by one listing."""
    found = {}
    for item in store.list(f"pushes/{beginning}"):  # in the order of time
        _, _, environment_and_push = item.key.partition("/")
        environment, _, push_id = environment_and_push.rpartition("/")
        if moment := time_of(push_id):
            found[environment] = moment
    return found


def _key(push: Push) -> str:
    """An expiry changes nothing of what is served: it stands apart from those of which the newest one counts."""
    return f"{'expiries' if push.action == 'expiry' else 'pushes'}/{push.environment}/{push.id}.json"


def _write(store: Store, content: Record) -> None:
    store.put(_key(content.push), [content.model_dump_json(indent=1).encode()])


def _read(store: Store, key: str) -> Record:
    try:
        return Record.model_validate_json(b"".join(store.read(key)))
    except ValidationError:
        raise StoreError(f"{store.location(key)} is no record of a push: delete it.") from None


def _read_any(store: Store, key: str) -> Record | None:
    """None where only its lineage was written."""
    try:
        return _read(store, key)
    except ObjectMissing:
        return None


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as containers have
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
