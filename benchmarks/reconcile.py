"""One tick of the sensor without Dagster: five hundred environments listed, compared with what is known, and kept."""

import os
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.common import Result, seconds
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.settings import load

ENVIRONMENTS = 500


def measure(home: Path, megabytes: int = 0) -> list[Result]:  # noqa: ARG001
    os.environ["ETNA_HOME"] = str(home)
    listed = home / "feature_environments/feature"
    listed.mkdir(parents=True)
    for number in range(ENVIRONMENTS):
        (listed / f"Page-{number}").touch()
    settings = load(home / "absent.yaml")
    steps = FeatureSteps(settings, settings.open_store())
    now = datetime.now(UTC)

    def all_new() -> None:
        assert len(steps.tick(now).to_make) == ENVIRONMENTS

    def half_gone() -> None:
        assert len(steps.tick(now + timedelta(hours=2)).to_remove) == ENVIRONMENTS // 2

    first = seconds(all_new)
    same = statistics.median(seconds(all_new) for _ in range(5))
    for path in sorted(listed.iterdir())[: ENVIRONMENTS // 2]:
        path.unlink()
    steps.tick(now + timedelta(hours=1))
    value = max(first, same, seconds(half_gone))
    size = f"{ENVIRONMENTS} environments in a directory; {same:.2f} s where nothing changed"
    return [Result("one tick, all environments new or half of them gone", 2, value, "s", size)]
