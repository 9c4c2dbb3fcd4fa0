"""What is watched about snapshots: each check warns, and blocks nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.defs.assets import full_snapshot, stripped_snapshot
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import EtnaError

if TYPE_CHECKING:
    from etna_pipelines.alerts.verdict import Verdict
    from etna_pipelines.snapshots.manifest import Kind, Manifest

FRESHNESS = "freshness"
SNAPSHOTS: "dict[Kind, dg.AssetsDefinition]" = {"full": full_snapshot, "stripped": stripped_snapshot}


def _freshness(kind: "Kind") -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=SNAPSHOTS[kind],
        name=FRESHNESS,
        description=f"The store has a {kind} snapshot of the last 26 hours, whatever Dagster remembers of it.",
    )
    def fresh(context: dg.AssetCheckExecutionContext, etna: Etna) -> dg.AssetCheckResult:
        return _result(partial(_look, kind, etna, context.instance))

    return fresh


def _compared(
    name: str, description: str, compare: "Callable[[Manifest, Manifest], Verdict]"
) -> dg.AssetChecksDefinition:
    """The newest full snapshot with the last of those before it that passed."""

    def look(etna: Etna) -> "Verdict":
        from etna_pipelines.alerts.shrinking import look_at_newest

        return look_at_newest(etna.steps().catalogue.trusted("full"), compare)

    @dg.asset_check(asset=full_snapshot, name=name, description=description)
    def compared(etna: Etna) -> dg.AssetCheckResult:
        return _result(partial(look, etna))

    return compared


def _rows(before: "Manifest", after: "Manifest") -> "Verdict":
    from etna_pipelines.alerts import shrinking

    return shrinking.rows(before, after)


def _size(before: "Manifest", after: "Manifest") -> "Verdict":
    from etna_pipelines.alerts import shrinking

    return shrinking.size(before, after)


@dg.sensor(minimum_interval_seconds=3600, default_status=dg.DefaultSensorStatus.RUNNING)
def freshness(context: dg.SensorEvaluationContext, etna: Etna) -> dg.SensorResult:
    """Evaluates the `freshness` of both kinds every hour, without a run: nightly's own evaluation comes too late where
    nightly never came."""
    evaluations = []
    for kind, snapshot in SNAPSHOTS.items():
        result = _result(partial(_look, kind, etna, context.instance))
        evaluations.append(
            dg.AssetCheckEvaluation(
                snapshot.key,
                FRESHNESS,
                result.passed,
                result.metadata,
                severity=result.severity,
                description=result.description,
            )
        )
    said = " ".join(str(each.description) for each in evaluations)
    return dg.SensorResult(asset_events=evaluations, skip_reason=said)


def _look(kind: "Kind", etna: Etna, instance: dg.DagsterInstance) -> "Verdict":
    from etna_pipelines.alerts.freshness import freshness

    return freshness(etna.steps().catalogue, kind, datetime.now(UTC), _recorded(instance, SNAPSHOTS[kind].key))


def _recorded(instance: dg.DagsterInstance, key: dg.AssetKey) -> str:
    """The id of the snapshot that Dagster saw last; empty where it saw none."""
    event = instance.get_latest_materialization_event(key)
    said = event.asset_materialization.metadata.get("snapshot") if event and event.asset_materialization else None
    return str(said.value) if said else ""


def _result(look: "Callable[[], Verdict]") -> dg.AssetCheckResult:
    """What a look found. Where the store cannot be asked nobody knows that all is well: the run goes on even so."""
    from etna_pipelines.alerts.verdict import Verdict

    try:
        verdict = look()
    except EtnaError as error:
        verdict = Verdict(False, str(error))
    return dg.AssetCheckResult(
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=verdict.says,
        metadata=dict(verdict.facts),
    )


CHECKS = [
    *map(_freshness, SNAPSHOTS),
    _compared("rows", "No table lost half of its rows in a week.", _rows),
    _compared("size", "The backup is more than half the size of those of the week before.", _size),
]
