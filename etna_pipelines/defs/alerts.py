"""Tells people of what Dagster knows: runs that failed, checks that did not pass. What is told, to whom and how often
is in etna_pipelines/alerts."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.errors import failure_of, sentence_in, told
from etna_pipelines.defs.failures import PARTITION
from etna_pipelines.defs.lost_runs import GONE
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import EtnaError

if TYPE_CHECKING:
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick

    from etna_pipelines.alerts.checks import Checked
    from etna_pipelines.alerts.memory import Memory
    from etna_pipelines.alerts.runs import Ended
    from etna_pipelines.alerts.starters import Starter
    from etna_pipelines.settings import Settings

KEY = "etna_pipelines/alerts"
"""Of what is remembered, in Dagster's own storage."""
OVERLAP = timedelta(minutes=10)
"""Runs are looked at again for so long: machines' clocks differ, and an end may be stored later than it was."""
AT_FIRST = timedelta(days=1)
"""How far back the first tick looks."""
ENDED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
WILL_RETRY = "dagster/will_retry"
TICKS = 60
"""Of a sensor that are looked at: a quarter of an hour of the one that ticks most often."""

KILLED = (
    "The run was ended from outside of its steps: its process was killed or could not start, or its machine went down."
)


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def alerts(context: dg.SensorEvaluationContext, etna: Etna) -> dg.SkipReason:
    """Those whom environments.yaml names are told of each trouble once, once a day while it goes on, and of its end.

    No `run_failure_sensor`, which is called for failures alone: here the next tick sends again what could not be sent,
    and ends are told too. It sees the same events, those of a run whose process was killed among them."""
    from etna_pipelines.alerts.channels import channels
    from etna_pipelines.alerts.telling import keep_alive, tell

    try:
        settings = etna.settings()
        to = channels(settings.alerts, settings.variables.secret)
        if not to and not settings.alerts.heartbeat:
            return dg.SkipReason("environments.yaml has no `alerts`.")
        memory, save, now = _remembered(context.instance), partial(_remember, context.instance), datetime.now(UTC)
        _look_at_runs(memory, settings, context.instance, now)
        _look_at_checks(memory, settings, context)
        _look_at_starters(memory, settings, context.instance, now)
        save(memory)
        untold = tell(memory, to, now, save)
        if settings.alerts.heartbeat:
            untold += keep_alive(memory, settings.alerts.heartbeat, save)
    except EtnaError as error:
        raise failure_of(error) from None
    if untold:
        raise dg.Failure(" ".join(untold), allow_retries=False)
    troubles = [known.trouble.subject for known in memory.troubles.values()]
    return dg.SkipReason(f"Not well, and told: {', '.join(troubles)}." if troubles else "All is well.")


def _look_at_runs(memory: "Memory", settings: "Settings", instance: dg.DagsterInstance, now: datetime) -> None:
    from etna_pipelines.alerts.runs import end_of_gone, look_at_runs

    since = min(memory.looked, now) - OVERLAP if memory.looked else now - AT_FIRST
    records = instance.get_run_records(dg.RunsFilter(statuses=ENDED, updated_after=since))
    ended = [run for record in records if (run := _ended(record)) and run.at > since]
    look_at_runs(memory, ended, partial(_why, instance), settings)
    end_of_gone(memory, instance.get_dynamic_partitions(str(FEATURES.name)), now)
    memory.looked = now


def _ended(record: dg.RunRecord) -> "Ended | None":
    """None for a run that Dagster itself tries again."""
    from etna_pipelines.alerts.runs import Ended

    run = record.dagster_run
    failed = run.status == dg.DagsterRunStatus.FAILURE
    if record.end_time is None or (failed and run.tags.get(WILL_RETRY) == "true"):
        return None
    return Ended(
        run=run.run_id,
        job=_name(run),
        at=datetime.fromtimestamp(record.end_time, UTC),
        failed=failed,
        partition=run.tags.get(PARTITION),
    )


def _name(run: dg.DagsterRun) -> str:
    """Its job; of what somebody picked in the UI, the assets."""
    if not run.job_name.startswith("__"):
        return run.job_name
    return " and ".join(sorted(key.to_user_string() for key in run.asset_selection or [])) or run.job_name


def _why(instance: dg.DagsterInstance, run_id: str) -> str:
    """What the failed step says, or what became of the run outside of its steps."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.get_dagster_event()
        return f"{event.step_key}: {told(event)}"
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE):
        event = entry.get_dagster_event()
        if event.message == GONE:
            return GONE
        if event.event_specific_data and event.job_failure_data.error:
            return told(event)
    return KILLED


def _look_at_checks(memory: "Memory", settings: "Settings", context: dg.SensorEvaluationContext) -> None:
    from etna_pipelines.alerts.checks import look_at_check

    repository = context.repository_def
    for key in repository.asset_graph.asset_check_keys if repository else ():
        if checked := _checked(context.instance, key):
            look_at_check(memory, checked, settings)


def _checked(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> "Checked | None":
    """Its last evaluation; None for one that blocks, whose run fails and says why, and while a new one is awaited."""
    from etna_pipelines.alerts.checks import Checked

    record = instance.get_latest_asset_check_evaluation_record(key)
    entry = record.event if record else None
    if entry is None or entry.dagster_event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    said, at = entry.get_dagster_event().asset_check_evaluation_data, datetime.fromtimestamp(entry.timestamp, UTC)
    if said.blocking:
        return None
    return Checked(key.asset_key.to_user_string(), key.name, said.passed, said.description or "", at)


def _look_at_starters(memory: "Memory", settings: "Settings", instance: dg.DagsterInstance, now: datetime) -> None:
    """The sensors and schedules that are on; this one says by itself what goes wrong with it."""
    from etna_pipelines.alerts.starters import look_at_starter

    for state in instance.all_instigator_state() if instance.schedule_storage else ():
        if state.is_running and state.name != alerts.name and (starter := _starter(instance, state)):
            look_at_starter(memory, starter, now, settings)


def _starter(instance: dg.DagsterInstance, state: "InstigatorState") -> "Starter | None":
    """None for one that never ticked."""
    from etna_pipelines.alerts.starters import Starter

    ended = _ticks(instance, state, 2)  # the newest may be under way
    if ended and ended[0].is_failure:
        ended = _ticks(instance, state, TICKS)
    if not ended:
        return None
    last = datetime.fromtimestamp(ended[0].timestamp, UTC)
    failed = [*takewhile(lambda tick: tick.is_failure, ended)]
    if not failed:
        return Starter(state.name, last)
    says = sentence_in(failed[0].error) or "It met a fault of its own: the UI shows it among its ticks."
    return Starter(state.name, last, datetime.fromtimestamp(failed[-1].timestamp, UTC), says)


def _ticks(instance: dg.DagsterInstance, state: "InstigatorState", limit: int) -> "list[InstigatorTick]":
    """The newest first, without the one that is under way."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=limit)
    return [tick for tick in ticks if tick.is_completed]


def _remembered(instance: dg.DagsterInstance) -> "Memory":
    from etna_pipelines.alerts.memory import Memory

    return Memory.read(instance.daemon_cursor_storage.get_cursor_values({KEY}).get(KEY))


def _remember(instance: dg.DagsterInstance, memory: "Memory") -> None:
    instance.daemon_cursor_storage.set_cursor_values({KEY: memory.model_dump_json()})
