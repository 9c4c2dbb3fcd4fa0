"""The catalogue: which snapshots a store holds, and how one comes to be among them.

A snapshot exists when its manifest does. The manifest is written last, only if absent, after every file was read back;
and deleted first. Until then it is a draft, which nothing lists.
"""

import builtins
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from etna_pipelines.errors import ObjectMissing, SnapshotDamaged, SnapshotMissing
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.keys import SigningKeys
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots.integrity import latest, problem_of
from etna_pipelines.snapshots.manifest import KINDS, SUBSET, ArchiveFile, Kind, Manifest, new_id
from etna_pipelines.stores.store import Store

MANIFEST = "manifest.json"
DRAFT = "draft.json"


class Catalogue:
    """The snapshots of a store, each authenticated when it is read, and signed with the newest key when published."""

    def __init__(self, store: Store, keys: SigningKeys | bytes) -> None:
        self.store = store
        self._keys = keys if isinstance(keys, SigningKeys) else SigningKeys(keys)

    def list(self, kind: Kind | None = None) -> builtins.list[Manifest]:
        """Published snapshots, oldest first. Raises what `read` does."""
        found = [self.read(each, id_) for each in KINDS if kind in (None, each) for id_ in self.ids(each)]
        return sorted(found, key=lambda manifest: manifest.id)

    def ids(self, kind: Kind) -> builtins.list[str]:
        """Ids of published snapshots of a kind, oldest first, without reading them."""
        return _ids(item.key for item in self.store.list(f"{kind}/"))

    def sound_ids(self, kind: Kind) -> builtins.list[str]:
        """Those of them that were not found damaged since they were published."""
        keys = [item.key for item in self.store.list(f"{kind}/")]
        marks = latest(keys)
        return [id_ for id_ in _ids(keys) if id_ not in marks or marks[id_].state != "damaged"]

    def newest(self, kind: Kind) -> Manifest | None:
        """The newest whole snapshot of a kind that is sound: never a subset."""
        ids = [id_ for id_ in self.sound_ids(kind) if SUBSET not in id_]
        return self.read(kind, ids[-1]) if ids else None

    def newest_subset(self, digest: str) -> Manifest | None:
        """The newest published subset with a digest (which says of which snapshot it is a subset), if it is sound."""
        ids = [id_ for id_ in self.sound_ids("stripped") if id_.endswith(SUBSET + digest)]
        return self.read("stripped", ids[-1]) if ids else None

    def read_sound(self, kind: Kind, id_: str) -> Manifest:
        """A published snapshot that is to be used. Raises what `read` does; SnapshotDamaged where it was found so."""
        mark = latest(item.key for item in self.store.list(f"{kind}/{id_}/")).get(id_)
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
        self.store.put(f"{draft.prefix}/{DRAFT}", [draft.signed(self._keys).to_bytes()])

    def read_back(self, manifest: Manifest, progress: Progress = silent) -> None:
        """Read every stored file whole. Raises SnapshotDamaged naming the first that is not what was written."""
        done = 0
        for number, file in enumerate(manifest.files):
            for chunk in self.checked(manifest, file):
                done += len(chunk)
                progress(Tick("verify", done, manifest.bytes, number, len(manifest.files)))
        progress(Tick("verify", done, manifest.bytes, len(manifest.files), len(manifest.files)))

    def checked(self, manifest: Manifest, file: ArchiveFile) -> Iterator[bytes]:
        """Stream a file out of the store; raises SnapshotDamaged at its end unless size and SHA-256 are right."""
        return checked(self.store, manifest, file)

    def publish(self, draft: Manifest) -> Manifest:
        """Write the manifest of a draft that was read back (a stripped one: proven). Returns it signed."""
        if draft.kind == "stripped" and not (draft.proof and draft.proof.passed):
            raise SnapshotDamaged(
                f"stripped snapshot {draft.id} has no passed proof: it is not published; strip again."
            )
        manifest = draft.signed(self._keys)
        reached(FaultPoint.PUBLISH_READY)
        self.store.put_if_absent(f"{manifest.prefix}/{MANIFEST}", manifest.to_bytes())
        reached(FaultPoint.PUBLISH_MANIFEST_WRITTEN)
        self.store.delete([f"{manifest.prefix}/{DRAFT}"])
        return manifest

    def delete(self, manifest: Manifest) -> None:
        """Delete a snapshot or a draft: the manifest first, so that it is never listed without its files."""
        self.store.delete([f"{manifest.prefix}/{MANIFEST}"])
        self._delete_all(manifest.prefix)

    def sweep(self, older_than: timedelta = timedelta(days=2)) -> None:
        """Delete what killed runs left unpublished; the age spares those that are at work."""
        limit = new_id(datetime.now(UTC) - older_than)
        for kind in KINDS:
            found = {item.key.split("/")[1] for item in self.store.list(f"{kind}/")}
            for id_ in found.difference(self.ids(kind)):
                if id_ < limit:
                    self._delete_all(f"{kind}/{id_}")

    def _delete_all(self, prefix: str) -> None:
        self.store.delete([item.key for item in self.store.list(f"{prefix}/")])

    def _read(self, kind: Kind, id_: str, name: str) -> Manifest:
        key = f"{kind}/{id_}/{name}"
        try:
            data = b"".join(self.store.read(key))
        except ObjectMissing:
            raise SnapshotMissing(
                f"The store has no {kind} snapshot {id_}: `etna snapshots` lists those that it has."
            ) from None
        manifest = Manifest.from_bytes(data, self._keys, self.store.location(key))
        if (manifest.kind, manifest.id) != (kind, id_):
            raise SnapshotDamaged(
                f"{self.store.location(key)}: this manifest belongs to another snapshot: do not use it."
            )
        return manifest


def _ids(keys: Iterable[str]) -> list[str]:
    return sorted(parts[1] for parts in (key.split("/") for key in keys) if parts[2:] == [MANIFEST])


def checked(store: Store, manifest: Manifest, file: ArchiveFile) -> Iterator[bytes]:
    """Stream a file of a snapshot; raises SnapshotDamaged at its end unless size and SHA-256 are the manifest's."""
    key = manifest.archive_key(file.name)
    sha256, size = hashlib.sha256(), 0
    try:
        for chunk in store.read(key):
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
