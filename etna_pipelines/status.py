"""Which snapshots there are, and what each environment serves."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from etna_pipelines.environments import history
from etna_pipelines.environments.expiry import FullCopy, full_copies
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.known import Known, KnownEnvironments
from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.server import reason
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.listing import listable
from etna_pipelines.snapshots.manifest import Kind, Manifest, time_of
from etna_pipelines.stores.store import Store


@dataclass(frozen=True)
class EnvironmentStatus:
    """What an environment's database says of itself, and how its last redeploy went."""

    name: str
    snapshot: str = ""
    kind: Kind | None = None
    rules: str = ""
    version: str = ""
    remark: str = ""
    """What is to know besides; for an environment that cannot be asked, why."""
    pushed: datetime | None = None
    """When the last push or rollback was."""
    by: str = ""
    """Who did it: `name@machine`."""
    expires: datetime | None = None
    """Until when it may serve its full snapshot."""


def environments(settings: Settings) -> list[EnvironmentStatus]:
    """Every environment that snapshots are pushed to, the feature environments too, asked at the same time."""
    store = settings.open_store()
    named = _features(settings, store)
    names = [name for name in settings.sections if name not in ("production", "test")] + list(named)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda name: _status(settings, store, name, named.get(name)), names))


def _features(settings: Settings, store: Store) -> Mapping[str, Known]:
    if "test" not in settings.sections:
        return {}
    return {f"test/{name}": each for name, each in KnownEnvironments(store).read().environments.items()}


def _status(settings: Settings, store: Store, name: str, known: Known | None) -> EnvironmentStatus:
    if settings.is_embedded("test" if known else name) and not settings.embedded_server.is_running:
        return EnvironmentStatus(name, remark="the embedded server is not running")
    try:
        target = settings.environment(name) if known is None else settings.feature_environment(_feature(name, known))
        serving = history.serving(target.database)
        if serving is None:
            return EnvironmentStatus(name, remark=(known and known.remark) or "nothing was pushed here yet")
        records = settings.records(name, store)
        copies, record = full_copies(target, records), history.last(records, name)
    except EtnaError as error:
        return EnvironmentStatus(name, remark=str(error))
    except psycopg.Error as error:
        return EnvironmentStatus(name, remark=f"its server broke the conversation off ({reason(error)}): try again")
    redeploy = record.redeploy if record else None
    unasked = target.redeploy is not None and record is not None and redeploy is None
    return EnvironmentStatus(
        name,
        serving.snapshot,
        serving.kind,
        (serving.rules or "")[:8],
        version=redeploy.version or "" if redeploy and redeploy.succeeded else "",
        remark="; ".join([*_of_leaving(known), *map(_of_copy, copies), *_of_redeploy(name, redeploy, unasked)]),
        pushed=record.push.started if record else serving.pushed,
        by=record.by if record else "",
        expires=next((copy.expires for copy in copies if copy.live), None),
    )


def _feature(name: str, known: Known) -> Feature:
    return Feature(name.removeprefix("test/"), known.branch)


def _of_leaving(known: Known | None) -> list[str]:
    return [known.remark] if known and known.gone_since else []


def _of_copy(copy: FullCopy) -> str:
    what = "its full snapshot" if copy.live else "the full snapshot that it keeps for a rollback"
    if copy.expires <= datetime.now(UTC):
        return f"{what} has expired: run the job `expire_staging`"
    days = copy.days_left()
    return f"{what} expires {f'in {days} days' if days > 1 else 'tomorrow' if days else 'today'}"


def _of_redeploy(name: str, redeploy: history.RedeployOutcome | None, unasked: bool) -> list[str]:
    if unasked:
        return [f"was not redeployed since its data changed: run `etna redeploy {name}`"]
    if redeploy is None or redeploy.succeeded:
        return []
    if redeploy.succeeded is None:
        return [f"its last redeploy has not ended: `etna redeploy {name}` goes on with it"]
    return [f"its last redeploy failed: `etna redeploy {name}` tries again"]


def newest(settings: Settings) -> list[Manifest]:
    """The newest snapshot of each kind that has one and that these credentials may list. Raises StoreRefused where they
    may list none."""
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    kinds, _ = listable(catalogue)
    return [manifest for kind in kinds if (manifest := catalogue.newest(kind))]


def age(id_: str, now: datetime | None = None) -> str:
    """How old a snapshot is, by its id: `3 h`."""
    taken = time_of(id_)
    if taken is None:
        return "?"
    seconds = ((now or datetime.now(UTC)) - taken).total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
