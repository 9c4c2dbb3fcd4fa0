"""Jobs, and when they start by themselves."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from etna_pipelines.defs.assets import (
    development_database,
    development_redeploy,
    full_snapshot,
    production_backup,
    stripped_snapshot,
)

nightly = dg.define_asset_job(
    "nightly",
    selection=[production_backup, full_snapshot, stripped_snapshot, development_database, development_redeploy],
    description="Production backed up, stripped, proven clean, swapped into development, and that redeployed.",
    config={"loggers": {"console": {}}},  # ours, which Definitions names `console`
)

TOO_LATE = timedelta(hours=4)


@dg.schedule(
    job=nightly,
    cron_schedule="0 2 * * *",
    execution_timezone="Europe/London",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """At 02:00. A daemon that was down all night must not dump production in office hours."""
    late = datetime.now(UTC) - context.scheduled_execution_time
    if late > TOO_LATE:
        return dg.SkipReason(f"02:00 was {late.total_seconds() / 3600:.0f} hours ago: start `nightly` by hand.")
    return dg.RunRequest()
