import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments import rollback as module
from etna_pipelines.environments.history import Push
from etna_pipelines.errors import PushRefused, StoreError
from etna_pipelines.settings import Environment
from tests.environments.conftest import HANDMADE, RESTORED, MakeTarget, Published, Send, titles

Back = Callable[[Environment], Push]


def test_rollback_and_rollback_of_the_rollback(
    serving: Environment, send: Send, back: Back, published: Published
) -> None:
    send(serving)
    first = back(serving)
    assert titles(serving.database) == HANDMADE
    assert (first.action, first.snapshot) == ("rollback", None)
    again = back(serving)
    assert titles(serving.database) == RESTORED
    assert again.snapshot == published.stripped.id
    last = history.last(published.store, "development")
    assert last and last.push == again


def test_there_is_nothing_to_roll_back_to_before_a_push(serving: Environment, back: Back) -> None:
    with pytest.raises(PushRefused, match="has no previous database to roll back to"):
        back(serving)
    assert titles(serving.database) == HANDMADE


def test_a_full_copy_comes_back_only_where_full_ones_may_be(
    make_target: MakeTarget, send: Send, back: Back, published: Published
) -> None:
    staging = make_target(published, "full")
    send(staging, published.full)
    now_stripped = dataclasses.replace(staging, snapshot="stripped")
    pushed = send(now_stripped)

    with pytest.raises(PushRefused, match="does not go to development, which may only hold stripped ones"):
        back(now_stripped)
    with pytest.raises(PushRefused, match="which may have held it until"):
        back(dataclasses.replace(staging, expires_after=timedelta()))
    serving = history.serving(staging.database)
    assert serving and serving.push == pushed.id


def test_a_rollback_that_can_not_be_recorded_is_not_done(
    serving: Environment, send: Send, back: Back, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise StoreError("The store is down.")

    pushed = send(serving)
    with monkeypatch.context() as patched:
        patched.setattr(history, "record", down)
        with pytest.raises(StoreError):
            back(serving)
    with monkeypatch.context() as patched:
        patched.setattr(module, "swap_back", down)
        with pytest.raises(StoreError):
            back(serving)
    assert titles(serving.database) == RESTORED
    last = history.last(published.store, "development")
    assert last and last.push == pushed


def test_production_is_not_rolled_back(serving: Environment, send: Send, back: Back, published: Published) -> None:
    send(serving)
    with serving.database.maintenance.connect() as connection:
        connection.execute(f"COMMENT ON DATABASE {serving.database.name} IS 'etna-pipelines: production'")
    with pytest.raises(PushRefused, match="is marked as production by its comment"):
        back(serving)
    assert titles(serving.database) == RESTORED
