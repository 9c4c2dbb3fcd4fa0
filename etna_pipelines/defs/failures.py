"""Which feature environments are not made yet because their last run failed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.defs.jobs import refresh_test

if TYPE_CHECKING:
    from etna_pipelines.environments.known import Known

PARTITION = "dagster/partition"
FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
UNDER_WAY = [status for status in dg.DagsterRunStatus if status not in (*FAILED, dg.DagsterRunStatus.SUCCESS)]


def failures(instance: dg.DagsterInstance, unmade: "Mapping[str, Known]") -> dict[str, datetime]:
    """When the last run of each that failed ended; not of those of which another one, or its retry, is under way."""
    if not unmade:
        return {}

    def runs(statuses: list[dg.DagsterRunStatus]) -> list[dg.RunRecord]:
        tags = {PARTITION: sorted(unmade)}
        return [*instance.get_run_records(dg.RunsFilter(job_name=refresh_test.name, tags=tags, statuses=statuses))]

    failed: dict[str, float] = {}
    for record in runs(FAILED):
        name, ended = record.dagster_run.tags[PARTITION], record.end_time or 0.0
        failed[name] = max(ended, failed.get(name, ended))
    busy = {record.dagster_run.tags[PARTITION] for record in runs(UNDER_WAY)} if failed else set()
    return {name: datetime.fromtimestamp(ended, UTC) for name, ended in failed.items() if name not in busy}
