"""What pruning does to a store, and what it never does."""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.errors import SnapshotMissing, StoreRefused
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import put_mark
from etna_pipelines.snapshots.manifest import KINDS, Kind, Manifest, SubsetOf, new_id
from etna_pipelines.snapshots.retention_prune import Pruning, look, prune
from etna_pipelines.snapshots.retention_spec import Keep, KeepStripped, RetentionSpec
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.store import Store
from tests.snapshots.samples import PASSED, draft, stored

KEY = b"signing key"
FIRST = datetime(2025, 11, 3, 2, tzinfo=UTC)
THREE = RetentionSpec(full=Keep(nights=3, weeks=0, months=0), stripped=KeepStripped(nights=3, weeks=0, months=0))
YEARS = timedelta(days=5 * 365)
PART = SubsetOf(subset=Subset.parse("t=1"), rows={"public.t": 2})


class Died(BaseException):
    """The process was killed."""


class Mortal(LocalStore):
    """Its process is killed before one of its changes."""

    left = 1_000

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        self._change()
        return super().put(key, chunks)

    def delete(self, keys: Iterable[str]) -> None:
        for key in [*keys]:
            self._change()
            super().delete([key])

    def _change(self) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1


class Writing(LocalStore):
    """Its user may write and never delete."""

    def delete(self, keys: Iterable[str]) -> None:
        if [*keys]:
            raise StoreRefused("The credentials are not allowed DeleteObjects: grant it.")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def catalogue(store: LocalStore) -> Catalogue:
    return Catalogue(store, KEY)


def night(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def id_of(number: int, kind: Kind = "full") -> str:
    return f"{night(number):%Y%m%dT%H%M%S%f}Z-{'aaaaaa' if kind == 'full' else 'bbbbbb'}"


def publish(catalogue: Catalogue, number: int, kind: Kind = "full") -> Manifest:
    made = stored(catalogue.store, draft(id_of(number, kind), kind, PASSED if kind == "stripped" else None))
    return catalogue.publish(made)


def nights(catalogue: Catalogue, *numbers: int) -> None:
    for number in numbers:
        publish(catalogue, number)


def listed(catalogue: Catalogue) -> list[int]:
    """The numbers of the nights whose full snapshots are listed, each of which is whole."""
    ids = catalogue.ids("full")
    for id_ in ids:
        catalogue.read_back(catalogue.read("full", id_))
    return [(datetime.strptime(id_[:8], "%Y%m%d").replace(tzinfo=UTC, hour=2) - FIRST).days for id_ in ids]


def after(number: int) -> datetime:
    """Half an hour after a night began."""
    return night(number) + timedelta(minutes=30)


def told(pruning: Pruning) -> dict[str, list[str]]:
    """What was done, and to which nights."""
    found = {name: getattr(pruning, name) for name in ("retire", "delete", "waiting", "bring_back")}
    return {name: [each.snapshot.id[6:8] for each in verdicts] for name, verdicts in found.items() if verdicts}


def keys(store: Store) -> list[str]:
    return [item.key for item in store.list("")]


def test_what_goes_is_retired_first_and_deleted_a_day_later(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, *range(5))
    assert told(prune(catalogue, THREE, after(4))) == {"retire": ["03", "04"]}
    assert listed(catalogue) == [2, 3, 4]
    assert told(prune(catalogue, THREE, after(4))) == {"waiting": ["03", "04"]}
    nights(catalogue, 5)
    assert told(prune(catalogue, THREE, after(5))) == {"retire": ["05"], "waiting": ["03", "04"]}
    nights(catalogue, 6)
    assert told(prune(catalogue, THREE, after(6))) == {"delete": ["03", "04"], "retire": ["06"], "waiting": ["05"]}
    assert listed(catalogue) == [4, 5, 6]
    assert not [key for key in keys(store) if id_of(0) in key or id_of(1) in key]


def test_whoever_is_at_work_with_a_retired_one_goes_on(catalogue: Catalogue) -> None:
    nights(catalogue, *range(4))
    prune(catalogue, THREE, after(3))
    at_work = catalogue.read("full", id_of(0))
    nights(catalogue, 4)
    prune(catalogue, THREE, after(4))
    catalogue.read_back(at_work)
    with pytest.raises(SnapshotMissing, match=r"was retired on 06 November 2025 and is about to be deleted: choose"):
        catalogue.read_sound("full", id_of(0))  # nobody begins with it
    assert id_of(0) not in catalogue.ids("full")


def test_looking_changes_nothing(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, *range(5))
    before = keys(store)
    assert told(look(catalogue, THREE, after(4))) == {"retire": ["03", "04"]}
    assert keys(store) == before


def test_killed_before_any_of_its_changes_it_leaves_what_is_listed_whole_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    """Retire three, delete two, sweep one: killed before each object that it puts or deletes."""
    before = Catalogue(LocalStore(tmp_path / "before"), KEY)
    nights(before, *range(5))
    prune(before, THREE, after(4))
    nights(before, 5, 6, 7)
    before.save_draft(stored(before.store, draft(id_of(3, "stripped"))))
    for changes in range(1_000):
        root = tmp_path / f"killed-{changes}"
        shutil.copytree(tmp_path / "before", root)
        dying, catalogue = Mortal(root), Catalogue(LocalStore(root), KEY)
        dying.left = changes
        try:
            prune(Catalogue(dying, KEY), THREE, after(7))
            break
        except Died:
            pass
        assert {5, 6, 7} <= {*listed(catalogue)} <= {2, 3, 4, 5, 6, 7}
        prune(catalogue, THREE, after(7))
        assert listed(catalogue) == [5, 6, 7]
        assert not [key for key in keys(catalogue.store) if id_of(0) in key or id_of(1) in key or "bbbbbb" in key]
    assert changes > 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_clock_that_is_years_ahead_deletes_nothing(catalogue: Catalogue, store: LocalStore, kind: Kind) -> None:
    """Not what was retired today, nor what runs are at work on."""
    for number in range(5):
        publish(catalogue, number, kind)
    prune(catalogue, THREE, after(4))
    catalogue.save_draft(stored(store, draft(id_of(4)[:-6] + "cccccc", "full")))
    before = keys(store)
    done = prune(catalogue, THREE, after(4) + YEARS)
    assert (told(done), [*done.leftovers]) == ({"waiting": ["03", "04"]}, [])
    assert keys(store) == before


def test_a_clock_that_is_years_behind_deletes_nothing(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, *range(5))
    prune(catalogue, THREE, after(4))
    before = keys(store)
    assert told(prune(catalogue, THREE, after(4) - YEARS)) == {"retire": ["03", "04"]}
    assert [key for key in keys(store) if "/marks/" not in key] == [key for key in before if "/marks/" not in key]
    assert listed(catalogue) == [2, 3, 4]


def test_what_a_clock_years_ahead_retired_is_deleted_all_the_same(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, *range(5))
    assert told(prune(catalogue, THREE, after(4) + YEARS)) == {"retire": ["03", "04"]}
    nights(catalogue, 5)
    assert told(prune(catalogue, THREE, after(5))) == {"retire": ["03", "04", "05"]}
    nights(catalogue, 6, 7)
    assert told(prune(catalogue, THREE, after(7)))["delete"] == ["03", "04", "05"]
    assert catalogue.folders("full") == [id_of(number) for number in (3, 4, 5, 6, 7)]


def test_marks_of_somebody_who_may_only_write_delete_nothing(catalogue: Catalogue) -> None:
    """All are marked as retired years ago: the next prune asks the rules, and brings them back."""
    nights(catalogue, *range(5))
    for number in range(5):
        catalogue.retire("full", id_of(number), night(number) - YEARS)
    assert listed(catalogue) == []
    assert told(prune(catalogue, THREE, after(4))) == {"delete": ["03", "04"], "bring_back": ["05", "06", "07"]}
    assert listed(catalogue) == [2, 3, 4]


def test_more_is_kept_from_now_on_and_what_was_retired_comes_back(catalogue: Catalogue) -> None:
    nights(catalogue, *range(5))
    prune(catalogue, THREE, after(4))
    assert listed(catalogue) == [2, 3, 4]
    prune(catalogue, RetentionSpec(full=Keep(nights=4, weeks=0, months=0)), after(4))
    assert listed(catalogue) == [1, 2, 3, 4]


def test_what_is_not_sound_counts_for_nothing_and_is_left_alone(catalogue: Catalogue, store: LocalStore) -> None:
    """Of eight nights the last five can't be relied on, each for another reason."""
    nights(catalogue, *range(8))
    changed = Path(store.location(f"full/{id_of(3)}/manifest.json"))
    changed.write_text(changed.read_text().replace("etna", "atna"))
    Path(store.location(f"full/{id_of(4)}/manifest.json")).write_bytes(b"")
    foreign = Catalogue(store, b"another key").publish
    changed = Path(store.location(f"full/{id_of(5)}/manifest.json"))
    changed.unlink()
    foreign(draft(id_of(5)))
    Path(store.location(f"full/{id_of(6)}/archive/3.dat.gz")).write_bytes(b"")
    put_mark(store, "full", id_of(7), "damaged", "its content")
    before = keys(store)

    done = prune(catalogue, RetentionSpec(full=Keep(nights=0, weeks=0, months=0)), after(7))

    assert told(done) == {"retire": ["03"]}
    assert [each.id for each in done.unreadable] == [id_of(3), id_of(4), id_of(5)]
    assert [each.snapshot.id for each in done.verdicts if "damaged" in each.why] == [id_of(6), id_of(7)]
    assert {*before} <= {*keys(store)}


def test_all_nights_since_were_damaged_and_the_last_good_ones_stay(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, *range(12))
    for number in range(2, 12):
        Path(store.location(f"full/{id_of(number)}/archive/toc.dat")).unlink()
    assert told(prune(catalogue, THREE, after(11))) == {}


def test_a_subset_goes_with_what_it_is_a_part_of(catalogue: Catalogue, store: LocalStore) -> None:
    for number in range(4):
        publish(catalogue, number, "stripped")
    for number in (0, 3):
        part = draft(f"{id_of(number, 'stripped')}-subset-1", "stripped", PASSED)
        catalogue.publish(stored(store, part.model_copy(update={"parent": id_of(number, "stripped"), "part": PART})))
    done = prune(catalogue, THREE, after(3))
    assert [each.snapshot.id for each in done.retire] == [id_of(0, "stripped"), f"{id_of(0, 'stripped')}-subset-1"]


def test_a_subset_of_what_is_damaged_or_cant_be_read_stays(catalogue: Catalogue, store: LocalStore) -> None:
    whole = [publish(catalogue, number, "stripped") for number in range(4)]
    for each in whole[:2]:
        part = draft(f"{each.id}-subset-1", "stripped", PASSED)
        catalogue.publish(stored(store, part.model_copy(update={"parent": each.id, "part": PART})))
    put_mark(store, "stripped", whole[0].id, "damaged", "its content")
    store.put(f"{whole[1].prefix}/manifest.json", [b"{}"])
    done = prune(catalogue, RetentionSpec(stripped=KeepStripped(nights=0, weeks=0, months=0)), after(3))
    assert told(done) == {}
    assert [each.why for each in done.verdicts if each.snapshot.is_subset] == [
        "what it is a part of is damaged, or can't be read"
    ] * 2


def test_a_draft_of_a_clock_that_was_ahead_is_swept(catalogue: Catalogue, store: LocalStore) -> None:
    now = datetime.now(UTC)
    published = catalogue.publish(stored(store, draft(new_id(now))))
    ahead = stored(store, draft(new_id(now + YEARS)))
    at_work = stored(store, draft(new_id(now + timedelta(hours=3))))
    assert {item.key.split("/")[1] for item in catalogue.leftovers()} == {ahead.id}
    catalogue.publish(ahead)  # who knows which clock is wrong, once years of it were published
    draft_of_today = stored(store, draft(new_id(now + YEARS + timedelta(days=1))))
    assert catalogue.leftovers() == []
    assert {*catalogue.folders("full")} == {published.id, ahead.id, at_work.id, draft_of_today.id}


def test_what_killed_runs_left_is_swept_when_it_is_two_days_old(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, 0, 5)
    catalogue.save_draft(stored(store, draft(id_of(2))))  # a run that was killed
    at_work = stored(store, draft(id_of(4)))
    catalogue.save_draft(draft(id_of(0)))  # published since
    put_mark(store, "full", id_of(1), "verified")  # of one that is gone
    done = prune(catalogue, THREE, after(5))
    swept = {item.key for item in done.leftovers}
    assert {key.partition("/archive")[0] for key in swept} == {
        *(f"full/{id_of(2)}", f"full/{id_of(2)}/draft.json"),
        f"full/{id_of(0)}/draft.json",
        *(key for key in swept if key.startswith(f"full/marks/{id_of(1)}/verified-")),
    }
    assert not swept & {*keys(store)}
    assert [key for key in keys(store) if at_work.id in key]
    assert listed(catalogue) == [0, 5]


def test_nights_that_fail_for_weeks_leave_nothing_behind_but_the_last(catalogue: Catalogue, store: LocalStore) -> None:
    nights(catalogue, 0)
    for number in range(1, 20):
        catalogue.save_draft(stored(store, draft(id_of(number))))
        catalogue.sweep()
    assert catalogue.folders("full") == [id_of(number) for number in (0, 17, 18, 19)]


def test_half_written_files_and_uploads_are_swept(tmp_path: Path) -> None:
    class Swept(LocalStore):
        swept = 0

        def sweep(self, older_than: float = 0) -> None:
            self.swept += 1

    store = Swept(tmp_path / "store")
    prune(Catalogue(store, KEY), THREE)
    assert store.swept == 1


def test_a_run_that_may_never_delete_publishes_and_leaves_the_rest_to_the_pruner(
    catalogue: Catalogue, store: LocalStore, tmp_path: Path
) -> None:
    runner = Catalogue(Writing(tmp_path / "store"), KEY)
    nights(catalogue, 0)
    for number in (3, 4):
        runner.save_draft(stored(runner.store, draft(id_of(number))))
    runner.publish(runner.read_draft("full", id_of(3)))
    runner.discard(runner.read_draft("full", id_of(4)))
    assert listed(catalogue) == [0, 3]
    with pytest.raises(StoreRefused, match="not allowed DeleteObjects"):
        prune(runner, RetentionSpec(full=Keep(nights=1)), after(4))
    nights(catalogue, 7)
    prune(catalogue, THREE, after(7))
    assert listed(catalogue) == [0, 3, 7]
    assert catalogue.folders("full") == [id_of(number) for number in (0, 3, 7)]
    assert not [key for key in keys(store) if key.endswith("draft.json")]


def test_a_discarded_draft_that_was_published_stays(catalogue: Catalogue) -> None:
    """A run that reads back what an earlier try of it had published must not take that away."""
    published = publish(catalogue, 0)
    catalogue.discard(published)
    assert listed(catalogue) == [0]
