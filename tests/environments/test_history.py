from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push, RedeployOutcome, Serving
from etna_pipelines.errors import StoreError
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import new_id
from etna_pipelines.stores.local import LocalStore


def a_push(environment: str = "development") -> Push:
    return Push(
        id=new_id(),
        environment=environment,
        snapshot="20261123T020000000000Z-aaaaaa",
        kind="stripped",
        rules="digest",
        started=datetime.now(UTC),
        seconds=3.5,
        outage=0.1,
        rows=10,
        previous=None,
    )


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_ids_of_pushes_go_up_whatever_the_clock_says(store: LocalStore) -> None:
    """Else a push would be older than the one that it replaces, where that was made with a clock two hours ahead."""
    ahead = new_id(datetime.now(UTC) + timedelta(hours=2))
    served = new_id(datetime.now(UTC) + timedelta(hours=3))
    first = history.next_id(store, "development")
    history.record(store, a_push().model_copy(update={"id": ahead}))
    later = history.next_id(store, "development")
    assert first < ahead < later < served < history.next_id(store, "development", served)
    assert history.next_id(store, "staging") < ahead


CONTENT = Serving(push="p", snapshot="s", kind="full", rules=None, pushed=datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize("before", [None, "It's ours", "Two\nlines", "Ours\netna-pipelines: {}"])
def test_a_database_says_what_it_holds_after_what_people_say(database: Database, before: str | None) -> None:
    with database.maintenance.connect() as connection:
        history.mark(connection, database.name, CONTENT, like=before)
        comment = history.comment_of(connection, database.name) or ""
    assert history.serving(database) == CONTENT
    assert comment.count(history.MARK) == 1
    people = [line for line in (before or "").splitlines() if not line.startswith(history.MARK)]
    assert comment.splitlines()[:-1] == people


@pytest.mark.parametrize("comment", [None, "", "Ours", "etna-pipelines: ", "etna-pipelines: {", "etna-pipelines: {}"])
def test_other_comments_say_nothing(comment: str | None) -> None:
    assert history.serving_of(comment) is None


def test_no_database_serves_nothing(database: Database) -> None:
    assert history.serving(database.named("not_there")) is None


def test_the_last_push_of_an_environment(store: LocalStore) -> None:
    assert history.last(store, "development") is None
    first, second, other = a_push(), a_push(), a_push("staging")
    for push in (second, first, other):
        history.record(store, push)
    last = history.last(store, "development")
    assert last and last.push == second and last.redeploy is None


def test_when_environments_were_last_pushed_to(store: LocalStore) -> None:
    before = datetime.now(UTC)
    for name in ("test/login", "test/login-page", "test/login", "staging"):
        history.record(store, a_push(name))
    pushed = history.last_pushed(store, "test/")
    assert {*pushed} == {"test/login", "test/login-page"}
    assert before <= pushed["test/login-page"] < pushed["test/login"] <= datetime.now(UTC)


def test_a_snapshot_knows_where_it_went(store: LocalStore) -> None:
    here, there = a_push(), a_push("test/login-page")
    gone = here.model_copy(update={"action": "expiry", "started": datetime.now(UTC)})
    nowhere = a_push().model_copy(update={"snapshot": None})
    for push in (nowhere, gone, there, here):
        history.record(store, push)
    assert [record.push for record in history.of_snapshot(store, here.snapshot or "")] == [here, there, gone]
    assert history.of_snapshot(store, "another") == []
    last = history.last(store, "development")
    assert last and last.push == nowhere
    assert history.find(store, "development", here.id) == history.recorded(store, here)


def test_what_a_failed_record_left_of_a_lineage_is_nothing_and_becomes_whole(tmp_path: Path) -> None:
    class Down(LocalStore):
        down = "lineage/"

        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            if key.startswith(self.down):
                raise StoreError("The store is down.")
            return super().put(key, chunks)

    store, push = Down(tmp_path / "store"), a_push()
    for Down.down in ("lineage/", "pushes/"):
        with pytest.raises(StoreError):
            history.record(store, push)
        assert (history.last(store, "development"), history.of_snapshot(store, push.snapshot or "")) == (None, [])
    Down.down = "nothing"
    history.record(store, push)
    assert [record.push for record in history.of_snapshot(store, push.snapshot or "")] == [push]


def test_a_redeploy_is_kept_with_its_push(store: LocalStore) -> None:
    push = a_push()
    history.record(store, push)
    outcome = RedeployOutcome(succeeded=True, version="26.08.21.2215", seconds=2, at=datetime.now(UTC))
    history.record_redeploy(store, push, outcome)
    found = history.recorded(store, push)
    assert found and found.push == push and found.redeploy == outcome


def test_a_record_that_is_none_is_named(store: LocalStore) -> None:
    store.put("pushes/development/x.json", [b"{}"])
    with pytest.raises(StoreError, match=r"x\.json is no record of a push"):
        history.last(store, "development")
