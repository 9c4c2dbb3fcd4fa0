from collections.abc import Iterator
from dataclasses import replace

import pytest

from etna_pipelines.environments.naming import name_for, previous_name
from etna_pipelines.environments.removal import Belongings, belongings, remove
from etna_pipelines.environments.target import alone
from etna_pipelines.errors import LockHeld, PushRefused, RemovalFailed
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import new_id
from tests.environments.conftest import OWNER, Published, databases, serve_by_hand


def nothing() -> None:
    """Speaks against it."""


@pytest.fixture
def beside(serving: Environment) -> Iterator[list[str]]:
    """What pushes to `serving` left: databases, and at the end a role."""
    live = serving.database.name
    names = [previous_name(live), *(name_for(purpose, live, new_id()) for purpose in ("new", "retired", "restorer"))]
    with serving.database.maintenance.connect() as connection:
        for name in names[:-1]:
            connection.execute(f'CREATE DATABASE "{name}"')
        connection.execute(f'CREATE ROLE "{names[-1]}" LOGIN')
    yield names
    with serving.database.maintenance.connect() as connection:
        connection.execute(f'DROP ROLE IF EXISTS "{names[-1]}"')


def test_all_that_is_an_environments_goes_and_nothing_else(
    serving: Environment, beside: list[str], published: Published
) -> None:
    live = serving.database
    others = [live.named(f"{live.name}_{rest}") for rest in ("page", "new_idea", "page_previous")]
    for other in others:
        serve_by_hand(other)
    *made, role = beside

    with live.connect():  # a session is no reason not to
        removed = remove(serving, published.production, nothing)

    assert removed == Belongings(sorted([live.name, *made]), [role])
    assert databases(live) == sorted(other.name for other in others)
    with live.maintenance.connect() as connection:
        assert belongings(connection, [live.name])[live.name] == Belongings([], [])
    assert not remove(serving, published.production, nothing)


def test_a_role_that_is_no_superuser_removes(serving: Environment, published: Published) -> None:
    live = serving.database
    remover, visitor = (replace(live, user=f"{name}_of_{live.name}", password="x") for name in ("remover", "visitor"))
    with live.maintenance.connect() as connection:
        connection.execute(
            f"CREATE ROLE {remover.user} LOGIN CREATEDB PASSWORD 'x' IN ROLE {OWNER}, pg_signal_backend;"
            f"CREATE ROLE {visitor.user} LOGIN PASSWORD 'x'"
        )
        with visitor.connect():
            removed = remove(replace(serving, database=remover), published.production, nothing)
        connection.execute(f"DROP ROLE {remover.user}, {visitor.user}")

    assert removed.databases == [live.name]
    assert databases(live) == []


def test_a_push_under_way_is_not_disturbed(serving: Environment, published: Published) -> None:
    with alone(serving), pytest.raises(LockHeld):
        remove(serving, published.production, nothing)

    assert databases(serving.database) == [serving.database.name]


def test_production_is_not_dropped(published: Published) -> None:
    itself = Environment("test/production", published.production, "stripped")

    with pytest.raises(PushRefused, match="is production itself"):
        remove(itself, published.production, nothing)

    published.production.connect().close()


def test_what_can_t_be_dropped_is_told_and_done_the_next_time(serving: Environment, published: Published) -> None:
    live: Database = serving.database
    with live.maintenance.connect() as connection:
        connection.execute(f"ALTER DATABASE {live.name} IS_TEMPLATE true")
        with pytest.raises(RemovalFailed, match=rf"{live.name} on .* could not be removed whole"):
            remove(serving, published.production, nothing)
        connection.execute(f"ALTER DATABASE {live.name} IS_TEMPLATE false")

    assert remove(serving, published.production, nothing).databases == [live.name]
