"""A column that no rule names: the night fails before anything is pushed, and development notices nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg
import psycopg
import pytest

from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.server import Database
from tests.flows.checkout import Checkout

EVERY = 0.05
ROW = "SELECT title, slug FROM wagtailcore_page WHERE depth = 2"


@dataclass
class Probe:
    """A client that connects anew every 50 ms and reads one row."""

    database: Database
    expected: tuple[object, ...]
    answers: int = 0
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._work, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY):
            try:
                with self.database.connect() as connection:
                    row = connection.execute(ROW).fetchone()
            except (EtnaError, psycopg.Error) as error:
                self.failures.append(str(error))
            else:
                self.answers += 1
                if row != self.expected:
                    self.failures.append(f"read {row}")


@pytest.fixture
def nickname(demo_checkout: Checkout) -> Iterator[None]:
    """Production's users get a column."""
    with demo_checkout.database("production").connect() as connection:
        connection.execute("ALTER TABLE auth_user ADD COLUMN nickname text NOT NULL DEFAULT ''")
        yield
        connection.execute("ALTER TABLE auth_user DROP COLUMN nickname")


def test_the_night_fails_before_anything_is_pushed(demo_checkout: Checkout, nickname: None) -> None:
    development = demo_checkout.database("development")
    with development.connect() as connection:
        [row] = connection.execute(ROW).fetchall()
    probe = Probe(development, row)
    before = _standing(demo_checkout)

    with probe.at_work():
        night = demo_checkout.nightly()

    assert night.returncode == 1
    assert "public.auth_user.nickname" in night.stdout + night.stderr
    assert _standing(demo_checkout) == before
    assert (probe.answers > 30, probe.failures) == (True, [])
    with demo_checkout.history() as history:
        [run] = history.get_runs(limit=1)
        events = [entry.dagster_event for entry in history.all_logs(run.run_id) if entry.dagster_event]
    assert run.status == dg.DagsterRunStatus.FAILURE
    [failure] = [event for event in events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert failure.step_key == "stripped_snapshot"
    assert told is not None
    assert told.description is not None
    assert "public.auth_user.nickname" in told.description
    begun = {str(event.step_key) for event in events if event.is_step_start or event.is_step_skipped}
    checks = {step for step in begun if step.startswith("full_snapshot_")}
    assert begun - checks == {"production_backup", "full_snapshot", "stripped_snapshot"}


def _standing(checkout: Checkout) -> list[object]:
    """What only a successful night may change."""
    with checkout.database("development").maintenance.connect() as connection:
        databases = connection.execute(
            "SELECT datname, oid FROM pg_database WHERE datname ~ '^etna_development' ORDER BY 1"
        ).fetchall()
    stripped = sorted(item.key for item in checkout.store.list("stripped/"))
    return [databases, stripped, checkout.serving(), checkout.released(), checkout.records()]
