"""When snapshots are pruned, and what the job tells of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.defs.resources import Etna
from etna_pipelines.defs.retention import prune, prune_after_nightly
from etna_pipelines.settings import load
from etna_pipelines.snapshots.catalogue import Catalogue
from tests.snapshots.samples import draft, stored

SUCCESS, FAILURE, STARTED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED


@pytest.fixture
def history(fresh: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def night(history: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    @dg.job(name="nightly")
    def job() -> None:
        pass

    return history.create_run_for_job(job, status=status).run_id


def asked(history: dg.DagsterInstance) -> str | None:
    """The key of the run that the sensor asks for; the same one is started once."""
    ticked = prune_after_nightly(dg.build_sensor_context(history, resources={"etna": Etna()}))
    return ticked.run_key if isinstance(ticked, dg.RunRequest) else None


def test_after_each_night_that_succeeded_once(history: dg.DagsterInstance) -> None:
    assert asked(history) is None
    first = night(history, SUCCESS)
    assert asked(history) == asked(history) == first
    second = night(history, SUCCESS)
    assert asked(history) == second


@pytest.mark.parametrize("status", [FAILURE, STARTED, dg.DagsterRunStatus.CANCELED])
def test_nothing_is_pruned_after_a_night_that_did_not(history: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    night(history, SUCCESS)
    night(history, status)
    assert asked(history) is None


def test_nothing_is_pruned_by_itself_where_that_is_said(history: dg.DagsterInstance, fresh: Path) -> None:
    night(history, SUCCESS)
    (fresh / "environments.yaml").write_text("retention: {automatic: false}\n")
    assert asked(history) is None


def test_a_prune_tells_what_it_did(history: dg.DagsterInstance, fresh: Path) -> None:
    (fresh / "environments.yaml").write_text("retention: {full: {nights: 2, weeks: 0, months: 0}}\n")
    settings, now = load(), datetime.now(UTC)
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    ids = [f"{now - timedelta(days=ago):%Y%m%dT%H%M%S%f}Z-aaaaaa" for ago in (5, 4, 3, 2, 1)]
    for id_ in ids:
        catalogue.publish(stored(catalogue.store, draft(id_)))
    catalogue.retire("full", ids[0], now - timedelta(days=4))
    Path(catalogue.store.location(f"full/{ids[2]}/manifest.json")).write_text("{}")

    done = prune.execute_in_process(resources={"etna": Etna()}, instance=history)

    assert done.success
    [event] = [event for event in done.all_events if event.is_successful_output]
    metadata = {name: value.value for name, value in event.step_output_data.metadata.items()}
    assert metadata == {"retired": 1, "deleted": ids[0], "brought back": 0, "left over": 0, "bytes": 12}
    assert catalogue.folders("full") == ids[1:]
    assert catalogue.ids("full") == ids[2:]
    said = [entry.message for entry in history.all_logs(done.run_id) if "Left alone" in entry.message]
    assert len(said) == 1 and f"full/{ids[2]}/manifest.json: the manifest" in said[0]
