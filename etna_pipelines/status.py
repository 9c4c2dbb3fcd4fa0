"""Which snapshots there are, and what each environment serves."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from etna_pipelines.environments import history
from etna_pipelines.errors import EtnaError, SnapshotDamaged
from etna_pipelines.postgres.server import reason
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import KINDS, Kind, Manifest


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


def environments(settings: Settings) -> list[EnvironmentStatus]:
    """Every environment that snapshots are pushed to, asked at the same time."""
    names = [name for name in settings.sections if name != "production"]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda name: _environment(settings, name), names))


def _environment(settings: Settings, name: str) -> EnvironmentStatus:
    if settings.is_embedded(name) and not settings.embedded_server.is_running:
        return EnvironmentStatus(name, remark="the embedded server is not running")
    try:
        serving = history.serving(settings.database(name))
        if serving is None:
            return EnvironmentStatus(name, remark="nothing was pushed here yet")
        record = history.last(settings.open_store(), name)
    except EtnaError as error:
        return EnvironmentStatus(name, remark=str(error))
    except psycopg.Error as error:
        return EnvironmentStatus(name, remark=f"its server broke the conversation off ({reason(error)}): try again")
    redeploy = record.redeploy if record else None
    return EnvironmentStatus(
        name,
        serving.snapshot,
        serving.kind,
        (serving.rules or "")[:8],
        version=redeploy.version or "" if redeploy and redeploy.succeeded else "",
        remark=_remark(redeploy) if redeploy else "",
    )


def _remark(redeploy: history.RedeployOutcome) -> str:
    if redeploy.succeeded is None:
        return "its last redeploy has not ended: `etna redeploy` goes on with it"
    return "" if redeploy.succeeded else "its last redeploy failed"


def newest(settings: Settings) -> list[Manifest]:
    """The newest snapshot of each kind that has one."""
    catalogue = Catalogue(settings.open_store(), settings.signing_key())
    return [manifest for kind in KINDS if (manifest := catalogue.newest(kind))]


def listing(settings: Settings) -> list[Manifest | SnapshotDamaged]:
    """The snapshots in the store by age; where one's manifest cannot be trusted, the error that says so."""
    catalogue = Catalogue(settings.open_store(), settings.signing_key())
    found: list[tuple[str, Manifest | SnapshotDamaged]] = []
    for kind in KINDS:
        for id_ in catalogue.ids(kind):
            try:
                found.append((id_, catalogue.read(kind, id_)))
            except SnapshotDamaged as error:
                found.append((id_, error))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]


def age(id_: str, now: datetime | None = None) -> str:
    """How old a snapshot is, by its id: `3 h`."""
    try:
        taken = datetime.strptime(id_.split("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return "?"
    seconds = ((now or datetime.now(UTC)) - taken).total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
