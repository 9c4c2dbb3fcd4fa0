from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.known import KEPT, PREFIX, REMEMBERED, Known, KnownEnvironments, State
from etna_pipelines.errors import EnvironmentGone, SettingsError, StoreRefused
from etna_pipelines.stores.local import LocalStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATE = State(environments={"login": Known(branch="feature/login", created=NOON)})


@pytest.fixture
def known(tmp_path: Path) -> KnownEnvironments:
    return KnownEnvironments(LocalStore(tmp_path / "store"))


def write(known: KnownEnvironments, state: State) -> None:
    known.change(lambda _: (state, None))


def test_what_is_written_is_read(known: KnownEnvironments) -> None:
    assert known.read() == State()
    assert known.change(lambda before: (STATE.without("login", NOON), before)) == State()
    assert known.read() == STATE.without("login", NOON)


def test_of_two_who_change_it_at_once_nobody_s_change_is_lost(known: KnownEnvironments) -> None:
    write(known, STATE)
    another = KnownEnvironments(known.store)
    asked = []

    def with_page(state: State) -> tuple[State, None]:
        asked.append(state)
        if len(asked) == 1:  # on another machine
            another.change(lambda other: (other.without("login", NOON), None))
        return state.after({**state.environments, "page": Known(branch="feature/page", created=NOON)}, NOON), None

    known.change(with_page)

    assert asked == [STATE, STATE.without("login", NOON)]
    assert [*known.read().environments] == ["page"]
    assert [*known.read().removed] == ["login"]


def test_threads_change_it_one_after_the_other(known: KnownEnvironments) -> None:
    def add(number: int) -> None:
        new = {f"page-{number}": Known(branch=f"feature/page-{number}", created=NOON)}
        known.change(lambda state: (state.after({**state.environments, **new}, NOON), None))

    with ThreadPoolExecutor(6) as pool:
        [*pool.map(add, range(24))]

    assert len(known.read().environments) == 24


def test_the_newest_are_kept(known: KnownEnvironments) -> None:
    for number in range(KEPT + 5):
        write(known, State(environments={"login": Known(branch=f"feature/{number}", created=NOON)}))
    known.change(lambda state: (state, None))

    assert len([*known.store.list(PREFIX)]) == KEPT
    assert known.read().environments["login"].branch == f"feature/{KEPT + 4}"


def test_something_else_in_its_place_is_told(known: KnownEnvironments) -> None:
    known.store.put(f"{PREFIX}000000000007.json", [b"[]"])
    with pytest.raises(StoreRefused, match=r"environments/test/000000000007.json is not what was written there"):
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
    page = {"page": Known(branch="feature/page", created=NOON)}
    assert removed.after(STATE.environments, NOON).removed == {}
    assert [*removed.after(page, NOON + REMEMBERED).removed] == ["login"]
    assert removed.after(page, NOON + REMEMBERED * 2).removed == {}


@pytest.mark.parametrize(
    ("known", "remark"),
    [
        ({}, "is being made"),
        ({"failed_at": NOON}, "could not be made at 23 November 12:00, and is tried again"),
        ({"failed_at": NOON, "made": True}, ""),
        ({"made": True, "gone_since": NOON}, "its branch is gone since 23 November 12:00"),
        ({"gone_since": NOON, "held_back": True}, "held back: run `etna test confirm` if it is to be removed"),
        ({"gone_since": NOON, "removing_since": NOON}, "is being removed"),
    ],
)
def test_what_people_should_know(known: dict[str, object], remark: str) -> None:
    assert Known.model_validate({"branch": "feature/login", "created": NOON} | known).remark == remark
