from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import damaged, marks, put_mark, verified
from etna_pipelines.snapshots.manifest import SUBSET, Kind
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED, draft, stored

MONDAY, TUESDAY = "20261123T020000000000Z-aaaaaa", "20261124T020000000000Z-bbbbbb"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def catalogue(store: LocalStore) -> Catalogue:
    return Catalogue(store, b"signing key")


def publish(catalogue: Catalogue, id_: str, kind: Kind = "full") -> None:
    catalogue.publish(stored(catalogue.store, draft(id_, kind, PASSED if kind == "stripped" else None)))


def test_the_latest_mark_of_a_snapshot_counts(catalogue: Catalogue, store: LocalStore) -> None:
    publish(catalogue, MONDAY)
    publish(catalogue, TUESDAY, "stripped")
    assert (verified(store), damaged(store)) == ({}, {})

    good = put_mark(store, "full", MONDAY, "verified")
    bad = put_mark(store, "stripped", TUESDAY, "damaged", "one is cut.")
    assert (verified(store), damaged(store)) == ({MONDAY: good.when}, {TUESDAY: bad.when})

    again = put_mark(store, "stripped", TUESDAY, "verified")
    assert (verified(store), damaged(store)) == ({MONDAY: good.when, TUESDAY: again.when}, {})


def test_a_clock_that_goes_back_hides_no_damage(store: LocalStore) -> None:
    store.put(f"full/marks/{MONDAY}/verified-20990101T000000000000Z.json", [b"{}"])

    bad = put_mark(store, "full", MONDAY, "damaged", "one is cut.")

    assert bad.when > datetime(2099, 1, 1, tzinfo=UTC)
    assert damaged(store) == {MONDAY: bad.when}


def test_what_is_damaged_is_not_the_newest_and_is_refused_by_its_sentence(
    catalogue: Catalogue, store: LocalStore
) -> None:
    for id_ in (MONDAY, TUESDAY):
        publish(catalogue, id_)
    put_mark(store, "full", TUESDAY, "damaged", "The file 3.dat.gz is cut.")

    newest = catalogue.newest("full")
    assert newest and newest.id == MONDAY
    assert catalogue.ids("full") == [MONDAY, TUESDAY]
    with pytest.raises(SnapshotDamaged, match=r"was found damaged on .*: The file 3.dat.gz is cut. Choose another"):
        catalogue.read_sound("full", TUESDAY)

    put_mark(store, "full", TUESDAY, "verified")
    assert catalogue.read_sound("full", TUESDAY) == catalogue.newest("full")


def test_a_damaged_subset_is_made_anew(catalogue: Catalogue, store: LocalStore) -> None:
    publish(catalogue, MONDAY + SUBSET + "d", "stripped")
    assert catalogue.newest_subset("d")

    put_mark(store, "stripped", MONDAY + SUBSET + "d", "damaged", "one is cut.")

    assert catalogue.newest_subset("d") is None


def test_a_mark_goes_with_its_snapshot(catalogue: Catalogue, store: LocalStore) -> None:
    publish(catalogue, MONDAY)
    put_mark(store, "full", MONDAY, "verified")

    catalogue.delete("full", MONDAY)

    assert list(store.list("")) == []


@pytest.mark.parametrize(
    "key",
    [
        f"full/marks/{MONDAY}/verified-then.json",
        f"full/marks/{MONDAY}/verified-20261340T000000000000Z.json",
        f"full/{MONDAY}/lost-20261123T000000000000Z.json",
        f"parts/marks/{MONDAY}/verified-20261123T000000000000Z.json",
        f"full/{MONDAY}/marks/verified-20261123T000000000000Z.json",
    ],
)
def test_other_objects_are_no_marks(store: LocalStore, key: str) -> None:
    store.put(key, [b"{}"])
    assert marks(store) == {}
