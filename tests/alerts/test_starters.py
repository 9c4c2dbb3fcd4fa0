"""When a sensor that fails is a trouble."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.starters import PATIENCE, Starter, look_at_starter
from etna_pipelines.settings import load

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_only_one_that_goes_on_failing(fresh: Path) -> None:
    memory, settings = Memory(), load()

    for since, known in ((NOW - PATIENCE + SECOND, []), (NOW - PATIENCE, ["starter/feature_environments"])):
        look_at_starter(memory, Starter("feature_environments", NOW, since, "GitHub says no."), NOW, settings)
        assert [*memory.troubles] == known

    trouble = memory.troubles["starter/feature_environments"].trouble
    assert (trouble.subject, trouble.what, trouble.since) == (
        "feature_environments",
        "GitHub says no.",
        NOW - PATIENCE,
    )
    look_at_starter(memory, Starter("feature_environments", NOW), NOW, settings)
    assert memory.troubles["starter/feature_environments"].over == NOW
