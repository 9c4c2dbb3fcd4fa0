"""The sixth invariant can be violated."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import MARK, Push, RedeployOutcome
from etna_pipelines.stores.local import LocalStore
from tests.faults.redeploys import Redeploys

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PUSH = Push(
    action="push",
    id="20261123T020000000000Z-aaaaaa",
    environment="development",
    snapshot="20261123T010000000000Z-aaaaaa",
    kind="stripped",
    rules=None,
    started=NOW,
    seconds=1,
    outage=0,
    rows=1,
    previous=None,
)
SERVES = f'{MARK}{{"push": "{PUSH.id}"}}'


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def redeploys(tmp_path: Path, store: LocalStore) -> Redeploys:
    history.record(store, PUSH)
    return Redeploys(tmp_path / "redeploys", store)


def recorded(store: LocalStore, succeeded: bool | None, attempt: int = 1) -> None:
    outcome = RedeployOutcome(succeeded=succeeded, version=None, seconds=1, at=NOW, attempt=attempt)
    history.record_redeploy(store, PUSH, outcome)


def test_one_order_after_a_swap(redeploys: Redeploys, store: LocalStore) -> None:
    redeploys.look(is_done=False)
    redeploys.note(PUSH.id, SERVES)
    recorded(store, succeeded=True)
    redeploys.look(is_done=True)


def test_none_at_all(redeploys: Redeploys, store: LocalStore) -> None:
    with pytest.raises(AssertionError, match="it was not redeployed"):
        redeploys.look(is_done=True)
    recorded(store, succeeded=True)
    with pytest.raises(AssertionError, match="nothing was redeployed"):
        redeploys.look(is_done=False)


def test_one_before_its_swap(redeploys: Redeploys, store: LocalStore) -> None:
    redeploys.note(PUSH.id, SERVES.replace("aaaaaa", "bbbbbb"))
    recorded(store, succeeded=True)
    with pytest.raises(AssertionError, match="did not serve"):
        redeploys.look(is_done=True)


def test_again_once_its_end_is_not_known(redeploys: Redeploys, store: LocalStore) -> None:
    redeploys.note(PUSH.id, SERVES)
    recorded(store, succeeded=None)
    redeploys.look(is_done=False)
    redeploys.note(PUSH.id, SERVES)
    recorded(store, succeeded=True)
    redeploys.look(is_done=True)
    redeploys.note(PUSH.id, SERVES)
    with pytest.raises(AssertionError, match="repeated"):
        redeploys.look(is_done=True)


def test_another_attempt_once_one_has_failed(redeploys: Redeploys, store: LocalStore) -> None:
    redeploys.note(PUSH.id, SERVES)
    recorded(store, succeeded=False)
    redeploys.look(is_done=False)
    redeploys.note(f"{PUSH.id}-2", SERVES)
    recorded(store, succeeded=True, attempt=2)
    redeploys.look(is_done=True)
    redeploys.note(f"{PUSH.id}-3", SERVES)
    recorded(store, succeeded=True, attempt=3)
    with pytest.raises(AssertionError, match="none has failed"):
        redeploys.look(is_done=True)
