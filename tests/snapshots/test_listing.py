"""Lists are quick, because what was read once is remembered; and right whatever became of the memory."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from etna_pipelines.keys import SigningKeys
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.listing import Listed, Memory, Unreadable, listing
from etna_pipelines.snapshots.manifest import Kind, Manifest
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED, draft, stored

KEY = b"signing key"
IDS = [f"202611{day}T020000000000Z-aaaaaa" for day in (20, 21, 22)]


class Counting(LocalStore):
    """Knows which manifests were read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.manifests: list[str] = []

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if key.endswith("manifest.json"):
            self.manifests.append(key.split("/")[1])
        return super().read(key, offset, length)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")


@pytest.fixture
def catalogue(store: Counting) -> Catalogue:
    return Catalogue(store, KEY)


@pytest.fixture
def memory(tmp_path: Path, catalogue: Catalogue) -> Memory:
    return Memory.of(tmp_path / "home", catalogue)


def publish(catalogue: Catalogue, id_: str, kind: Kind = "full") -> Manifest:
    return catalogue.publish(stored(catalogue.store, draft(id_, kind, PASSED if kind == "stripped" else None)))


def ids(found: list[Listed | Unreadable]) -> list[str]:
    return [each.id for each in found if isinstance(each, Listed)]


def test_a_list_tells_what_manifests_say(catalogue: Catalogue) -> None:
    later, earlier = publish(catalogue, IDS[1], "stripped"), publish(catalogue, IDS[0])
    assert listing(catalogue) == [Listed.of(earlier), Listed.of(later)]
    [full, stripped] = [each.model_dump() for each in listing(catalogue) if isinstance(each, Listed)]
    shared = {"is_subset": False, "bytes": 12, "rows": 2, "database": "etna"}
    assert full == {"kind": "full", "id": IDS[0], "parent": None, "rules": "", "key_id": "", "proven": None, **shared}
    assert stripped == {
        **{"kind": "stripped", "id": IDS[1], "parent": later.parent, "rules": "d", "key_id": "k", "proven": True},
        **shared,
    }


def test_what_was_read_once_is_not_read_again(catalogue: Catalogue, memory: Memory, store: Counting) -> None:
    for id_ in IDS[:2]:
        publish(catalogue, id_)
    first = listing(catalogue, memory)
    assert store.manifests == IDS[:2]
    assert listing(catalogue, memory) == first == listing(catalogue)
    store.manifests.clear()
    publish(catalogue, IDS[2])
    assert ids(listing(catalogue, memory)) == IDS
    assert store.manifests == [IDS[2]]


def test_drafts_and_retired_ones_are_not_listed(catalogue: Catalogue, memory: Memory) -> None:
    catalogue.save_draft(stored(catalogue.store, draft(IDS[0])))
    for id_ in IDS[1:]:
        publish(catalogue, id_)
    assert ids(listing(catalogue, memory)) == IDS[1:]
    catalogue.retire("full", IDS[1])
    catalogue.publish(catalogue.read_draft("full", IDS[0]))
    assert ids(listing(catalogue, memory)) == [IDS[0], IDS[2]] == catalogue.ids("full")
    catalogue.bring_back("full", IDS[1])
    assert ids(listing(catalogue, memory)) == IDS == catalogue.ids("full")


def test_what_was_deleted_is_forgotten(catalogue: Catalogue, memory: Memory) -> None:
    for id_ in IDS:
        publish(catalogue, id_)
    listing(catalogue, memory)
    catalogue.delete("full", IDS[1])
    assert ids(listing(catalogue, memory)) == [IDS[0], IDS[2]]
    assert {id_ for _, id_ in memory.recall()} == {IDS[0], IDS[2]}


def test_a_manifest_that_was_changed_is_told_beside_the_others_each_time(catalogue: Catalogue, memory: Memory) -> None:
    for id_ in IDS[:2]:
        publish(catalogue, id_)
    manifest = Path(catalogue.store.location(f"full/{IDS[1]}/manifest.json"))
    manifest.write_text(manifest.read_text().replace("production", "staging"))
    for _ in range(2):
        good, damaged = listing(catalogue, memory)
        assert isinstance(good, Listed) and good.id == IDS[0]
        assert isinstance(damaged, Unreadable)
        assert (damaged.kind, damaged.id) == ("full", IDS[1]) and IDS[1] in str(damaged.problem)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "invented", "a folder", "gone"])
def test_a_memory_that_is_damaged_counts_for_nothing(catalogue: Catalogue, memory: Memory, damage: str) -> None:
    publish(catalogue, IDS[0])
    expected = listing(catalogue, memory)
    data = memory.file.read_bytes()
    memory.file.unlink()
    if damage == "a folder":
        memory.file.mkdir()
    elif damage != "gone":
        changed = {"flipped": data.replace(b'"rows":2', b'"rows":3'), "cut": data[:-1], "empty": b"", "invented": b"[]"}
        memory.file.write_bytes(changed[damage])
    assert memory.recall() == {}
    assert listing(catalogue, memory) == expected


def test_a_memory_is_private_and_of_one_store_and_key(catalogue: Catalogue, memory: Memory, tmp_path: Path) -> None:
    publish(catalogue, IDS[0])
    listing(catalogue, memory)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (memory.file, memory.file.parent)] == [0o600, 0o700]
    assert [*memory.file.parent.iterdir()] == [memory.file]
    assert Memory(memory.file, SigningKeys(b"another")).recall() == {}
    elsewhere = Catalogue(LocalStore(tmp_path / "elsewhere"), KEY)
    assert Memory.of(tmp_path / "home", elsewhere).file != memory.file


def test_a_home_that_cannot_be_written_to(catalogue: Catalogue, tmp_path: Path) -> None:
    publish(catalogue, IDS[0])
    (tmp_path / "home").write_text("a file")
    assert ids(listing(catalogue, Memory.of(tmp_path / "home", catalogue))) == IDS[:1]
