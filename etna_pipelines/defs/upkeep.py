"""What is done with the snapshots that there are: some are read again each week, each night's full one is restored."""

import dagster as dg

from etna_pipelines.defs.assets import full_snapshot
from etna_pipelines.defs.errors import told_to_dagster
from etna_pipelines.defs.jobs import CONSOLE, HERE
from etna_pipelines.defs.resources import Etna


@dg.op(pool="verify")
def verify_share(context: dg.OpExecutionContext, etna: Etna) -> None:
    """Read this week's share of the store again. A damaged snapshot fails the run once all the rest is read."""
    from etna_pipelines.integrity_steps import refuse_unsound

    with told_to_dagster():
        read = etna.integrity_steps().verify_share()
        context.add_output_metadata(
            {
                "snapshots": len(read),
                "bytes": sum(each.snapshot.bytes for each in read),
                "damaged": ", ".join(each.snapshot.id for each in read if each.problem) or "none",
            }
        )
        refuse_unsound(read)


@dg.job(
    description="A part of the store read again, so that every snapshot is within `integrity.weeks` weeks.",
    config=CONSOLE,
    executor_def=HERE,
)
def verify_store() -> None:
    verify_share()


verify_store_schedule = dg.ScheduleDefinition(
    job=verify_store,
    cron_schedule="0 4 * * 0",
    execution_timezone="Europe/London",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="On Sundays at 04:00. A daemon that was down catches up: it asks nothing of production.",
)


@dg.asset_check(
    asset=full_snapshot,
    name="drill",
    description="Restored into a database of its own, looked through (rows, keys, indexes) and dropped again.",
    op_tags={"dagster/priority": "-2"},  # after development, for which people wait, and the template
    pool="drill",
)
def drill(etna: Etna, full_snapshot: str) -> dg.AssetCheckResult:
    """Of the night's own snapshot. Blocks nothing: what is restored elsewhere is looked through there as well."""
    with told_to_dagster():
        return _drilled(etna, full_snapshot)


def _drilled(etna: Etna, id_: str) -> dg.AssetCheckResult:
    from etna_pipelines.errors import DrillFailed, EtnaError

    try:
        done = etna.integrity_steps().drill(id_)
    except EtnaError as error:
        severe = isinstance(error, DrillFailed)  # else nobody knows: no room, another drill, a server that is down
        severity = dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(passed=False, severity=severity, description=str(error))
    if done is None:
        return dg.AssetCheckResult(passed=True, description="environments.yaml switches drills off.")
    facts: dict[str, str | float] = {
        "snapshot": done.snapshot,
        "seconds": done.seconds,
        "rows": done.rows,
        "indexes": done.indexes or 0,
    }
    return dg.AssetCheckResult(passed=True, description=done.says, metadata=facts)
