"""Production is no target, however it is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.guard import expires, refuse_production, refuse_snapshot
from etna_pipelines.environments.history import Serving, mark
from etna_pipelines.environments.naming import name_for, previous_name
from etna_pipelines.environments.push import Pushing
from etna_pipelines.errors import PushRefused
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import new_id
from tests.environments.conftest import MakeTarget, Published, databases

NOWHERE = Database("127.0.0.1", 1, "nobody", "nowhere")


def named(target: Environment, database: Database, **changes: object) -> Environment:
    return replace(target, database=replace(database, **changes))  # type: ignore[arg-type]


Refused = Callable[..., str]


@pytest.fixture
def on_server(published: Published) -> Iterator[Connection]:
    """A session on the server of targets and productions."""
    with published.production.maintenance.connect() as server:
        yield server


@pytest.fixture
def refused(on_server: Connection) -> Refused:
    """Why work on a target is refused."""

    def refused(target: Environment, production: Database, published: Published | None = None) -> str:
        with pytest.raises(PushRefused) as raised:
            refuse_production(on_server, target, production, published.full.source if published else None)
        return str(raised.value)

    return refused


def test_production_is_no_target_at_its_own_address_or_a_loopback_alias(
    target: Environment, published: Published, refused: Refused
) -> None:
    production = published.production
    for host in ("127.0.0.1", "localhost", "LOCALHOST.", "::1"):
        assert "is production itself: correct" in refused(named(target, production, host=host), production)


@pytest.mark.parametrize("alias", ["127.0.0.2", "db.example.internal"])
def test_nor_under_another_address_of_its_server(
    target: Environment, published: Published, alias: str, refused: Refused
) -> None:
    production = published.production
    said = refused(named(target, production), replace(production, host=alias, options=(("hostaddr", "127.0.0.1"),)))
    assert "is production itself under another address: correct" in said


def test_nor_where_work_on_a_target_would_take_its_name(
    target: Environment, published: Published, refused: Refused
) -> None:
    live = target.database.name
    for name in (previous_name(live), name_for("new", live, new_id()), name_for("template", live, new_id())):
        assert "is production itself" in refused(target, target.database.named(name))


def test_nor_is_a_feature_environment_of_its_name(target: Environment, published: Published, refused: Refused) -> None:
    test = replace(named(target, published.production), name="test/production", feature=Feature("production", "f/p"))
    assert "the database of test/production in environments.yaml" in refused(test, published.production)


def test_a_snapshot_knows_production_when_it_is_down_or_another_is_named(
    target: Environment, published: Published, refused: Refused
) -> None:
    at_production = named(target, published.production)
    assert "under another address (or a copy of its whole server)" in refused(at_production, NOWHERE, published)


def test_another_database_of_productions_server_is_a_target(
    target: Environment, published: Published, on_server: Connection
) -> None:
    refuse_production(on_server, target, published.production, published.full.source)


def test_what_people_marked_as_production_is_no_target(
    serving: Environment, published: Published, refused: Refused
) -> None:
    with serving.database.maintenance.connect() as connection:
        connection.execute(f"COMMENT ON DATABASE {serving.database.name} IS 'etna-pipelines: production'")
    assert "is marked as production by its comment" in refused(serving, published.production)


def test_nor_is_what_serves_another_environment(
    serving: Environment, published: Published, refused: Refused, on_server: Connection
) -> None:
    content = Serving(
        push="p", snapshot="s", kind="stripped", rules=None, pushed=datetime.now(UTC), environment="local"
    )
    with serving.database.maintenance.connect() as connection:
        mark(connection, serving.database.name, content)
        assert " serves local: correct the database of development" in refused(serving, published.production)
        mark(connection, serving.database.name, content.model_copy(update={"environment": "development"}))
    refuse_production(on_server, serving, published.production)


def test_it_is_asked_again_right_before_the_swap(
    target: Environment, published: Published, pushing: Callable[..., Pushing]
) -> None:
    begun = pushing(target).begin()
    pushing(target).fix_up(begun)
    now_production = replace(pushing(target), production=target.database)
    with pytest.raises(PushRefused, match="is production itself"):
        now_production.swap_in(begun)
    assert databases(target.database) == []


def test_a_full_snapshot_goes_only_where_that_is_declared_and_not_for_ever(
    make_target: MakeTarget, published: Published
) -> None:
    staging, development = make_target(published, "full"), make_target(published, "stripped")
    with pytest.raises(PushRefused, match="does not go to development, which may only hold stripped ones"):
        refuse_snapshot("full", new_id(), development)
    two_weeks = replace(staging, expires_after=timedelta(days=14))
    now = datetime.now(UTC)
    for kind, age in (("stripped", 15), ("full", 13)):
        refuse_snapshot(kind, new_id(now - timedelta(days=age)), two_weeks)  # type: ignore[arg-type]
    with pytest.raises(PushRefused, match=r"which may have held it until .*: push a newer one"):
        refuse_snapshot("full", new_id(now - timedelta(days=14)), two_weeks)
    assert expires("full", new_id(now), staging) is None
