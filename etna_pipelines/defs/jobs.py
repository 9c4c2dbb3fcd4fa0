"""Jobs, and when they start by themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from etna_pipelines.defs.assets import (
    development_database,
    development_redeploy,
    full_snapshot,
    local_database,
    local_redeploy,
    production_backup,
    staging_database,
    staging_redeploy,
    stripped_snapshot,
    test_database,
    test_redeploy,
    test_template,
)
from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.ops import create, expire, redeploy_at, redeploy_expired, rehearse, remove
from etna_pipelines.errors import SettingsError
from etna_pipelines.nightly_spec import NightlySpec
from etna_pipelines.settings import load

CONSOLE: dict[str, Any] = {"loggers": {"console": {}}}
"""Ours, which Definitions names `console`. A job that must be told a version has no default, and so not this one."""

ONCE_MORE = {"dagster/max_retries": "2", "dagster/retry_strategy": "ALL_STEPS"}
"""For runs that nobody watches and no sensor asks for again: where their process was killed, see dagster.yaml."""

OF_TEST = {**ONCE_MORE, "etna/test": "yes"}
"""For runs of feature environments, of which dagster.yaml lets only some be at work."""

HERE = dg.in_process_executor
"""Jobs of one machine. `nightly` runs on what environments.yaml says under `growing`."""

nightly = dg.define_asset_job(
    "nightly",
    selection=[
        production_backup,
        full_snapshot,
        stripped_snapshot,
        development_database,
        development_redeploy,
        test_template,
    ],
    description="Production backed up, stripped, proven clean, swapped into development, and that redeployed.",
    tags={"dagster/priority": "1"},  # before all that waits in the queue
    config=CONSOLE,
)
refresh_staging = dg.define_asset_job(
    "refresh_staging",
    selection=[staging_database, staging_redeploy],
    description="A full snapshot swapped into staging, and that redeployed.",
    config=CONSOLE,
    executor_def=HERE,
)
refresh_test = dg.define_asset_job(
    "refresh_test",
    selection=[test_database, test_redeploy],
    description="A feature environment made, or brought up to date, and redeployed.",
    tags=OF_TEST,
    config=CONSOLE,
    executor_def=HERE,
)


@dg.job(
    partitions_def=FEATURES,
    description="A feature environment's databases dropped: by the sensor, once its branch has gone.",
    tags=OF_TEST,
    config=CONSOLE,
    executor_def=HERE,
)
def remove_test() -> None:
    remove()


@dg.job(
    description="Staging's full copy replaced by a stripped one, if its days are over, and that redeployed.",
    tags=ONCE_MORE,
    config=CONSOLE,
    executor_def=HERE,
)
def expire_staging() -> None:
    redeploy_expired(expire())


@dg.job(description="Staging's application redeployed at a version, with the data that it has.", executor_def=HERE)
def redeploy_staging() -> None:
    redeploy_at()


@dg.job(description="The tag of the application's next release.", config=CONSOLE, executor_def=HERE)
def create_release() -> None:
    create()


@dg.job(
    description="A release's migrations run on a copy beside staging: how long, under which locks, with what end.",
    executor_def=HERE,
)
def rehearse_release() -> None:
    rehearse()


pull_local = dg.define_asset_job(
    "pull_local",
    selection=[local_database, local_redeploy],
    description="A stripped snapshot swapped into a developer's own database.",
    config=CONSOLE,
    executor_def=HERE,
)

TOO_LATE = timedelta(hours=4)


def nightly_schedule(when: NightlySpec) -> dg.ScheduleDefinition:
    """Starts `nightly` when environments.yaml says."""

    @dg.schedule(
        name="nightly_schedule",  # for ever: Dagster knows it by this name
        job=nightly,
        cron_schedule=when.cron,
        execution_timezone=when.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """A daemon that was down all night must not dump production in office hours."""
        late = datetime.now(UTC) - context.scheduled_execution_time
        if late > TOO_LATE:
            return dg.SkipReason(f"{when.at} was {late.total_seconds() / 3600:.0f} hours ago: start `nightly` by hand.")
        return dg.RunRequest()

    return schedule


def configured_nightly() -> NightlySpec:
    """What environments.yaml says, read when the definitions load; the default where the file is wrong, as the steps
    of the run then say what is."""
    try:
        return load().nightly
    except SettingsError:
        return NightlySpec()
