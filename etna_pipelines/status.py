"""Which snapshots there are, and what each environment serves."""

from datetime import UTC, datetime

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import KINDS, Manifest


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
