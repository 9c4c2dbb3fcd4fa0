from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.errors import SnapshotDamaged, SnapshotMissing, SnapshotUnreadable, StoreRefused
from etna_pipelines.progress import Tick
from etna_pipelines.snapshots.catalogue import STRIP, Catalogue
from etna_pipelines.snapshots.manifest import KINDS, Kind, new_id
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import FAILED, FILES, PASSED, draft, stored

KEY = b"signing key"
IDS = [f"202611{day}T020000000000Z-aaaaaa" for day in (20, 21, 22)]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def catalogue(store: LocalStore) -> Catalogue:
    return Catalogue(store, KEY)


def keys(store: LocalStore) -> list[str]:
    return [item.key for item in store.list("")]


def test_an_empty_store_has_no_snapshots(catalogue: Catalogue) -> None:
    assert catalogue.list() == []
    assert catalogue.newest("full") is None


def test_a_draft_is_read_and_not_listed(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = stored(store, draft())
    catalogue.save_draft(manifest)
    assert catalogue.list() == catalogue.ids("full") == []
    assert catalogue.newest("full") is None
    assert catalogue.read_draft("full", manifest.id) == manifest.signed(KEY)
    with pytest.raises(SnapshotMissing, match=f"no full snapshot {manifest.id}: `etna snapshots`"):
        catalogue.read("full", manifest.id)


def test_a_published_snapshot_is_listed_and_its_draft_is_gone(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = stored(store, draft())
    catalogue.save_draft(manifest)
    published = catalogue.publish(manifest)
    assert catalogue.list() == [published] == catalogue.list("full")
    assert catalogue.list("stripped") == []
    assert catalogue.read("full", manifest.id) == published
    assert keys(store) == [*sorted(manifest.archive_key(name) for name in FILES), f"full/{manifest.id}/manifest.json"]


def test_snapshots_are_listed_oldest_first_across_kinds(catalogue: Catalogue, store: LocalStore) -> None:
    for id_, kind in ((IDS[2], "full"), (IDS[0], "full"), (IDS[1], "stripped")):
        catalogue.publish(stored(store, draft(id_, kind, PASSED)))
    assert [manifest.id for manifest in catalogue.list()] == IDS
    assert catalogue.ids("full") == [IDS[0], IDS[2]]
    newest = catalogue.newest("full")
    assert newest is not None
    assert newest.id == IDS[2]


def test_a_snapshot_is_published_once(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = stored(store, draft())
    catalogue.publish(manifest)
    catalogue.publish(manifest)  # our own write, whose reply was lost
    with pytest.raises(StoreRefused):
        catalogue.publish(manifest.model_copy(update={"seconds": 99}))
    assert catalogue.read("full", manifest.id).seconds == manifest.seconds


@pytest.mark.parametrize("proof", [None, FAILED])
def test_a_stripped_snapshot_without_a_passed_proof_is_not_published(
    catalogue: Catalogue, store: LocalStore, proof: None
) -> None:
    with pytest.raises(SnapshotDamaged, match="has no passed proof: it is not published"):
        catalogue.publish(stored(store, draft(kind="stripped", proof=proof)))
    assert catalogue.list() == []


def test_deleting_begins_with_the_manifest(catalogue: Catalogue, store: LocalStore, tmp_path: Path) -> None:
    class Recording(LocalStore):
        deleted: list[list[str]] = []  # noqa: RUF012 - one test's own

        def delete(self, keys: Iterable[str]) -> None:
            self.deleted.append(list(keys))
            super().delete(self.deleted[-1])

    manifest = catalogue.publish(stored(store, draft()))
    recording = Recording(tmp_path / "store")
    Catalogue(recording, KEY).delete("full", manifest.id)
    assert recording.deleted[0] == [f"{manifest.prefix}/manifest.json"]
    assert keys(store) == []


def test_deleting_one_leaves_the_others(catalogue: Catalogue, store: LocalStore) -> None:
    first, second = (catalogue.publish(stored(store, draft(id_))) for id_ in IDS[:2])
    catalogue.delete("full", first.id)
    assert catalogue.list() == [second]
    catalogue.read_back(second)


def test_deleting_a_draft_leaves_nothing(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = stored(store, draft())
    catalogue.save_draft(manifest)
    catalogue.discard(manifest)
    assert keys(store) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_deletes_old_drafts_and_nothing_else(catalogue: Catalogue, store: LocalStore, kind: Kind) -> None:
    week = timedelta(days=7)
    published = catalogue.publish(stored(store, draft(new_id(datetime.now(UTC) - 2 * week), kind, PASSED)))
    old = stored(store, draft(new_id(datetime.now(UTC) - week), kind))
    young = stored(store, draft(new_id(), kind))
    catalogue.save_draft(young)
    beside = f"{published.prefix}/{STRIP}"
    for id_ in (old.id, young.id):  # strips that are shared out
        store.put(f"{beside}{id_}/begun.sealed", [b"x"])
    catalogue.sweep()
    assert {key.split("/")[1] for key in keys(store)} == {published.id, young.id}
    assert [item.key for item in store.list(beside)] == [f"{beside}{young.id}/begun.sealed"]
    catalogue.read_back(published)
    catalogue.read_back(young)
    catalogue.sweep(older_than=-week)
    assert {key.split("/")[1] for key in keys(store)} == {published.id}
    assert old.id not in catalogue.ids(kind)


def test_reading_back_passes_every_byte(catalogue: Catalogue, store: LocalStore) -> None:
    ticks: list[Tick] = []
    catalogue.read_back(stored(store, draft()), ticks.append)
    assert (ticks[-1].done, ticks[-1].total) == (12, 12)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("now", [b"", b"other content", "flipped", "cut", "appended", None])
def test_a_file_that_is_not_what_was_written_is_named(
    catalogue: Catalogue, store: LocalStore, name: str, now: bytes | str | None
) -> None:
    manifest = stored(store, draft())
    data = FILES[name]
    changes = {"flipped": bytes([data[0] ^ 1]) + data[1:], "cut": data[:-1], "appended": data + b"x"}
    if now is None:
        store.delete([manifest.archive_key(name)])
    else:
        store.put(manifest.archive_key(name), [now if isinstance(now, bytes) else changes[now]])
    with pytest.raises(SnapshotDamaged, match=f"{manifest.id}/archive/{name} is ") as damaged:
        catalogue.read_back(manifest)
    assert "do not use this snapshot" in str(damaged.value)


def test_a_manifest_of_another_key_or_place_is_refused(catalogue: Catalogue, store: LocalStore) -> None:
    published = catalogue.publish(stored(store, draft(IDS[0])))
    with pytest.raises(
        SnapshotUnreadable, match=f"{IDS[0]}/manifest.json: the manifest says that the key .* signed it"
    ):
        Catalogue(store, b"another").list()
    store.put(f"full/{IDS[1]}/manifest.json", [published.to_bytes()])
    with pytest.raises(SnapshotDamaged, match="belongs to another snapshot"):
        catalogue.list()


def test_a_full_manifest_moved_among_the_stripped_is_refused(catalogue: Catalogue, store: LocalStore) -> None:
    published = catalogue.publish(stored(store, draft(IDS[0])))
    store.put(f"stripped/{IDS[0]}/manifest.json", [published.to_bytes()])
    with pytest.raises(SnapshotDamaged, match="belongs to another snapshot"):
        catalogue.newest("stripped")


def test_what_else_lies_in_the_store_is_no_snapshot(catalogue: Catalogue, store: LocalStore) -> None:
    for key in ("full/manifest.json", f"full/{IDS[0]}/archive/manifest.json", "pushes/x/manifest.json"):
        store.put(key, [b"{}"])
    assert catalogue.list() == []
