from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.errors import ObjectSealed, SnapshotDamaged, SnapshotMissing, StoreError, StoreRefused
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import Mark, damaged, put_mark, verified
from etna_pipelines.snapshots.manifest import Manifest, new_id
from etna_pipelines.snapshots.rereading import Stored, published, reread, reread_share, share
from etna_pipelines.stores.age_keys import Identity
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.sealed import SealedStore
from tests.snapshots.samples import PASSED, draft, stored

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def catalogue(store: LocalStore) -> Catalogue:
    return Catalogue(store, b"signing key")


def night(catalogue: Catalogue, days_ago: int) -> Manifest:
    return catalogue.publish(stored(catalogue.store, draft(new_id(NOW - days_ago * DAY))))


def of(days_ago: float, size: int = 1, *, marked: float | None = None, bad: bool = False) -> Stored:
    """A snapshot of so many days ago, which was last read so many days ago."""
    id_ = new_id(NOW - days_ago * DAY)
    mark = marked is not None and Mark("full", id_, "damaged" if bad else "verified", NOW - marked * DAY)
    return Stored("full", id_, size, mark or None)


# Which ones


def test_a_weeks_share_is_what_was_not_read_for_longest() -> None:
    nights = [of(days) for days in range(20, 0, -1)]
    assert share(nights, 4, NOW) == nights[:5]
    assert share(nights, 1, NOW) == nights
    assert share([], 4, NOW) == []

    read = [of(20 - number, marked=7) for number in range(5)]
    assert share([*read, *nights[5:]], 4, NOW) == nights[5:10]


def test_what_would_be_overdue_next_week_is_read_whatever_it_costs() -> None:
    huge, small = of(30, 1000), [of(days) for days in (29, 28, 27.5, 20)]
    assert share([huge, *small], 4, NOW) == [huge, *small[:3]]


def test_what_was_read_this_week_counts() -> None:
    """A run that is run again goes on, and reads nothing twice."""
    read, rest = of(20, marked=0.1), [of(days) for days in (5, 4, 3)]
    assert share([read, *rest], 2, NOW) == rest[:1]
    assert share([read, *rest], 4, NOW) == []


def test_a_damaged_one_is_looked_at_each_time() -> None:
    bad = of(20, marked=0.1, bad=True)
    good = of(2)
    assert share([bad, good, of(1)], 4, NOW) == [good, bad]


@pytest.mark.parametrize("weeks", [1, 2, 4])
def test_every_snapshot_is_read_within_the_weeks(weeks: int) -> None:
    """A year of nights, of which the newest sixty are kept, by what is chosen each Sunday alone."""
    last: dict[int, datetime] = {}
    for sunday in range(1, 53):
        now = NOW + sunday * 7 * DAY
        nights = range(max(0, sunday * 7 - 60), sunday * 7)
        there = {new_id(NOW + night * DAY): (night, 10 + night % 7 * 20) for night in nights}
        listed = [
            Stored("full", id_, size, Mark("full", id_, "verified", last[night]) if night in last else None)
            for id_, (night, size) in there.items()
        ]
        for chosen in share(listed, weeks, now):
            last[there[chosen.id][0]] = now
        unread = [each for each in listed if each.read < now - weeks * 7 * DAY and last.get(there[each.id][0]) != now]
        assert unread == []


# Reading them


def test_what_is_read_is_marked_and_its_snapshot_is_not_touched(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = night(catalogue, 3)
    before = {item.key: b"".join(store.read(item.key)) for item in store.list("")}

    assert reread(catalogue, "full", manifest.id) == manifest

    assert list(verified(store)) == [manifest.id]
    after = {item.key: b"".join(store.read(item.key)) for item in store.list("")}
    assert {key: after[key] for key in before} == before
    [listed] = published(catalogue)
    assert (listed.id, listed.mark is not None, listed.damaged) == (manifest.id, True, False)


def test_a_damaged_one_is_named_and_the_rest_is_read(catalogue: Catalogue, store: LocalStore) -> None:
    nights = [night(catalogue, days) for days in (40, 39, 38)]
    store.put(nights[1].archive_key("3.dat.gz"), [b"r0ws"])

    read = list(reread_share(catalogue, 4))

    assert [(each.snapshot.id, bool(each.problem)) for each in read] == [
        (nights[0].id, False),
        (nights[1].id, True),
        (nights[2].id, False),
    ]
    assert f"{nights[1].id}/archive/3.dat.gz is not what was published" in str(read[1].problem)
    assert list(damaged(store)) == [nights[1].id]

    store.put(nights[1].archive_key("3.dat.gz"), [b"rows"])  # out of a copy
    assert [each.problem for each in reread_share(catalogue, 4)] == [None]
    assert damaged(store) == {}


@pytest.mark.parametrize("name", ["toc.dat", "3.dat.gz"])
def test_a_file_that_was_lost_or_added(catalogue: Catalogue, store: LocalStore, name: str) -> None:
    lost, added = night(catalogue, 3), night(catalogue, 2)
    store.delete([lost.archive_key(name)])
    store.put(added.archive_key("3.dat"), [b"rows"])

    with pytest.raises(SnapshotDamaged, match=f"{lost.id}/archive/{name} is missing"):
        reread(catalogue, "full", lost.id)
    with pytest.raises(SnapshotDamaged, match=rf"{added.id}/archive/3.dat is not in its snapshot's manifest"):
        reread(catalogue, "full", added.id)
    assert set(damaged(store)) == {lost.id, added.id}


def test_one_that_is_of_another_key_is_told_and_not_called_damaged(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = Catalogue(store, b"another").publish(stored(store, draft(new_id(NOW - 40 * DAY))))

    [read] = reread_share(catalogue, 4)

    assert f"{manifest.id}/manifest.json: the manifest says that the key" in str(read.problem)
    assert damaged(store) == {}


def test_one_that_is_deleted_meanwhile_is_no_damage(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = night(catalogue, 3)

    class Vanishing(LocalStore):
        def read(self, key: str, offset: int = 0, length: int | None = None):  # type: ignore[no-untyped-def]
            if key.endswith("toc.dat"):
                catalogue.delete("full", manifest.id)
            return super().read(key, offset, length)

    with pytest.raises(SnapshotMissing, match="was deleted while it was read"):
        reread(Catalogue(Vanishing(Path(store.location())), b"signing key"), "full", manifest.id)
    assert list(store.list("")) == []


def test_a_store_that_fails_is_not_asked_for_ever(catalogue: Catalogue, store: LocalStore) -> None:
    for days in range(40, 30, -1):
        night(catalogue, days)
    asked: list[str] = []

    class Failing(LocalStore):
        def read(self, key: str, offset: int = 0, length: int | None = None):  # type: ignore[no-untyped-def]
            asked.append(key)
            raise StoreError("The store is not there.")

    with pytest.raises(StoreError, match="is not there"):
        list(reread_share(Catalogue(Failing(Path(store.location())), b"signing key"), 4))
    assert len(asked) == 5  # three manifests, and whether another can be read


def test_some_that_cant_be_read_do_not_keep_the_others_from_it(catalogue: Catalogue, store: LocalStore) -> None:
    """They come first every week."""
    ids = [night(catalogue, days).id for days in range(40, 32, -1)]

    class Failing(LocalStore):
        def read(self, key: str, offset: int = 0, length: int | None = None):  # type: ignore[no-untyped-def]
            if any(id_ in key for id_ in ids[:4]):
                raise StoreError(f"{key} can't be read.")
            return super().read(key, offset, length)

    read = [*reread_share(Catalogue(Failing(Path(store.location())), b"signing key"), 4)]

    assert [each.snapshot.id for each in read if each.problem] == ids[:4]
    assert sorted(verified(store)) == ids[4:]


def test_who_may_only_read_is_told_what_a_snapshot_is(catalogue: Catalogue, store: LocalStore) -> None:
    class ReadOnly(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            raise StoreRefused("The credentials are not allowed PutObject.")

    reader = Catalogue(ReadOnly(Path(store.location())), b"signing key")
    manifest = night(catalogue, 40)
    assert reread(reader, "full", manifest.id) == manifest
    [read] = reread_share(reader, 4)
    assert isinstance(read.problem, StoreRefused)  # the weekly job must not read the same ones for ever
    store.put(manifest.archive_key("3.dat.gz"), [b"r0ws"])
    with pytest.raises(SnapshotDamaged):
        reread(reader, "full", manifest.id)


def test_a_mark_of_a_clock_that_was_ahead_does_not_say_when_it_was_read(
    catalogue: Catalogue, store: LocalStore
) -> None:
    manifest = night(catalogue, 40)
    ahead = Mark("full", manifest.id, "verified", datetime.now(UTC) + 2000 * DAY)
    store.put(ahead.key, [b"{}"])
    assert [each.snapshot.id for each in reread_share(catalogue, 4)] == [manifest.id]
    assert [*reread_share(catalogue, 4)] == []

    bad = put_mark(store, "full", manifest.id, "damaged", "one is cut.")
    assert (bad.when > ahead.when, list(damaged(store))) == (True, [manifest.id])
    assert [each.problem for each in reread_share(catalogue, 4)] == [None]
    assert damaged(store) == {}


@pytest.mark.parametrize("name", ["toc.dat", "3.dat.gz"])
def test_a_damaged_header_of_an_encrypted_file_is_damage(tmp_path: Path, name: str) -> None:
    ours, theirs = Identity(bytes([1]) * 32), Identity(bytes([2]) * 32)
    inner = LocalStore(tmp_path / "sealed")

    def to(identity: Identity, *identities: Identity) -> Catalogue:
        recipients = [identity.recipient]
        sealed = SealedStore(inner, lambda key: [] if key.endswith(".json") else recipients, identities)
        return Catalogue(sealed, b"signing key")

    spoilt, foreign = night(to(ours, ours), 3), night(to(theirs, ours), 2)
    key = spoilt.archive_key(name)
    data = bytearray(b"".join(inner.read(key)))
    letter = data.index(b"-> X25519 ") + 60  # of the wrapped key, which stays base64
    data[letter : letter + 1] = b"B" if data[letter : letter + 1] == b"A" else b"A"
    inner.put(key, [bytes(data)])

    with pytest.raises(SnapshotDamaged, match=f"{spoilt.id}/archive/{name} can't be decrypted, and the snapshot"):
        reread(to(ours, ours), "full", spoilt.id)
    for catalogue in (to(ours, ours), Catalogue(inner, b"signing key")):
        with pytest.raises(ObjectSealed):
            reread(catalogue, "full", foreign.id)
    assert list(damaged(inner)) == [spoilt.id]


def test_a_stripped_one_is_read_too(catalogue: Catalogue, store: LocalStore) -> None:
    manifest = catalogue.publish(stored(store, draft(kind="stripped", proof=PASSED)))
    put_mark(store, "stripped", manifest.id, "damaged", "one is cut.")
    assert [each.snapshot.kind for each in reread_share(catalogue, 4)] == ["stripped"]
