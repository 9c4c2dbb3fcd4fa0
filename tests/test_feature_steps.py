"""Environments that come and go with their branches, from a directory that lists them to databases that answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments import removal
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Serving, mark, serving
from etna_pipelines.environments.naming import name_for
from etna_pipelines.environments.target import alone
from etna_pipelines.errors import EnvironmentGone, EnvironmentWanted, RegistryError, SettingsError, TargetAsleep
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.locks import Lock
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import Environment, load
from etna_pipelines.snapshots.manifest import Manifest, new_id
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.store import StoredObject
from tests.environments.conftest import databases
from tests.snapshots.samples import PASSED

SITE = "CREATE TABLE page (id int PRIMARY KEY); INSERT INTO page SELECT generate_series(1, 20)"
OWNER = "owner_of_features"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def steps(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeatureSteps]:
    """Of feature environments on production's server, listed in the directory `wanted`."""
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    for name in ("PRODUCTION", "TEST"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    like = database.named(f"{database.name}_features")
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"development: {{database: '{database.named('nobody').url}'}}\n"
        f"test: {{database: '{like.url}', owner: {OWNER}, registry: {{directory: wanted}}}}\n"
    )
    with database.connect() as connection:
        connection.execute(SITE)
        connection.execute(f"CREATE ROLE {OWNER}")
    (fresh / "wanted/feature").mkdir(parents=True)
    settings = load()
    yield FeatureSteps(settings, settings.open_store())
    with database.maintenance.connect() as connection:
        for name in databases(like):
            connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connection.execute(f"DROP ROLE {OWNER}")


@pytest.fixture
def pushes(steps: FeatureSteps) -> PushSteps:
    return PushSteps(steps.settings, steps.store)


@pytest.fixture
def stripped(steps: FeatureSteps) -> Manifest:
    """A stripped snapshot of production, in which nothing was to be stripped."""
    full = backup(steps.settings.production.database, steps.store, environment="production", scratch=steps.scratch)
    for file in full.files:
        steps.store.copy(full.archive_key(file.name), f"stripped/{full.id}/archive/{file.name}")
    return steps.catalogue.publish(full.model_copy(update={"kind": "stripped", "proof": PASSED}))


def announce(branch: str) -> Path:
    path = Path("wanted", branch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def serve(live: Database, environment: str) -> None:
    """As after a push."""
    content = Serving(push="p", snapshot="s", kind="stripped", rules=None, pushed=NOON, environment=environment)
    with live.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{live.name}"')
        mark(connection, live.name, content)


def of(steps: FeatureSteps, name: str) -> Database:
    return steps.settings.feature_environment(steps.feature(name)).database


def test_a_branch_comes_and_goes(steps: FeatureSteps, pushes: PushSteps, stripped: Manifest) -> None:
    login, _ = announce("feature/login"), announce("feature/login-page")
    now = datetime.now(UTC)
    assert [request.name for request in steps.tick(now).to_make] == ["login", "login-page"]
    live = of(steps, "login")
    pushes.push("test/login", stripped)
    with live.connect() as connection:
        assert connection.execute("SELECT count(*) FROM page").fetchone() == (20,)
    served = serving(live)
    assert served and served.environment == "test/login"
    with pytest.raises(EnvironmentWanted, match="test/login stays: feature/login is registered"):
        steps.remove("login")

    login.unlink()
    steps.tick(now + HOUR)
    announce("feature/login")
    assert [request.name for request in steps.tick(now + 2 * HOUR).to_make] == ["login-page"]  # login is the same

    login.unlink()
    assert steps.tick(now + 3 * HOUR).to_remove == []
    (removal,) = steps.tick(now + 4 * HOUR).to_remove
    with live.maintenance.connect() as connection:
        connection.execute(f"CREATE DATABASE {live.name}_page")
    with live.connect():  # somebody is still there
        assert steps.remove(removal.name).databases == [live.name]
    assert [*steps.known()] == ["login-page"]
    assert databases(live) == [f"{live.name}_page"]
    assert steps.tick(now + 4 * HOUR).to_remove == []
    assert not steps.remove("login")
    with pytest.raises(EnvironmentGone, match="test/login was removed"):
        pushes.begin("test/login", stripped)

    announce("feature/login")
    again = next(request for request in steps.tick(now + 5 * HOUR).to_make if request.name == "login")
    assert again.key == f"login@{(now + 5 * HOUR).isoformat()}"


def test_an_environment_that_goes_while_it_is_made_leaves_nothing(
    steps: FeatureSteps, pushes: PushSteps, stripped: Manifest
) -> None:
    login = announce("feature/login")
    first = steps.tick(NOON)
    live = of(steps, "login")
    begun = pushes.begin("test/login", stripped)
    pushes.fill(begun)
    login.unlink()

    with pytest.raises(EnvironmentGone, match="test/login is not wanted any more"):
        pushes.swap_in(begun)
    assert databases(live) == []

    steps.tick(NOON + HOUR / 2)
    announce("feature/login")
    assert steps.tick(NOON + HOUR / 2).to_make == first.to_make  # whose run may still be under way
    (again,) = steps.tick(NOON + HOUR, lambda unmade: dict.fromkeys(unmade, NOON + HOUR / 2)).to_make
    assert again.key == f"{first.to_make[0].key}/try-1"


def test_a_registry_that_fails_changes_nothing(steps: FeatureSteps) -> None:
    announce("feature/login")
    steps.tick(NOON)
    known = steps.known()
    Path("wanted").rename("elsewhere")

    for failing in (steps.tick, lambda: steps.remove("login")):
        with pytest.raises(RegistryError, match="is not there"):
            failing()
    assert steps.known() == known
    assert steps.remove("login", forced=True).databases == []
    assert steps.known() == {}


def test_ticks_at_once_ask_for_the_same_runs(steps: FeatureSteps) -> None:
    for name in "abc":
        announce(f"feature/{name}")
    with ThreadPoolExecutor(4) as pool:
        plans = [*pool.map(steps.tick, [NOON + timedelta(seconds=second) for second in range(8)])]

    assert len({request.key for plan in plans for request in plan.to_make}) == 3


def test_many_that_go_at_once_wait_for_a_person(steps: FeatureSteps) -> None:
    paths = [announce(f"feature/{name}") for name in "abcd"]
    steps.tick(NOON)
    for path in paths:
        path.unlink()
    steps.tick(NOON)

    assert steps.tick(NOON + HOUR).held_back == ["a", "b", "c", "d"]
    assert steps.confirm() == ["a", "b", "c", "d"]
    assert [request.name for request in steps.tick(NOON + HOUR).to_remove] == ["a", "b", "c", "d"]


def test_what_killed_pushes_left_of_removed_environments_is_swept(steps: FeatureSteps) -> None:
    login = announce("feature/login")
    now = datetime.now(UTC)
    steps.tick(now)
    live = of(steps, "login")
    login.unlink()
    steps.remove("login")
    left = name_for("new", live.name, new_id())
    others = [name_for("new", f"{live.name}_page", new_id()), f"{live.name}_new_idea"]
    with live.maintenance.connect() as connection:
        for name in (left, *others):
            connection.execute(f'CREATE DATABASE "{name}"')

    assert steps.orphans() == [Feature("login", "feature/login")]
    with alone(steps.settings.feature_environment(Feature("login", "feature/login"))):
        steps.sweep()  # not from under a push
        assert steps.orphans()
    announce("feature/search")
    steps.tick(now)
    steps.remove("search", forced=True)  # those that go take along what others left
    assert steps.orphans() == []
    assert databases(live.named(live.name.removesuffix("_login"))) == sorted(others)


def test_what_came_back_while_others_were_swept_stays(steps: FeatureSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [announce(f"feature/{name}") for name in ("first", "second")]
    now = datetime.now(UTC)
    steps.tick(now)
    lives = [of(steps, name) for name in ("first", "second")]
    for path, live in zip(paths, lives, strict=True):
        path.unlink()
        steps.remove(path.name)
        with live.maintenance.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name_for("new", live.name, new_id())}"')
    found = steps.orphans()

    announce("feature/second")  # right then
    steps.look_for("second")
    serve(lives[1], "test/second")
    monkeypatch.setattr(FeatureSteps, "orphans", lambda _: found)
    steps.sweep()

    assert databases(lives[0]) == []
    assert lives[1].name in databases(lives[1])


def test_what_comes_back_while_its_removal_waits_stays(steps: FeatureSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    login = announce("feature/login")
    now = datetime.now(UTC)
    steps.tick(now)
    live = of(steps, "login")
    serve(live, "test/login")
    login.unlink()
    steps.tick(now)
    steps.tick(now + HOUR)

    @contextmanager
    def late(target: Environment) -> Iterator[Lock]:
        announce("feature/login")
        steps.tick(now + 2 * HOUR)
        login.unlink()
        with alone(target) as lock:
            yield lock

    monkeypatch.setattr(removal, "alone", late)
    with pytest.raises(EnvironmentWanted, match="test/login stays: its branch came back meanwhile"):
        steps.remove("login")
    assert databases(live) == [live.name]


def test_looking_for_one_says_nothing_of_the_others(steps: FeatureSteps) -> None:
    """Who looks may have another registry than the sensor has."""
    announce("feature/login")
    steps.tick(NOON)
    Path("wanted/feature/login").unlink()
    announce("feature/search")
    announce("feature/page")
    steps.look_for("search")
    steps.look_for("nobody")

    assert [*steps.known()] == ["search", "login"]
    assert not any(each.gone_since for each in steps.known().values())


def test_an_older_listing_takes_nothing_back(steps: FeatureSteps) -> None:
    announce("feature/login")
    steps.tick(NOON + timedelta(seconds=9))
    Path("wanted/feature/login").unlink()

    assert [request.name for request in steps.tick(NOON).to_make] == ["login"]
    assert steps.known()["login"].gone_since is None
    steps.tick(NOON - HOUR)  # by another clock
    assert steps.known()["login"].gone_since


def test_databases_whose_environments_nobody_knows_go_when_a_person_says_so(steps: FeatureSteps) -> None:
    login = announce("feature/login")
    steps.tick()
    live = of(steps, "login")
    serve(live, "test/login")
    assert steps.strangers() == []
    steps.store.delete(item.key for item in steps.store.list("environments/"))
    assert steps.strangers() == ["login"]
    with pytest.raises(EnvironmentWanted, match="test/login stays: feature/login is registered"):
        steps.remove("login")

    login.unlink()
    plan = steps.tick()
    assert (plan.to_remove, databases(live)) == ([], [live.name])
    assert steps.remove("login").databases == [live.name]
    assert steps.strangers() == []


def test_nothing_is_asked_for_while_the_server_sleeps(steps: FeatureSteps) -> None:
    awake = f":{steps.settings.production.database.port}/"
    text = Path("environments.yaml").read_text().replace(awake, ":1/")
    Path("environments.yaml").write_text(text.replace("test: {", "test: {wait: 0, "))
    settings = load()
    sleeping = FeatureSteps(settings, steps.store)
    announce("feature/login")

    plan = sleeping.tick(NOON)
    assert (plan.to_make, [*plan.known]) == ([], ["login"])
    assert plan.messages[0].startswith("The server of the feature environments, 127.0.0.1:1, does not answer: 1 wait")
    with pytest.raises(TargetAsleep, match=r"test's server 127\.0\.0\.1:1 does not answer"):
        sleeping.remove("login")
    assert [request.name for request in steps.tick(NOON).to_make] == ["login"]


def test_a_tick_looks_at_the_pushes_of_those_alone_that_are_not_made(
    steps: FeatureSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for branch in ("feature/login", "feature/search"):
        announce(branch)
    steps.tick(NOON)
    steps.store.put(f"pushes/test/login/{new_id(NOON + HOUR)}.json", [b"{}"])
    steps.tick(NOON + 2 * HOUR)
    listing, listed = LocalStore.list, list[str]()

    def noted(store: LocalStore, prefix: str) -> Iterator[StoredObject]:
        listed.append(prefix)
        return listing(store, prefix)

    monkeypatch.setattr(LocalStore, "list", noted)
    plan = steps.tick(NOON + 2 * HOUR)

    assert [request.name for request in plan.to_make] == ["search"]
    assert [prefix for prefix in listed if prefix.startswith("pushes")] == ["pushes/test/search/"]


def test_a_name_that_nothing_has_is_told(steps: FeatureSteps, pushes: PushSteps) -> None:
    announce("feature/login")
    steps.tick(NOON)
    for failing in (steps.remove, lambda name: pushes.environment(f"test/{name}")):
        with pytest.raises(SettingsError, match="no feature environment test/logout: did you mean test/login"):
            failing("logout")


def test_the_home_s_directory_is_made_once(steps: FeatureSteps) -> None:
    Path("environments.yaml").write_text("")
    settings = load()
    steps = FeatureSteps(settings, settings.open_store())
    listed = Path(".etna/feature_environments")

    assert steps.tick(NOON).to_make == []
    listed.joinpath("feature/login").touch()
    assert [request.name for request in steps.tick(NOON).to_make] == ["login"]
    listed.rename("elsewhere")
    with pytest.raises(RegistryError, match="feature_environments, where feature environments are listed, is not"):
        steps.tick(NOON)
