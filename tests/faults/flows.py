"""What runs do: the real steps over the settings in the directory where they stand, as Dagster's assets call them."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etna_pipelines import settings
from etna_pipelines.environments.push import Begun
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.integrity_steps import IntegritySteps
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.retention_steps import RetentionSteps
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots import retention_prune
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.steps import Steps
from etna_pipelines.stores.store import Store

NIGHTLY = ("-m", "dagster", "job", "execute", "-m", "etna_pipelines.definitions", "-j", "nightly")
BEGUN = Path("begun.json")
"""The last push that was begun, as Dagster keeps it between two steps."""


def night() -> None:
    """Backup, strip, push into development, redeploy: of this night's snapshots, whatever the clock says."""
    steps = Steps(*_work())
    full = _full_snapshot(steps, steps.back_up().id)
    push("development", _stripped_snapshot(steps, full.id).id)


def nightly() -> None:
    """The night as Dagster runs it: with a process for each step."""
    os.execv(sys.executable, [sys.executable, *NIGHTLY])  # noqa: S606


def back_up() -> None:
    steps = Steps(*_work())
    _full_snapshot(steps, steps.back_up().id)


def publish(id_: str) -> None:
    """The draft of a backup."""
    _full_snapshot(Steps(*_work()), id_)


def strip() -> None:
    steps = Steps(*_work())
    _stripped_snapshot(steps, steps.newest("full").id)


def push(environment: str = "development", snapshot: str = "") -> None:
    """Begun anew, to its end, and redeployed."""
    steps = PushSteps(*_work())
    begun = steps.begin(environment, steps.snapshot(environment, snapshot))
    BEGUN.write_text(begun.model_dump_json())
    go_on()


def go_on() -> None:
    """The push that was begun last, from where it is: as a run that is executed again from its failure."""
    steps, begun = PushSteps(*_work()), Begun.model_validate_json(BEGUN.read_text())
    steps.fill(begun)
    steps.check(begun)
    steps.fix_up(begun)
    steps.redeploy(steps.swap_in(begun))


def redeploy() -> None:
    PushSteps(*_work()).redeploy_last("development")


def rollback() -> None:
    steps = PushSteps(*_work())
    steps.redeploy(steps.rollback("development"))


def make_template() -> None:
    steps = PushSteps(*_work())
    steps.make_template(steps.newest("stripped"))


def make_feature() -> None:
    """The feature environment `login`, which is registered."""
    Path("home/feature_environments/feature").mkdir(parents=True, exist_ok=True)
    Path("home/feature_environments/feature/login").touch()
    FeatureSteps(*_work()).tick()
    push("test/login")


def remove_feature() -> None:
    """It leaves the registry, and goes."""
    Path("home/feature_environments/feature/login").unlink(missing_ok=True)
    FeatureSteps(*_work()).remove("login")


def expire() -> None:
    """Staging's full copy, after its days."""
    steps = PushSteps(*_work())
    steps.expire("staging", datetime.now(UTC) + timedelta(days=15))


def subset(rows: str) -> None:
    steps = Steps(*_work())
    steps.subset(steps.newest("stripped"), Subset.parse(f"page={rows}"))


def verify() -> None:
    """The newest full snapshot read again."""
    steps = IntegritySteps(*_work())
    steps.verify(steps.newest("full").id)


def drill() -> None:
    """The newest full snapshot restored and dropped again."""
    IntegritySteps(*_work()).drill()


def prune() -> None:
    """What went two days ago was retired then, and is deleted now."""
    steps = RetentionSteps.of(settings.load())
    retention_prune.prune(steps.catalogue, steps.settings.retention, datetime.now(UTC) - timedelta(days=2))
    steps.prune()


def _full_snapshot(steps: Steps, id_: str) -> Manifest:
    return steps.publish(steps.check_backup(id_))


def _stripped_snapshot(steps: Steps, id_: str) -> Manifest:
    return steps.publish(steps.strip(id_))


def _work() -> tuple[Settings, Store]:
    configured = settings.load()
    return configured, configured.open_store()
