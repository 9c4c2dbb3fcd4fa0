"""The catalogue: which snapshots a store holds, and how one comes to be among them.

A snapshot exists when its manifest does. The manifest is written last, only if absent, after every file was read back;
and deleted first. Until then it is a draft, which nothing lists.

Before a snapshot is deleted it is retired, by a mark: nothing lists it from then on, and whoever is at work with it can
read it for as long as the pruner leaves it.
"""

import builtins
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from etna_pipelines.errors import ObjectMissing, SnapshotDamaged, SnapshotMissing, SnapshotUnreadable, StoreError
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.keys import SigningKeys, key_id
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots.integrity import MARKS, Mark, latest, marks_of, problem_of
from etna_pipelines.snapshots.manifest import KINDS, SUBSET, ArchiveFile, Kind, Manifest, time_of
from etna_pipelines.stores.identities import refuse_sealed
from etna_pipelines.stores.store import Store, StoredObject

MANIFEST = "manifest.json"
DRAFT = "draft.json"
STRIP = "strip-"
"""In a full snapshot's folder, before the id of what is made of it: there those meet who do parts of that strip."""


class Catalogue:
    """The snapshots of a store, each authenticated when it is read, and signed with the newest key when published."""

    def __init__(self, store: Store, keys: SigningKeys | bytes) -> None:
        self.store = store
        self.keys = keys if isinstance(keys, SigningKeys) else SigningKeys(keys)

    def list(self, kind: Kind | None = None) -> builtins.list[Manifest]:
        """Published snapshots, oldest first. Raises what `read` does."""
        found = [self.read(each, id_) for each in KINDS if kind in (None, each) for id_ in self.ids(each)]
        return sorted(found, key=lambda manifest: manifest.id)

    def ids(self, kind: Kind) -> builtins.list[str]:
        """Ids of published snapshots of a kind that are not retired, oldest first, without reading them."""
        retired = self.retired(kind)
        return [id_ for id_ in _ids(item.key for item in self.store.list(f"{kind}/")) if id_ not in retired]

    def newest(self, kind: Kind) -> Manifest | None:
        """The newest whole snapshot of a kind that is sound: never a subset."""
        return self._newest(kind, lambda id_: SUBSET not in id_)

    def trusted(self, kind: Kind) -> Iterator[Manifest]:
        """Whole snapshots of a kind, the newest first, that were not found damaged and whose manifests can be read: for
        what must go on where one can't."""
        unfit = self._unfit(kind)
        for id_ in reversed(self.folders(kind)):
            if id_ in unfit or SUBSET in id_:
                continue
            try:
                yield self.read(kind, id_)
            except (SnapshotDamaged, SnapshotUnreadable, SnapshotMissing):
                continue

    def newest_subset(self, digest: str) -> Manifest | None:
        """The newest published subset with a digest (which says of which snapshot it is a subset), if it is sound."""
        return self._newest("stripped", lambda id_: id_.endswith(SUBSET + digest))

    def folders(self, kind: Kind) -> builtins.list[str]:
        """Ids of all that is stored of a kind, oldest first: of drafts and of what is retired, too. Quick."""
        return sorted(id_ for id_ in self.store.folders(f"{kind}/") if id_ != MARKS)

    def retired(self, kind: Kind) -> dict[str, Mark]:
        """By id, the latest marks of snapshots that are to be deleted."""
        return latest((item.key for item in self.store.list(marks_of(kind))), ["retired"])

    def read_sound(self, kind: Kind, id_: str) -> Manifest:
        """A published snapshot that is to be used. Raises what `read` does; SnapshotDamaged where it was found so,
        SnapshotMissing where it is retired."""
        keys = [item.key for item in self.store.list(marks_of(kind, id_))]
        if retired := latest(keys, ["retired"]).get(id_):
            raise SnapshotMissing(
                f"The {kind} snapshot {id_} was retired on {retired.when:%d %B %Y} and is about to be deleted: choose "
                "another, or keep more under `retention` in environments.yaml and run `etna prune --yes`."
            )
        mark = latest(keys).get(id_)
        if mark and mark.state == "damaged":
            raise SnapshotDamaged(
                f"The {kind} snapshot {id_} was found damaged on {mark.when:%d %B %Y}: "
                f"{problem_of(self.store, mark)} Choose another, or run `etna verify {id_}` once it is repaired."
            )
        return self.read(kind, id_)

    def read(self, kind: Kind, id_: str) -> Manifest:
        """A published snapshot. Raises SnapshotMissing, and what Manifest.from_bytes raises."""
        return self._read(kind, id_, MANIFEST)

    def read_draft(self, kind: Kind, id_: str) -> Manifest:
        """A snapshot that is stored and not yet published. Raises what `read` does."""
        return self._read(kind, id_, DRAFT)

    def save_draft(self, draft: Manifest) -> None:
        """Keep what is known of a stored archive until it is published, so that another process can do that."""
        self.store.put(f"{draft.prefix}/{DRAFT}", [draft.signed(self.keys).to_bytes()])

    def read_back(self, manifest: Manifest, progress: Progress = silent) -> None:
        """Read every stored file whole. Raises SnapshotDamaged naming the first that is not what was written."""
        done, total = 0, manifest.bytes
        for number, file in enumerate(manifest.files):
            for chunk in self.checked(manifest, file):
                done += len(chunk)
                progress(Tick("verify", done, total, number, len(manifest.files)))
        progress(Tick("verify", done, total, len(manifest.files), len(manifest.files)))

    def checked(self, manifest: Manifest, file: ArchiveFile) -> Iterator[bytes]:
        """Stream a file out of the store; raises SnapshotDamaged at its end unless size and SHA-256 are right."""
        return checked(self.store, manifest, file)

    def publish(self, draft: Manifest) -> Manifest:
        """Write the manifest of a draft that was read back (a stripped one: proven). Returns it signed."""
        if draft.kind == "stripped" and not (draft.proof and draft.proof.passed):
            raise SnapshotDamaged(
                f"stripped snapshot {draft.id} has no passed proof: it is not published; strip again."
            )
        manifest = draft.signed(self.keys)
        reached(FaultPoint.PUBLISH_READY)
        self.store.put_if_absent(f"{manifest.prefix}/{MANIFEST}", manifest.to_bytes())
        reached(FaultPoint.PUBLISH_MANIFEST_WRITTEN)
        with suppress(StoreError):  # it is published all the same; who may not delete leaves it to the pruner
            self.store.delete([f"{manifest.prefix}/{DRAFT}"])
        return manifest

    def sign_anew(self, kind: Kind, id_: str) -> bool:
        """Sign a published manifest with the newest key; False where it was. It is replaced whole or not at all.

        Raises what `read` does: what can't be authenticated is never signed."""
        manifest = self.read(kind, id_)
        if manifest.signed_by == key_id(self.keys.newest):
            return False
        self.store.put(f"{manifest.prefix}/{MANIFEST}", [manifest.signed(self.keys).to_bytes()])
        return True

    def discard(self, draft: Manifest) -> None:
        """Remove the draft of a run that fails. What can't be deleted now is no snapshot: it is swept later."""
        with suppress(StoreError):
            if not any(self.store.list(f"{draft.prefix}/{MANIFEST}")):
                self._delete_all(f"{draft.prefix}/")

    def delete(self, kind: Kind, id_: str) -> None:
        """Delete a snapshot: the manifest first, so that it is never read without its files, and its marks last, so
        that it is not listed either."""
        self.store.delete([f"{kind}/{id_}/{MANIFEST}"])
        reached(FaultPoint.PRUNE_MANIFEST_DELETED)
        self._delete_all(f"{kind}/{id_}/")
        reached(FaultPoint.PRUNE_FILES_DELETED)
        self._delete_all(marks_of(kind, id_))

    def retire(self, kind: Kind, id_: str, now: datetime | None = None) -> None:
        """List a snapshot no more: it is to be deleted. An earlier mark gives way to the new one."""
        mark = Mark(kind, id_, "retired", now or datetime.now(UTC))
        self.store.put(mark.key, [b"{}"])
        self.store.delete(key for key in self._retiring(kind, id_) if key != mark.key)

    def bring_back(self, kind: Kind, id_: str) -> None:
        """List a retired snapshot again."""
        self.store.delete(self._retiring(kind, id_))

    def leftovers(self, older_than: timedelta = timedelta(days=2)) -> builtins.list[StoredObject]:
        """What belongs to no snapshot: what killed runs left unpublished (the age spares those that are at work),
        drafts of what was published since, marks of what is gone, what a strip left that was shared out. What is as far
        ahead of now, and of all that is published, is a clock's that was wrong, and as old."""
        found: list[StoredObject] = []
        for kind in KINDS:
            objects = [*self.store.list(f"{kind}/")]
            published = {*_ids(item.key for item in objects)}
            below = {item.key.split("/")[1] for item in objects if item.key.count("/") > 1} - {MARKS}
            limit = last_moment(below) - older_than
            ahead = max([datetime.now(UTC), *filter(None, map(time_of, published))]) + older_than
            at_work = {id_ for id_ in below if limit <= (time_of(id_) or limit) <= ahead}
            stays = published | at_work
            for item in objects:
                folder, _, rest = item.key.partition("/")[2].partition("/")
                id_ = rest.partition("/")[0] if folder == MARKS else folder
                strip = rest.partition("/")[0].removeprefix(STRIP)
                is_over = rest.startswith(STRIP) and not limit <= (time_of(strip) or limit) <= ahead
                if (id_ not in stays and rest) or (folder in published and (rest == DRAFT or is_over)):
                    found.append(item)
        return found

    def sweep(self, older_than: timedelta = timedelta(days=2)) -> None:
        """Delete what belongs to no snapshot."""
        self.store.delete(item.key for item in self.leftovers(older_than))

    def _retiring(self, kind: Kind, id_: str) -> builtins.list[str]:
        return [item.key for item in self.store.list(f"{marks_of(kind, id_)}retired-")]

    def _unfit(self, kind: Kind) -> set[str]:
        """Ids of those that are retired or were found damaged."""
        keys = [item.key for item in self.store.list(marks_of(kind))]
        found = latest(keys)
        return {*latest(keys, ["retired"]), *(id_ for id_ in found if found[id_].state == "damaged")}

    def _newest(self, kind: Kind, fits: Callable[[str], bool]) -> Manifest | None:
        unfit = self._unfit(kind)
        for id_ in reversed(self.folders(kind)):
            if id_ not in unfit and fits(id_):
                with suppress(SnapshotMissing):  # a draft
                    return self.read(kind, id_)
        return None

    def _delete_all(self, prefix: str) -> None:
        self.store.delete([item.key for item in self.store.list(prefix)])

    def _read(self, kind: Kind, id_: str, name: str) -> Manifest:
        key = f"{kind}/{id_}/{name}"
        try:
            data = b"".join(self.store.read(key))
        except ObjectMissing:
            raise SnapshotMissing(
                f"The store has no {kind} snapshot {id_}: `etna snapshots` lists those that it has."
            ) from None
        manifest = Manifest.from_bytes(data, self.keys, self.store.location(key))
        if (manifest.kind, manifest.id) != (kind, id_):
            raise SnapshotDamaged(
                f"{self.store.location(key)}: this manifest belongs to another snapshot: do not use it."
            )
        return manifest


def last_moment(ids: Iterable[str], now: datetime | None = None) -> datetime:
    """Now; or when the youngest of the ids was made, if that was before: a clock that is wrong makes none old."""
    made = filter(None, map(time_of, ids))
    return min(now or datetime.now(UTC), max(made, default=datetime.max.replace(tzinfo=UTC)))


def _ids(keys: Iterable[str]) -> list[str]:
    return sorted(parts[1] for parts in (key.split("/") for key in keys) if parts[2:] == [MANIFEST])


def checked(store: Store, manifest: Manifest, file: ArchiveFile) -> Iterator[bytes]:
    """Stream a file of a snapshot; raises SnapshotDamaged at its end unless size and SHA-256 are the manifest's."""
    key = manifest.archive_key(file.name)
    sha256, size = hashlib.sha256(), 0
    try:
        for chunk in store.read(key):
            if not size:
                refuse_sealed(chunk, store.location(key), key)
            sha256.update(chunk)
            size += len(chunk)
            yield chunk
    except ObjectMissing:
        raise SnapshotDamaged(
            f"{store.location(key)} is missing: do not use this snapshot; take or choose another."
        ) from None
    if (size, sha256.hexdigest()) != (file.bytes, file.sha256):
        raise SnapshotDamaged(
            f"{store.location(key)} is not what was published ({size} bytes, {file.bytes} expected, or other content): "
            "do not use this snapshot; take or choose another."
        )
