from dataclasses import dataclass, field
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push, RedeployOutcome, Serving
from etna_pipelines.errors import GitHubError, LockHeld, RedeployFailed, RedeployRefused, RedeployUnfinished
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy import redeployer as module
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed, redeploy
from etna_pipelines.redeploy.spec import Health
from etna_pipelines.snapshots.manifest import new_id
from etna_pipelines.stores.local import LocalStore
from tests.environments.test_history import a_push


@dataclass
class Recording:
    """A redeployer that does nothing, or fails."""

    fails: BaseException | None = None
    calls: list[str] = field(default_factory=list)
    versions: list[str | None] = field(default_factory=list)
    found: list[str | None] = field(default_factory=list)
    """The references that earlier tries left."""

    def redeploy(self, deployment: Deployment) -> Redeployed:
        self.calls.append(deployment.key)
        self.versions.append(deployment.version)
        self.found.append(deployment.reference if deployment.asked else "new")
        if self.fails:
            deployment.note(f"run of {deployment.key}")
            raise self.fails
        return Redeployed(deployment.version or "26.08.21.2215", 1.5)


FAILURE = RedeployFailed("did not start")


def _deployment(push: Push, database: Database, version: str | None = None) -> Deployment:
    return Deployment(push.id, push.environment, database, version)


def _outcome(store: LocalStore, push: Push) -> RedeployOutcome:
    found = history.recorded(store, push)
    assert found and found.redeploy
    return found.redeploy


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


def test_a_failure_is_kept_and_tried_again_under_another_key(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer = Recording(FAILURE)
    with pytest.raises(RedeployFailed, match="did not start"):
        redeploy(pushed, _deployment(pushed, database), redeployer, store)
    kept = _outcome(store, pushed)
    assert (kept.succeeded, kept.attempt, kept.reference) == (False, 1, f"run of {pushed.id}")

    redeployer.fails = None
    assert redeploy(pushed, _deployment(pushed, database), redeployer, store).version == "26.08.21.2215"
    assert redeployer.calls == [pushed.id, f"{pushed.id}-2"]
    assert redeployer.found == ["new", "new"]


@pytest.mark.parametrize("interruption", [RedeployUnfinished("patience"), KeyboardInterrupt(), GitHubError("down")])
def test_what_was_asked_for_and_did_not_end_is_gone_on_with(
    database: Database, store: LocalStore, pushed: Push, interruption: BaseException
) -> None:
    redeployer = Recording(interruption)
    with pytest.raises(type(interruption)):
        redeploy(pushed, _deployment(pushed, database, "26.08.21.1"), redeployer, store)
    assert _outcome(store, pushed).succeeded is None

    redeployer.fails = None
    done = redeploy(pushed, _deployment(pushed, database, "26.08.22.1"), redeployer, store)
    assert redeployer.calls == [pushed.id, pushed.id]
    assert redeployer.found == ["new", f"run of {pushed.id}"]
    assert done.version == "26.08.21.1", "the version that was asked for"


def test_a_reference_of_another_kind_of_redeployer_is_not_gone_on_with(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    class Another(Recording):
        """What environments.yaml says by now."""

    with pytest.raises(RedeployUnfinished):
        redeploy(pushed, _deployment(pushed, database), Recording(RedeployUnfinished("patience")), store)
    another = Another()
    redeploy(pushed, _deployment(pushed, database), another, store)
    assert (another.calls, another.found) == ([pushed.id], [None])


def test_another_version_is_deployed_where_that_is_asked_for(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer = Recording()
    first, later = (_deployment(pushed, database, version) for version in ("26.08.21.1", "26.08.22.1"))
    redeploy(pushed, first, redeployer, store)
    assert redeploy(pushed, later, redeployer, store).version == "26.08.21.1"
    for _ in range(2):
        assert redeploy(pushed, later, redeployer, store, anew=True).version == "26.08.22.1"
    assert redeployer.calls == [pushed.id, f"{pushed.id}-2"]


def test_a_version_that_is_under_way_comes_to_its_end_before_another_one(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer = Recording(KeyboardInterrupt())
    first, later = (_deployment(pushed, database, version) for version in ("26.08.21.1", "26.08.22.1"))
    with pytest.raises(KeyboardInterrupt):
        redeploy(pushed, first, redeployer, store)
    redeployer.fails = RedeployUnfinished("patience")
    with pytest.raises(RedeployUnfinished):
        redeploy(pushed, later, redeployer, store, anew=True)
    redeployer.fails = None
    assert redeploy(pushed, later, redeployer, store, anew=True).version == "26.08.22.1"
    assert redeployer.calls == [pushed.id] * 3 + [f"{pushed.id}-2"]
    assert redeployer.versions == ["26.08.21.1"] * 3 + ["26.08.22.1"]


def test_a_later_version_that_fails_is_tried_again_and_the_one_that_worked_is_known(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer = Recording()
    first, later = (_deployment(pushed, database, version) for version in ("26.08.21.1", "26.08.22.1"))
    redeploy(pushed, first, redeployer, store)
    redeployer.fails = FAILURE
    for _ in range(2):
        with pytest.raises(RedeployFailed):
            redeploy(pushed, later, redeployer, store, anew=True)
    kept = _outcome(store, pushed)
    assert (kept.failed, kept.last_good and kept.last_good.wanted) == ("26.08.22.1", "26.08.21.1")

    redeployer.fails = None
    assert redeploy(pushed, first, redeployer, store).version == "26.08.22.1"


def test_what_was_deployed_is_not_deployed_again_for_its_health(
    database: Database, store: LocalStore, pushed: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    redeployer = Recording()

    def look(answer: BaseException | str) -> Redeployed:
        def check(health: Health, environment: str, expected: str | None) -> str:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(module, "check_application", check)
        return redeploy(pushed, _deployment(pushed, database), redeployer, store, health=Health(url="http://a.test/"))

    with pytest.raises(KeyboardInterrupt):
        look(KeyboardInterrupt())
    assert look("26.08.21.2216") == Redeployed("26.08.21.2216", 1.5)
    assert redeployer.calls == [pushed.id]


def test_what_is_lacking_is_said_before_anything_is_asked_for(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer, health = Recording(), Health(url="http://127.0.0.1:1/{version}", patience=1)
    for _ in range(2):
        with pytest.raises(RedeployRefused, match=r"no version is known: .* name one by `--version`"):
            redeploy(pushed, _deployment(pushed, database), redeployer, store, health=health)
    known = history.recorded(store, pushed)
    assert (redeployer.calls, known and known.redeploy) == ([], None)
    redeploy(pushed, _deployment(pushed, database, "26.08.21.1"), redeployer, store, anew=True)
    assert redeployer.calls == [pushed.id]


def test_data_that_no_record_tells_of_is_not_redeployed_for_another_push(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    """As when the record of a rollback is lost."""
    redeployer = Recording()
    redeploy(pushed, _deployment(pushed, database), redeployer, store)
    other = Serving(push=new_id(), snapshot="s", kind="stripped", rules=None, pushed=pushed.started)
    with database.connect() as connection:
        history.mark(connection, database.name, other)
    with pytest.raises(RedeployRefused, match=f"it serves the push {other.push}, and the last that was recorded is"):
        redeploy(pushed, _deployment(pushed, database), redeployer, store)

    back = a_push().model_copy(update={"action": "rollback", "holds": other.push})
    history.record(store, back)
    redeploy(back, _deployment(back, database), redeployer, store)
    assert redeployer.calls == [pushed.id, back.id]


def test_an_application_that_is_not_healthy_is_a_failure(database: Database, store: LocalStore, pushed: Push) -> None:
    health = Health(url="http://127.0.0.1:1/", patience=1)
    with pytest.raises(RedeployFailed, match="`etna rollback development`"):
        redeploy(pushed, _deployment(pushed, database), Recording(), store, health=health)
    assert _outcome(store, pushed).succeeded is False


def test_a_push_that_does_not_serve_any_more_is_not_redeployed(
    database: Database, store: LocalStore, pushed: Push
) -> None:
    redeployer, since = Recording(), a_push().model_copy(update={"action": "rollback"})
    history.record(store, since)
    with pytest.raises(RedeployFailed, match="there was a rollback since"):
        redeploy(pushed, _deployment(pushed, database), redeployer, store)
    assert redeployer.calls == []


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
