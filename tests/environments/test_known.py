from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.known import KEY, Known, KnownEnvironments, State
from etna_pipelines.errors import EnvironmentGone, SettingsError, StoreRefused
from etna_pipelines.stores.local import LocalStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATE = State(environments={"login": Known(branch="feature/login", created=NOON)})


@pytest.fixture
def known(tmp_path: Path) -> KnownEnvironments:
    return KnownEnvironments(LocalStore(tmp_path / "store"), tmp_path)


def test_what_is_written_is_read(known: KnownEnvironments) -> None:
    assert known.read() == State()
    with known.changing() as before:
        assert before == State()
        known.write(STATE.without("login", NOON))

    assert known.read() == STATE.without("login", NOON)


def test_something_else_in_its_place_is_told(known: KnownEnvironments) -> None:
    known.store.put(KEY, [b"[]"])
    with pytest.raises(StoreRefused, match=r"environments/test.json is not what was written there"):
        known.read()


def test_environments_by_name() -> None:
    assert STATE.feature("login") == Feature("login", "feature/login")
    with pytest.raises(SettingsError, match="no feature environment test/logni: did you mean test/login"):
        STATE.feature("logni")
    with pytest.raises(SettingsError, match="none is registered yet"):
        State().feature("login")


def test_one_that_was_removed_is_gone_until_it_is_there_again() -> None:
    removed = STATE.without("login", NOON)

    with pytest.raises(EnvironmentGone, match=r"test/login was removed at 23 November 12:00 UTC because feature/login"):
        removed.feature("login")
    assert removed.former("login") == Feature("login", "feature/login")
    assert removed.former("logout") is None
    assert removed.after(STATE.environments, forget_before=NOON) == STATE
    assert removed.after({}, forget_before=NOON) == removed
    assert removed.after({}, forget_before=datetime.max.replace(tzinfo=UTC)) == State()
