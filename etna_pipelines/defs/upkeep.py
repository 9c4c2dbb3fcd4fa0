"""What is done each week with the snapshots that there are."""

import dagster as dg

from etna_pipelines.defs.errors import told_to_dagster
from etna_pipelines.defs.jobs import CONSOLE
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
