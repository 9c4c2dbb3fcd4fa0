"""Published snapshots read again, whole, so that damage is known before somebody needs them.

A store is read in slices: each week the share that lets every snapshot have its turn within the configured weeks,
those first that were not read for longest. What was found is a mark beside the snapshot (see integrity.py), so that a
run that was stopped is gone on with by the next one, wherever that runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etna_pipelines.errors import (
    EtnaError,
    ObjectSealed,
    SnapshotDamaged,
    SnapshotMissing,
    SnapshotUnreadable,
    StoreError,
    StoreRefused,
)
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.progress import Progress, silent
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import Mark, marks, put_mark
from etna_pipelines.snapshots.manifest import KINDS, ArchiveFile, Kind, Manifest, time_of
from etna_pipelines.stores.store import Store

LONG_AGO = datetime.min.replace(tzinfo=UTC)

WEEK = timedelta(weeks=1)

THIS_WEEK = timedelta(days=6)
"""What was read so lately counts as read by this week's run: it failed and is run again."""

GIVES_UP_AFTER = 3
"""Failures in a row: then, if no manifest can be read either, it is the store that fails, and not some of its files."""


@dataclass(frozen=True)
class Stored:
    """A published snapshot as a listing shows it."""

    kind: Kind
    id: str
    bytes: int
    mark: Mark | None = None
    """None too where a clock that was ahead verified it: nobody knows when that was."""

    @property
    def read(self) -> datetime:
        """When it was last read whole; it was when it was published."""
        return self.mark.when if self.mark else time_of(self.id) or LONG_AGO

    @property
    def damaged(self) -> bool:
        return self.mark is not None and self.mark.state == "damaged"


@dataclass(frozen=True)
class Reread:
    """What became of reading a snapshot again."""

    snapshot: Stored
    problem: EtnaError | None = None


def reread(catalogue: Catalogue, kind: Kind, id_: str, progress: Progress = silent) -> Manifest:
    """Read a published snapshot whole, and mark it as what it was found to be. Who may only read is told all the same.

    Raises SnapshotDamaged; SnapshotMissing where it was deleted meanwhile; SnapshotUnreadable and StoreError where
    nothing can be said of it."""
    manifest = _refuse_damaged(catalogue, kind, id_, progress)
    with suppress(StoreRefused):
        _mark_verified(catalogue, manifest)
    return manifest


def _mark_verified(catalogue: Catalogue, manifest: Manifest) -> None:
    put_mark(catalogue.store, manifest.kind, manifest.id, "verified")
    reached(FaultPoint.VERIFY_MARKED)


def _refuse_damaged(catalogue: Catalogue, kind: Kind, id_: str, progress: Progress) -> Manifest:
    """A published snapshot, read whole. That it is damaged is remembered."""
    try:
        manifest = catalogue.read(kind, id_)
        refuse_strangers(manifest, catalogue.store)
        _read_back(catalogue, manifest, progress)
    except SnapshotDamaged as problem:
        if id_ not in catalogue.ids(kind):
            raise SnapshotMissing(f"The {kind} snapshot {id_} was deleted while it was read.") from None
        with suppress(StoreRefused):
            put_mark(catalogue.store, kind, id_, "damaged", str(problem))
        raise
    return manifest


def _read_back(catalogue: Catalogue, manifest: Manifest, progress: Progress) -> None:
    """All files of a snapshot are encrypted to the same keys: where one opens and another does not, that is damage."""
    try:
        catalogue.read_back(manifest, progress)
    except ObjectSealed:
        closed = [file for file in manifest.files if not _opens(catalogue, manifest, file)]
        if not 0 < len(closed) < len(manifest.files):
            raise
        raise SnapshotDamaged(
            f"{catalogue.store.location(manifest.archive_key(closed[0].name))} can't be decrypted, and the "
            "snapshot's other files can: do not use this snapshot; take or choose another."
        ) from None


def _opens(catalogue: Catalogue, manifest: Manifest, file: ArchiveFile) -> bool:
    try:
        next(catalogue.checked(manifest, file), None)
    except (ObjectSealed, SnapshotDamaged):
        return False
    return True


def reread_share(catalogue: Catalogue, weeks: int, progress: Progress = silent) -> Iterator[Reread]:
    """Read this week's share of a store again, one snapshot after the other, also after one that is damaged.

    Raises StoreError where the store itself fails: trying again goes on where this ended."""
    failures = 0
    there = published(catalogue)
    for snapshot in share(there, weeks, datetime.now(UTC)):
        try:
            _mark_verified(catalogue, _refuse_damaged(catalogue, snapshot.kind, snapshot.id, progress))
        except SnapshotMissing:
            continue
        except (SnapshotDamaged, SnapshotUnreadable) as problem:
            yield Reread(snapshot, problem)
        except StoreError as problem:
            failures += 1
            if failures == GIVES_UP_AFTER:
                if not _answers(catalogue, snapshot, there[-1]):
                    raise
                failures = 0
            yield Reread(snapshot, problem)
            continue
        else:
            yield Reread(snapshot)
        failures = 0


def _answers(catalogue: Catalogue, *snapshots: Stored) -> bool:
    """Whether a store gives one of some manifests, whatever it holds."""
    for snapshot in snapshots:
        try:
            catalogue.read(snapshot.kind, snapshot.id)
        except StoreError:
            continue
        except EtnaError:
            pass
        return True
    return False


def share(snapshots: Sequence[Stored], weeks: int, now: datetime) -> list[Stored]:
    """Those to read this week: the weeks' part of all bytes, and whatever would be overdue by the next week's run, the
    one that was not read for longest first. One that was found damaged is looked at every time: it may be repaired."""
    part = sum(snapshot.bytes for snapshot in snapshots) / weeks
    read = sum(each.bytes for each in snapshots if each.mark and not each.damaged and each.read > now - THIS_WEEK)
    chosen = []
    for snapshot in sorted(snapshots, key=lambda each: each.read):
        overdue = snapshot.read + weeks * WEEK < now + WEEK
        if snapshot.damaged or overdue or read < part:
            chosen.append(snapshot)
            read += snapshot.bytes
    return chosen


def published(catalogue: Catalogue) -> list[Stored]:
    """What a store holds, without reading any of it."""
    said, known = marks(catalogue.store), marks(catalogue.store, until=datetime.now(UTC))
    found = {id_: mark if mark.state == "damaged" else known.get(id_) for id_, mark in said.items()}
    sizes: dict[str, int] = {}
    for kind in KINDS:
        for item in catalogue.store.list(f"{kind}/"):
            id_ = item.key.split("/")[1]
            sizes[id_] = sizes.get(id_, 0) + item.bytes
    return [Stored(kind, id_, sizes.get(id_, 0), found.get(id_)) for kind in KINDS for id_ in catalogue.ids(kind)]


def refuse_strangers(manifest: Manifest, store: Store) -> None:
    """Raise SnapshotDamaged where a file stands beside the published ones: pg_restore prefers `17.dat` to `17.dat.gz`
    and would read it instead."""
    known = {manifest.archive_key(file.name) for file in manifest.files}
    for stored in store.list(manifest.archive_key("")):
        if stored.key not in known:
            raise SnapshotDamaged(
                f"{store.location(stored.key)} is not in its snapshot's manifest: find out who put it there, delete it."
            )
