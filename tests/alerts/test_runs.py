"""What several runs of one job come to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.runs import Ended, look_at_runs
from etna_pipelines.settings import Settings, load

NIGHT = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)


@pytest.fixture
def settings(fresh: Path) -> Settings:
    return load()


def runs(outcomes: str) -> list[Ended]:
    """`+` and `-`, an hour apart."""
    return [
        Ended(str(hour), "nightly", NIGHT + timedelta(hours=hour), outcome == "-")
        for hour, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("outcomes", "since", "asked"),
    [
        ("-", 0, "0"),
        ("+--", 1, "2"),
        ("-+-", 2, "2"),
        ("---", 0, "2"),
    ],
)
def test_a_trouble_began_with_the_first_failure_after_the_last_success(
    settings: Settings, outcomes: str, since: int, asked: str
) -> None:
    memory, reasons = Memory(), []
    look_at_runs(memory, runs(outcomes)[::-1], lambda run: reasons.append(run) or "Why.", settings)  # type: ignore[func-returns-value]

    [known] = memory.troubles.values()
    assert known.trouble.since == NIGHT + timedelta(hours=since)
    assert reasons == [asked]
    look_at_runs(memory, runs(outcomes), lambda run: pytest.fail("it is known"), settings)


def test_looking_twice_at_the_same_runs_changes_nothing(settings: Settings) -> None:
    memory = Memory()
    for _ in range(2):
        look_at_runs(memory, runs("+-+"), lambda run: "Why.", settings)
    assert memory.troubles == {}
    assert memory.good_night == NIGHT + timedelta(hours=2)

    look_at_runs(memory, runs("+"), lambda run: "Why.", settings)
    assert memory.good_night == NIGHT + timedelta(hours=2)
