"""What is deleted, and when."""

import dagster as dg

from etna_pipelines.defs.errors import failure_of, told_to_dagster
from etna_pipelines.defs.jobs import CONSOLE, HERE, ONCE_MORE, nightly
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import EtnaError


@dg.op(pool="prune")
def delete_what_goes(context: dg.OpExecutionContext, etna: Etna) -> None:
    """Retire the snapshots whose time is over, delete those that were retired before, sweep what runs left behind."""
    with told_to_dagster():
        done = etna.retention_steps().prune()
    for unreadable in done.unreadable:
        context.log.warning(f"Left alone: {unreadable.problem}")
    context.add_output_metadata(
        {
            "retired": len(done.retire),
            "deleted": ", ".join(each.snapshot.id for each in done.delete) or "none",
            "brought back": len(done.bring_back),
            "left over": len(done.leftovers),
            "bytes": done.bytes,
        }
    )


@dg.job(
    description="Snapshots whose time is over retired, and deleted a day later; what killed runs left behind swept.",
    tags=ONCE_MORE,
    config=CONSOLE,
    executor_def=HERE,
)
def prune() -> None:
    delete_what_goes()


@dg.sensor(job=prune, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def prune_after_nightly(context: dg.SensorEvaluationContext, etna: Etna) -> dg.RunRequest | dg.SkipReason:
    """Prunes once after each night that succeeded: while nights fail, nothing is deleted."""
    try:
        automatic = etna.settings().retention.automatic
    except EtnaError as error:
        raise failure_of(error) from None
    if not automatic:
        return dg.SkipReason("environments.yaml says `automatic: false` under `retention`.")
    last = context.instance.get_runs(dg.RunsFilter(job_name=nightly.name), limit=1)
    if not last or last[0].status != dg.DagsterRunStatus.SUCCESS:
        return dg.SkipReason("The last run of `nightly` has not succeeded." if last else "`nightly` has not run yet.")
    return dg.RunRequest(run_key=last[0].run_id)
