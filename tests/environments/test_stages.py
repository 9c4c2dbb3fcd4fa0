"""Pushes whose steps are run again: after a failure, after a kill, and beside each other."""

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from etna_pipelines.environments import history, stages
from etna_pipelines.environments import push as module
from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.environments.push import Begun, Pushing
from etna_pipelines.errors import PushFailed, PushRefused
from etna_pipelines.settings import Environment
from tests.environments.conftest import HANDMADE, RESTORED, Published, Send, databases, titles

PushingOf = Callable[..., Pushing]
STEPS = ("fill", "check", "fix_up", "swap_in")


def run(pushing: Pushing, begun: Begun, *steps: str) -> None:
    for step in steps:
        getattr(pushing, step)(begun)


def killed(work: Callable[[], object], at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the work in another process, which dies where it comes to a function of the push."""

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(Pushing if at.startswith("_") else module, at, die)
        with contextlib.suppress(BaseException):
            work()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def left(target: Environment) -> list[str]:
    """Roles for restoring that are still there."""
    with target.database.maintenance.connect() as connection:
        found = connection.execute(
            f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{target.database.name}_restorer%'"
        )
        return [name for (name,) in found]


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ("fill", "restore"),
        ("check", "verify"),
        ("fix_up", "fix_up"),
        ("swap_in", "swap"),
        ("swap_in", "check_health"),
        ("swap_in", "_record"),
    ],
)
def test_a_killed_step_is_run_again(
    serving: Environment, pushing: PushingOf, published: Published, step: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = pushing(serving).begin()
    before, after = STEPS[: STEPS.index(step)], STEPS[STEPS.index(step) :]
    run(pushing(serving), begun, *before)
    killed(lambda: run(pushing(serving), begun, step), at, monkeypatch)
    assert titles(serving.database) == (RESTORED if at in ("check_health", "_record") else HANDMADE)

    run(pushing(serving), begun, *after)

    assert titles(serving.database) == RESTORED
    assert databases(serving.database) == [serving.database.name, f"{serving.database.name}_previous"]
    assert left(serving) == []
    done = history.find(published.store, "development", begun.id)
    assert done and done.push.previous == f"{serving.database.name}_previous"


@pytest.mark.parametrize("at", ["restore", "check_health"])
def test_a_killed_push_is_swept_by_the_next_one(
    serving: Environment, pushing: PushingOf, send: Send, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(lambda: send(serving), at, monkeypatch)
    send(serving)
    assert titles(serving.database) == RESTORED
    assert databases(serving.database) == [serving.database.name, f"{serving.database.name}_previous"]
    assert left(serving) == []


def test_what_a_failed_step_dropped_is_filled_anew_and_never_half(
    serving: Environment, pushing: PushingOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PushFailed("fix_up fails")

    begun = pushing(serving).begin()
    run(pushing(serving), begun, "fill", "check")
    with monkeypatch.context() as patched, pytest.raises(PushFailed, match="fix_up fails"):
        patched.setattr(module, "fix_up", fail)
        run(pushing(serving), begun, "fix_up")
    assert databases(serving.database) == [serving.database.name]
    killed(lambda: run(pushing(serving), begun, "fix_up"), "restore", monkeypatch)
    half = next(name for name in databases(serving.database) if "_new_" in name)
    with serving.database.maintenance.connect() as server:
        assert stages.reached(server, half) is None

    run(pushing(serving), begun, "fix_up", "swap_in")

    assert titles(serving.database) == RESTORED
    with serving.database.connect() as connection:
        hosts = connection.execute("SELECT hostname FROM wagtailcore_site ORDER BY id").fetchall()
    assert hosts[0] == ("development.example.org",)


def test_rows_to_keep_are_taken_over_anew_where_a_push_is_resumed_late(
    serving: Environment, pushing: PushingOf, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(serving)
    keeping = replace(serving, fix_ups=FixUps(keep=["django_site"]))
    begun = pushing(keeping).begin()
    run(pushing(keeping), begun, "fix_up")
    with serving.database.connect() as connection:
        connection.execute("INSERT INTO django_site VALUES (7, 'made.meanwhile', 'A token')")
    monkeypatch.setattr(module, "KEPT_FRESH", timedelta())
    run(pushing(keeping), begun, "swap_in")
    with serving.database.connect() as connection:
        assert connection.execute("SELECT id FROM django_site ORDER BY 1").fetchall() == [(1,), (7,)]


def test_pushes_beside_each_other_end_in_the_order_they_began_in(
    serving: Environment, pushing: PushingOf, send: Send
) -> None:
    first = pushing(serving).begin()
    run(pushing(serving), first, "fill")
    second = pushing(serving).begin()  # sweeps what it takes for a killed push's
    run(pushing(serving), first, "check", "fix_up", "swap_in")
    run(pushing(serving), second, *STEPS)
    serves = history.serving(serving.database)
    assert serves and serves.push == second.id

    late = pushing(serving).begin()
    run(pushing(serving), late, "fill")
    newest = send(serving)
    with pytest.raises(PushRefused, match=f"serves the push {newest.id}, which is newer than {late.id}"):
        run(pushing(serving), late, "check")
    assert databases(serving.database) == [serving.database.name, f"{serving.database.name}_previous"]
