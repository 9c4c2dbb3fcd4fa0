"""Checks of snapshots, evaluated by Dagster."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.definitions import defs
from etna_pipelines.defs.checks import CHECKS, freshness
from etna_pipelines.defs.resources import Etna
from etna_pipelines.settings import load
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import ArchiveFile, new_id
from tests.snapshots.samples import draft, stored

NOW = datetime.now(UTC)


@pytest.fixture
def history(fresh: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as history:
        yield history


def publish(age: timedelta, rows: int = 100, size: int = 1000) -> str:
    settings = load()
    catalogue = Catalogue(settings.open_store(), settings.signing_key())
    files = [ArchiveFile(name="toc.dat", bytes=size, sha256="", table="public.page", rows=rows)]
    made = draft(new_id(NOW - age)).model_copy(update={"files": files})
    return catalogue.publish(stored(catalogue.store, made)).id


def evaluate(history: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    """All checks of snapshots, in a run of their own as the UI starts it."""
    job = dg.Definitions(asset_checks=CHECKS, resources={"etna": Etna()}).resolve_implicit_global_asset_job_def()
    ran = job.execute_in_process(instance=history)
    assert ran.success
    return {f"{each.asset_key.to_user_string()} {each.check_name}": each for each in ran.get_asset_check_evaluations()}


def test_good_snapshots_pass_all_of_them(history: dg.DagsterInstance) -> None:
    publish(timedelta(days=1))
    publish(timedelta(hours=1), rows=51, size=501)

    found = evaluate(history)

    assert {name for name, each in found.items() if each.passed} == {
        "full_snapshot freshness",
        "full_snapshot rows",
        "full_snapshot size",
    }
    assert not found["stripped_snapshot freshness"].passed


def test_suspicious_ones_warn_and_block_nothing(history: dg.DagsterInstance) -> None:
    before = publish(timedelta(days=3))
    publish(timedelta(days=2), rows=50, size=500)

    found = evaluate(history)

    assert [each for each in found.values() if each.passed or each.blocking] == []
    assert {each.severity for each in found.values()} == {dg.AssetCheckSeverity.WARN}
    assert f"lost half of the rows since {before}: public.page has 50 of 100" in (
        found["full_snapshot rows"].description or ""
    )


def test_where_nobody_can_look_the_checks_fail_and_not_the_run(
    history: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_SIGNING_KEY", "no key")

    found = evaluate(history)

    assert [each for each in found.values() if each.passed] == []
    assert all((each.description or "").startswith("ETNA_SIGNING_KEY is not 64 hex digits") for each in found.values())


def test_freshness_is_evaluated_without_a_run(history: dg.DagsterInstance) -> None:
    """The night that never came: Dagster has recorded nothing since."""
    publish(timedelta(hours=27))
    with dg.build_sensor_context(history, resources={"etna": Etna()}) as context:
        ticked = freshness(context)

    assert isinstance(ticked, dg.SensorResult)
    assert [(each.check_name, each.passed) for each in ticked.asset_events] == [("freshness", False)] * 2  # type: ignore[union-attr]
    assert "27 h ago" in str(ticked.skip_reason)


def test_dagsters_own_freshness_policy_says_the_same() -> None:
    graph = defs().resolve_asset_graph()
    for name in ("full_snapshot", "stripped_snapshot"):
        policy = graph.get(dg.AssetKey(name)).freshness_policy
        assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))


def test_the_night_evaluates_them_too() -> None:
    checked = {node.name for node in defs().resolve_job_def("nightly").nodes}
    assert {"full_snapshot_rows", "full_snapshot_size", "full_snapshot_freshness"} <= checked
