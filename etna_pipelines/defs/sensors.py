"""What starts runs when the world changes. Each compares what is with what should be: it comes out right after any
downtime."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.errors import failure_of
from etna_pipelines.defs.failures import UNDER_WAY, failures
from etna_pipelines.defs.jobs import expire_staging, redeploy_staging, refresh_staging, refresh_test, remove_test
from etna_pipelines.defs.lost_runs import lost_runs
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import DatabaseUnreachable, EtnaError

ON = dg.DefaultSensorStatus.RUNNING


@dg.sensor(jobs=[refresh_test, remove_test], minimum_interval_seconds=15, default_status=ON)
def feature_environments(context: dg.SensorEvaluationContext, etna: Etna) -> dg.SensorResult | dg.SkipReason:
    """The registry's branches against the partitions: new ones get a database, those that left lose theirs."""
    now = datetime.now(UTC)
    try:
        steps = etna.feature_steps()
        if "test" not in steps.settings.sections:
            return dg.SkipReason("environments.yaml has no `test`.")
        plan = steps.tick(now, partial(failures, context.instance))
    except EtnaError as error:
        raise failure_of(error) from None
    asked = _asked(context.cursor, now)
    requests = [
        dg.RunRequest(run_key=request.key, partition_key=request.name, job_name=job.name)
        for job, wanted in ((refresh_test, plan.to_make), (remove_test, plan.to_remove))
        for request in wanted
        if request.key not in asked
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None
        if requests
        else " ".join(plan.messages) or "The registry has the environments that are known.",
        dynamic_partitions_requests=_partitions(context.instance, plan.known),
        cursor=json.dumps([_hour(now), [request.key for request in (*plan.to_make, *plan.to_remove)]]),
    )


@dg.sensor(jobs=[refresh_staging, redeploy_staging], minimum_interval_seconds=120, default_status=ON)
def published_releases(context: dg.SensorEvaluationContext, etna: Etna) -> dg.SensorResult:
    """A release that was published: staging is to have it, with or without new data, as `release` of staging says. What
    came to nothing, as staging was asleep, is tried again every hour."""
    try:
        news = etna.release_steps().news(context.cursor)
    except EtnaError as error:
        raise failure_of(error) from None
    if news.version is None:
        return dg.SensorResult(skip_reason=news.says, cursor=news.seen)
    job, op = (refresh_staging, "staging_database") if news.with_data else (redeploy_staging, "redeploy_at")
    if context.instance.get_runs(dg.RunsFilter(job_name=job.name, statuses=UNDER_WAY), limit=1):
        return dg.SensorResult(skip_reason=f"A run of {job.name} is under way.", cursor=news.seen)
    config = {"ops": {op: {"config": {"version": news.version}}}}
    request = dg.RunRequest(run_key=news.key, job_name=job.name, run_config=config)
    return dg.SensorResult(run_requests=[request], cursor=news.seen)


@dg.sensor(job=expire_staging, minimum_interval_seconds=3600, default_status=ON)
def staging_expiry(etna: Etna) -> dg.RunRequest | dg.SkipReason:
    """Staging's full copies, once their days are over. What fails is tried again on the next day."""
    try:
        key = etna.push_steps().expiry_due("staging")
    except DatabaseUnreachable as asleep:
        return dg.SkipReason(str(asleep))
    except EtnaError as error:
        raise failure_of(error) from None
    return dg.RunRequest(run_key=key) if key else dg.SkipReason("No full copy has expired, as far as can be known.")


def _partitions(
    instance: dg.DagsterInstance, known: Iterable[str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """What makes the partitions those of the environments that are known."""
    there = instance.get_dynamic_partitions(str(FEATURES.name))
    new, old = set(known).difference(there), set(there).difference(known)
    return [
        *([FEATURES.build_add_request(sorted(new))] if new else []),
        *([FEATURES.build_delete_request(sorted(old))] if old else []),
    ]


def _asked(cursor: str | None, now: datetime) -> set[str]:
    """The keys of the runs that were asked for in this hour.

    Dagster starts no run of a key twice, but looks up each that it is asked for: so the whole is asked for once an hour
    only, for the sake of runs that were lost when somebody stopped the sensor half way."""
    hour, keys = json.loads(cursor) if cursor else ("", [])
    return {*keys} if hour == _hour(now) else set()


def _hour(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H}"


SENSORS = [feature_environments, published_releases, staging_expiry, lost_runs]
