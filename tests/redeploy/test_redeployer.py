from dataclasses import dataclass, field
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push
from etna_pipelines.errors import LockHeld, RedeployFailed
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed, redeploy
from etna_pipelines.stores.local import LocalStore
from tests.environments.test_history import a_push


@dataclass
class Recording:
    """A redeployer that does nothing, or fails."""

    fails: bool = False
    calls: list[str] = field(default_factory=list)

    def redeploy(self, deployment: Deployment) -> Redeployed:
        self.calls.append(deployment.push)
        if self.fails:
            raise RedeployFailed("did not start")
        return Redeployed("26.08.21.2215", 1.5)


def _deployment(push: Push, database: Database) -> Deployment:
    return Deployment(push.id, push.environment, database)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def pushed(store: LocalStore) -> Push:
    push = a_push()
    history.record(store, push)
    return push


def test_it_fires_once_for_a_push(database: Database, store: LocalStore, pushed: Push) -> None:
    redeployer = Recording()
    first = redeploy(pushed, _deployment(pushed, database), redeployer, store)
    assert (
        redeploy(pushed, _deployment(pushed, database), redeployer, store) == first == Redeployed("26.08.21.2215", 1.5)
    )
    assert redeployer.calls == [pushed.id]


def test_a_failure_is_kept_and_retried_alone(database: Database, store: LocalStore, pushed: Push) -> None:
    with pytest.raises(RedeployFailed, match="did not start"):
        redeploy(pushed, _deployment(pushed, database), Recording(fails=True), store)
    found = history.recorded(store, pushed)
    assert found and found.redeploy and not found.redeploy.succeeded
    assert redeploy(pushed, _deployment(pushed, database), Recording(), store).version == "26.08.21.2215"


def test_a_push_that_nobody_made_is_not_redeployed(database: Database, store: LocalStore) -> None:
    redeployer = Recording()
    with pytest.raises(RedeployFailed, match="the store has no record of push"):
        redeploy(a_push(), _deployment(a_push(), database), redeployer, store)
    assert redeployer.calls == []


def test_one_redeploy_at_a_time(database: Database, store: LocalStore, pushed: Push) -> None:
    redeployer = Recording()
    with exclusive(database, "redeploy development"), pytest.raises(LockHeld):
        redeploy(pushed, _deployment(pushed, database), redeployer, store)
    assert redeployer.calls == []
