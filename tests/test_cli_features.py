"""`etna test ...` as people meet it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.environments.history import Serving, mark
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import load
from etna_pipelines.stores.local import LocalStore
from tests.commands import Etna


@pytest.fixture
def registry(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where branches are announced; feature environments are beside `database`."""
    for name in ("PRODUCTION", "DEVELOPMENT", "TEST"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"development: {{database: '{database.named('unused').url}'}}\n"
        f"test: {{database: '{database.url}_branch', registry: {{directory: registry}}, removal: {{share: 10}}}}\n"
    )
    registry = fresh / "registry/feature"
    registry.mkdir(parents=True)
    return registry


def tick() -> None:
    settings = load()
    FeatureSteps(settings, settings.open_store()).tick()


def test_environments_are_listed_with_what_becomes_of_them(registry: Path, etna: Etna, database: Database) -> None:
    assert etna("test", "list").out == "No feature environment is known.\n"

    for branch in ("login", "search", "a", "b"):
        (registry / branch).touch()
    tick()
    for branch in ("search", "a", "b"):
        (registry / branch).unlink()
    tick()

    lines = [line.split("  ") for line in etna("test", "list").out.splitlines()]
    [login] = [[cell.strip() for cell in line if cell.strip()] for line in lines if line[0] == "test/login"]
    assert login[:3] == ["test/login", "feature/login", f"{database.name}_branch_login"]
    assert sum("its branch is gone since" in "  ".join(line) for line in lines) == 3
    assert etna("test", "confirm").out == "To be removed, each when its grace is over: test/a, test/b, test/search.\n"


def test_they_are_listed_at_once_and_before_their_server_was_ever_started(
    etna: Etna, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fresh / ".etna/feature_environments/feature").mkdir(parents=True)
    for number in range(20):
        (fresh / f".etna/feature_environments/feature/b{number}").touch()
    tick()
    read, reads = LocalStore.read, list[str]()

    def counted(store: LocalStore, key: str) -> Iterator[bytes]:
        reads.append(key)
        return read(store, key)

    monkeypatch.setattr(LocalStore, "read", counted)

    assert etna("test", "list").out.count("etna_test_b") == 20
    assert len(reads) < 5


def test_a_database_whose_environment_nobody_knows_is_listed(
    registry: Path, etna: Etna, database: Database, server: EmbeddedServer
) -> None:
    live = f"{database.name}_branch_lost"
    server.create_database(live)
    content = Serving(
        push="p", snapshot="s", kind="stripped", rules=None, pushed=datetime.now(UTC), environment="test/lost"
    )
    with database.maintenance.connect() as connection:
        mark(connection, live, content)

    listed = " ".join(etna("test", "list").out.split())

    assert f"test/lost {live} not known here: `etna test remove lost` drops it" in listed
    assert etna("test", "remove", "lost").out == f"Dropped: {live}.\n"


def test_one_that_is_registered_stays(registry: Path, etna: Etna, database: Database, server: EmbeddedServer) -> None:
    (registry / "login").touch()
    tick()
    name = f"{database.name}_branch_login"
    server.create_database(name)

    assert etna("test", "remove", "login").err.startswith("test/login stays: feature/login is registered;")
    forced = etna("test", "remove", "login", "--force").out
    assert forced.startswith(f"Dropped: {name}.\nWhile its branch is registered it is made anew: ")
    assert etna("test", "remove", "login", "--force").out.startswith("test/login had no database.\n")
    tick()
    unknown = etna("test", "refresh", "sign-in")
    assert unknown.err.startswith("There is no feature environment test/sign-in: did you mean test/login?")
