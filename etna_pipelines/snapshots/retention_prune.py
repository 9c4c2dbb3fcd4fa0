"""Pruning: what goes by the rules is retired, and deleted a day later.

Two steps, because somebody may be at work with a snapshot: a push, a strip, on any machine. A retired one is not listed
any more, so nobody begins with it; and who has begun can read it until its grace is over. Whatever is killed half way,
the next prune goes on with it.

Both steps ask the rules anew: a mark alone deletes nothing, and one that is to stay after all is brought back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etna_pipelines.errors import SnapshotDamaged, SnapshotMissing, SnapshotUnreadable
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.snapshots.catalogue import Catalogue, last_moment
from etna_pipelines.snapshots.integrity import Mark, damaged
from etna_pipelines.snapshots.listing import Listed, Unreadable
from etna_pipelines.snapshots.manifest import KINDS
from etna_pipelines.snapshots.retention import Verdict, plan
from etna_pipelines.snapshots.retention_spec import RetentionSpec
from etna_pipelines.stores.store import StoredObject


@dataclass(frozen=True)
class Pruning:
    """What a prune does, or would do."""

    verdicts: Sequence[Verdict]
    """On all snapshots that can be read, retired or not, oldest first."""
    unreadable: Sequence[Unreadable]
    """Those that can't, which are left alone."""
    unsound: Collection[str]
    """Ids of those that can be read and count for nothing."""
    retire: Sequence[Verdict]
    delete: Sequence[Verdict]
    """Those that were retired long enough ago."""
    waiting: Sequence[Verdict]
    """Those that were retired, and are deleted when their grace is over."""
    bring_back: Sequence[Verdict]
    """Those that were retired and are to stay after all."""
    leftovers: Sequence[StoredObject]
    """What belongs to no snapshot, and is old enough to be no run's any more."""

    @property
    def bytes(self) -> int:
        """What it frees at once."""
        return sum(each.snapshot.bytes for each in self.delete) + sum(each.bytes for each in self.leftovers)


def prune(catalogue: Catalogue, rules: RetentionSpec, now: datetime | None = None) -> Pruning:
    """Do what `look` says. Raises StoreError; once more goes on with the rest."""
    found = look(catalogue, rules, now)
    for each in found.bring_back:
        catalogue.bring_back(each.snapshot.kind, each.snapshot.id)
    for each in found.retire:
        catalogue.retire(each.snapshot.kind, each.snapshot.id, now)
        reached(FaultPoint.PRUNE_RETIRED)
    for each in found.delete:
        catalogue.delete(each.snapshot.kind, each.snapshot.id)
    catalogue.store.delete(item.key for item in found.leftovers)
    catalogue.store.sweep()
    return found


def look(catalogue: Catalogue, rules: RetentionSpec, now: datetime | None = None) -> Pruning:
    """What is to be done. Every manifest is read and authenticated, and its files are there and not cut: what others
    are to stand for is no guess."""
    readable: list[Listed] = []
    unreadable: list[Unreadable] = []
    unsound = {*damaged(catalogue.store)}
    ids: list[str] = []
    retired: dict[str, Mark] = {}
    for kind in KINDS:
        stored = {item.key: item.bytes for item in catalogue.store.list(f"{kind}/")}
        retired |= catalogue.retired(kind)
        folders = catalogue.folders(kind)
        ids += folders
        for id_ in folders:
            try:
                manifest = catalogue.read(kind, id_)
            except SnapshotMissing:  # a draft
                continue
            except (SnapshotDamaged, SnapshotUnreadable) as problem:
                unreadable.append(Unreadable(kind, id_, problem))
                continue
            readable.append(Listed.of(manifest))
            if any(stored.get(manifest.archive_key(file.name), -1) < file.bytes for file in manifest.files):
                unsound.add(id_)
    verdicts = plan(readable, {*unsound, *(each.id for each in unreadable)}, rules)
    grace = timedelta(hours=rules.grace)
    since, ahead = last_moment(ids, now) - grace, (now or datetime.now(UTC)) + grace  # a clock may have been wrong
    going = [each for each in verdicts if not each.stays]
    marked = [each for each in going if each.snapshot.id in retired and retired[each.snapshot.id].when < ahead]
    return Pruning(
        verdicts,
        unreadable,
        unsound,
        retire=[each for each in going if each not in marked],
        delete=[each for each in marked if retired[each.snapshot.id].when <= since],
        waiting=[each for each in marked if retired[each.snapshot.id].when > since],
        bring_back=[each for each in verdicts if each.stays and each.snapshot.id in retired],
        leftovers=catalogue.leftovers(),
    )
