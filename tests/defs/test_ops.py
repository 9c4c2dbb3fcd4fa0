"""What is done beside the assets, by jobs as the definitions have them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import load
from tests.defs.conftest import push


def expire_staging() -> dg.JobDefinition:
    """By a name that a run can be repeated by."""
    from etna_pipelines.definitions import defs

    return defs().resolve_job_def("expire_staging")


@pytest.fixture
def instance(fresh: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(str(fresh / "dagster")) as instance:
        yield instance


@pytest.fixture
def staging(database: Database, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """One that holds nothing that could expire."""
    for name in ("PRODUCTION", "STAGING"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    configure(database, "raise SystemExit(1)")
    return database


def test_a_redeploy_after_an_expiry_is_made_up_for(staging: Database, instance: dg.DagsterInstance) -> None:
    """By "re-execute from failure", and by another run where the one that pushed was killed: it does not fall away
    because nothing has expired any more."""
    done = pushed()
    failed = execute(instance)
    assert (failed.success, started(failed)) == (False, ["expire", "redeploy_expired"])

    configure(staging, "print('26.11.23.1')")
    repeat = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    assert started(execute(instance, reexecution_options=repeat)) == ["redeploy_expired"]
    assert redeployed(done) == "26.11.23.1"
    assert started(execute(instance)) == ["expire"]

    configure(staging, "print('26.11.24.1')")
    done = pushed()
    assert execute(instance).success
    assert redeployed(done) == "26.11.24.1"


def configure(staging: Database, redeploy: str) -> None:
    Path("environments.yaml").write_text(
        f"production: {{database: '{staging.named('nobody').url}'}}\n"
        f"staging: {{database: '{staging.url}', redeploy: {{command: [python, -c, \"{redeploy}\"]}}}}\n"
    )


def pushed() -> Push:
    done = push("staging")
    history.record(load().open_store(), done)
    return done


def redeployed(done: Push) -> str | None:
    record = history.recorded(load().open_store(), done)
    assert record and record.redeploy
    return record.redeploy.version


def execute(instance: dg.DagsterInstance, **options: Any) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(expire_staging), instance=instance, **options)


def started(run: dg.JobExecutionResult) -> list[str]:
    return [event.step_key for event in run.all_events if event.is_step_start and event.step_key]
