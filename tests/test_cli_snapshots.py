"""What people see of the store, and of what goes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.errors import StoreRefused
from etna_pipelines.settings import load
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import put_mark
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.commands import Etna
from tests.snapshots.samples import PASSED, draft, stored

TONIGHT = datetime.now(UTC).replace(hour=0, minute=1, second=0, microsecond=0)


@pytest.fixture
def nights(fresh: Path) -> list[Manifest]:
    """Four full snapshots and a stripped one, of which two of each kind are to stay."""
    (fresh / "environments.yaml").write_text("retention: {full: {nights: 2, weeks: 0, months: 0}}\n")
    settings = load()
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    ids = [f"{TONIGHT - timedelta(days=ago):%Y%m%dT%H%M%S%f}Z-aaaaaa" for ago in (3, 2, 1, 0)]
    full = [catalogue.publish(stored(catalogue.store, draft(id_))) for id_ in ids]
    newest = ids[-1].replace("aaaaaa", "bbbbbb")
    return [*full, catalogue.publish(stored(catalogue.store, draft(newest, "stripped", PASSED)))]


def rows(out: str) -> list[list[str]]:
    """The cells of a table's lines, where two blanks or more stand between."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]


def test_snapshots_are_told_oldest_first(etna: Etna, nights: list[Manifest]) -> None:
    head, *told = rows(etna("snapshots").out)
    assert head == ["kind", "id", "age", "size", "rows", "of", "rules", "proof"]
    assert [line[:2] for line in told] == [[each.kind, each.id] for each in nights]
    assert told[0][3:] == ["12 bytes", "2", "etna"]
    assert told[-1][3:] == ["12 bytes", "2", "etna", "d, key k", "passed"]


def test_damaged_ones_are_told_with_the_others_and_by_the_exit_code(etna: Etna, nights: list[Manifest]) -> None:
    store = load().open_store()
    put_mark(store, "full", nights[1].id, "damaged", "its content")
    Path(store.location(f"full/{nights[2].id}/manifest.json")).write_text("{}")
    ended = etna("snapshots")
    assert ended.code == 1
    told = rows(ended.out)
    assert told[2][-1] == f"found damaged on {datetime.now(UTC):%d %b %Y}"
    assert told[3][1] == nights[2].id and told[3][-1] == "can't be read"
    assert [line[1] for line in told[1:6]] == [each.id for each in nights]
    assert f"full/{nights[2].id}/manifest.json: the manifest " in ended.out.splitlines()[-1]


def test_who_may_list_stripped_ones_alone_sees_those(
    etna: Etna, nights: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists, folders = LocalStore.list, LocalStore.folders

    def refuse(prefix: str) -> None:
        if prefix.startswith("full/"):
            raise StoreRefused("The credentials are not allowed ListObjectsV2 of full/: grant it.")

    monkeypatch.setattr(LocalStore, "list", lambda self, prefix: [refuse(prefix), lists(self, prefix)][1])
    monkeypatch.setattr(LocalStore, "folders", lambda self, prefix: [refuse(prefix), folders(self, prefix)][1])
    ended = etna("snapshots")
    assert (ended.code, [line[1] for line in rows(ended.out)[1:-1]]) == (0, [nights[-1].id])
    assert ended.out.endswith("Not all are told: The credentials are not allowed ListObjectsV2 of full/: grant it.\n")
    assert etna("verify", nights[-1].id).code == 0


def test_why_and_prune_agree_on_what_is_cut(etna: Etna, nights: list[Manifest]) -> None:
    Path(load().open_store().location(nights[3].archive_key("3.dat.gz"))).write_bytes(b"")
    ended = etna("snapshots", "--why")
    assert ended.code == 1
    told = rows(ended.out)[1:]
    assert [line[4] for line in told[:1]] == ["next"]
    assert [line[0] for line in rows(etna("prune").out) if "retire" in line] == ["full"]
    assert told[3][4:] == ["stays", "it is damaged: that is for people to look at"]


def test_why_each_stays_and_until_when(etna: Etna, nights: list[Manifest]) -> None:
    head, *told = rows(etna("snapshots", "--why").out)
    assert head == ["kind", "id", "age", "size", "goes", "why"]
    assert [line[1] for line in told] == [each.id for each in nights]
    first, second = (f"{TONIGHT + timedelta(days=ahead):%d %b %Y}" for ahead in (1, 2))
    assert [line[4:] for line in told[:4]] == [
        *[["next", "newer ones stand for 2 nights, 0 weeks and 0 months"]] * 2,
        [first, "one of the newest 2, night 2 of 2"],
        [second, "the newest, night 1 of 2"],
    ]


def test_what_would_go_is_told_and_nothing_is_done(etna: Etna, nights: list[Manifest]) -> None:
    store = load().open_store()
    before = [item.key for item in store.list("")]
    ended = etna("prune")
    assert [line[1:5:3] for line in rows(ended.out)[1:3]] == [[nights[0].id, "retire"], [nights[1].id, "retire"]]
    assert "0 bytes would be free, 0 objects that runs left behind among it." in ended.out
    assert ended.out.endswith("Nothing was done: `etna prune --yes` does it.\n")
    assert [item.key for item in store.list("")] == before


def test_what_goes_is_retired_and_deleted_later(etna: Etna, nights: list[Manifest]) -> None:
    assert etna("prune", "--yes").code == 0
    assert [line[1] for line in rows(etna("snapshots").out)[1:]] == [each.id for each in nights[2:]]
    today = f"{datetime.now(UTC):%d %b %Y}"
    why = rows(etna("snapshots", "--why").out)[1:3]
    assert [line[3:] for line in why] == [["now", f"retired on {today}, deleted after 24 h"]] * 2
    settings = load()
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    for each in nights[:2]:
        catalogue.bring_back(each.kind, each.id)
        catalogue.retire(each.kind, each.id, TONIGHT - timedelta(hours=25))
    ended = etna("prune", "--yes")
    assert [line[4] for line in rows(ended.out)[1:3]] == ["deleted", "deleted"]
    assert "24 bytes are free" in ended.out
    assert catalogue.folders("full") == [each.id for each in nights[2:4]]
