import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from etna_pipelines.environments import templates as module
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.push import Pushing
from etna_pipelines.environments.templates import Template, make_template
from etna_pipelines.errors import PushFailed, PushRefused
from etna_pipelines.postgres import restore as real
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest, new_id
from tests.environments.conftest import OWNER, MakeTarget, Published, databases, titles

both = pytest.mark.parametrize("of", ["published", "published15"])
"""On the newest PostgreSQL and on 15."""

RESTORED = ["Page 1", "Page 2"]


@pytest.fixture
def of() -> str:
    return "published"


@pytest.fixture
def site(request: pytest.FixtureRequest, of: str) -> Published:
    found: Published = request.getfixturevalue(of)
    return found


@pytest.fixture
def test(site: Published, make_target: MakeTarget) -> Environment:
    """All test environments as one; none of them is there yet."""
    return replace(make_target(site), name="test")


Make = Callable[..., Template | None]


@pytest.fixture
def make(site: Published, test: Environment, tmp_path: Path) -> Make:
    def make(manifest: Manifest = site.stripped) -> Template | None:
        return make_template(manifest, test, store=site.store, production=site.production, scratch=tmp_path / "scratch")

    return make


@pytest.fixture
def push(site: Published, test: Environment, tmp_path: Path, make: Make) -> Callable[[str], Environment]:
    """Push the stripped snapshot to the test environment of a name."""

    def push(name: str) -> Environment:
        database = test.database.named(f"{test.database.name}_{name}")
        target = replace(test, name=f"test/{name}", database=database, feature=Feature(name, f"feature/{name}"))
        pushing = Pushing(site.stripped, target, site.store, site.production, tmp_path / "scratch")
        begun = pushing.begin(make())
        assert begun.template
        pushing.fill(begun)
        pushing.check(begun)
        pushing.fix_up(begun)
        pushing.swap_in(begun)
        return target

    return push


def later(site: Published, suffix: str = "") -> Manifest:
    """A newer snapshot that holds the same, published by another night."""
    night = site.stripped.model_copy(update={"id": f"{new_id()}{suffix}"})
    for file in night.files:
        site.store.copy(site.stripped.archive_key(file.name), night.archive_key(file.name))
    return night.signed(bytes(32))


@both
def test_a_template_is_made_once_and_takes_no_connections(test: Environment, make: Make, site: Published) -> None:
    made = make()
    assert made == Template(f"{test.database.name}_template_{site.stripped.id.lower()}", OWNER)
    with test.database.maintenance.connect() as connection:
        oid = "SELECT oid, datallowconn, datistemplate FROM pg_database WHERE datname = %s"
        [before] = connection.execute(oid, [made.name]).fetchall()
        assert make() == made
        assert connection.execute(oid, [made.name]).fetchall() == [before]
    assert before[1:] == (False, False)
    assert databases(test.database) == [made.name]


@both
def test_test_environments_are_clones_with_fix_ups(test: Environment, push: Callable[[str], Environment]) -> None:
    one = push("one")
    assert titles(one.database) == RESTORED
    with one.database.connect() as connection:
        assert connection.execute("SELECT hostname FROM wagtailcore_site WHERE id = 1").fetchall() == [
            ("development.example.org",)
        ]
        connection.execute("UPDATE page SET title = 'Mine' WHERE id = 1")
        # Again, with a session open: it is swapped under it.
        push("one")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert titles(one.database) == RESTORED


def test_a_push_whose_template_is_gone_restores(test: Environment, make: Make, site: Published, tmp_path: Path) -> None:
    pushing = Pushing(site.stripped, test, site.store, site.production, tmp_path / "scratch")
    begun = pushing.begin(make())
    with test.database.maintenance.connect() as connection:
        connection.execute(f'DROP DATABASE "{begun.template}"')
    pushing.check(begun)
    pushing.swap_in(begun)
    assert titles(test.database) == RESTORED


def test_whoever_comes_while_it_is_made_waits_for_it(
    test: Environment, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored: list[Manifest] = []

    def restore(*arguments: Any, **more: Any) -> None:
        restored.append(arguments[1])
        really_restore(*arguments, **more)

    really_restore = real.restore
    monkeypatch.setattr(module, "restore", restore)
    with ThreadPoolExecutor(5) as pool:
        made = set(pool.map(lambda _: make(), range(5)))
    assert len(made) == len(restored) == 1


def test_the_newest_two_are_kept_unless_an_older_one_is_being_cloned(
    test: Environment, make: Make, site: Published
) -> None:
    nights = [site.stripped, *(later(site) for _ in range(3))]
    first, second = make(nights[0]), make(nights[1])
    assert first and second
    with test.database.maintenance.connect(autocommit=False) as cloning:
        # A lock on the template until the end of the transaction, as CREATE DATABASE takes it.
        cloning.execute(f"COMMENT ON DATABASE \"{first.name}\" IS 'is being cloned'")
        third = make(nights[2])
    assert third and databases(test.database) == [first.name, second.name, third.name]
    fourth = make(nights[3])
    assert fourth and databases(test.database) == [third.name, fourth.name]
    assert make(nights[0]) is None


def test_a_subset_has_one_of_its_own(test: Environment, make: Make, site: Published) -> None:
    whole, part = make(), make(later(site, "-subset-0123abcd"))
    assert whole and part and databases(test.database) == [whole.name, part.name]


@pytest.mark.parametrize("step", ["restore", "verify", "_publish"])
def test_a_template_that_fails_is_none(
    test: Environment, make: Make, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PushFailed(f"{step} fails")

    with monkeypatch.context() as patched:
        patched.setattr(module, step, fail)
        with pytest.raises(PushFailed, match=f"{step} fails"):
            make()
    assert databases(test.database) == []


def test_one_that_was_killed_is_never_cloned_and_swept_by_the_next(
    test: Environment, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(module, "_publish", die)
        make()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    [left] = databases(test.database)
    assert "_new_" in left
    made = make()
    assert made and databases(test.database) == [made.name]
    with test.database.maintenance.connect() as connection:
        left = f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{test.database.name}%restorer%'"
        assert connection.execute(left).fetchall() == []


def test_a_full_snapshot_gets_none(test: Environment, make: Make, site: Published) -> None:
    with pytest.raises(PushRefused, match=r"The full snapshot .* gets no template: strip it first\."):
        make(site.full)
