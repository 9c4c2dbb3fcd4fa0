"""The database of an environment, as an asset that is made in steps: what the timeline shows, and what is repeated."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etna_pipelines.defs.assets import ASSETS, development_database, development_redeploy
from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.resources import Etna
from etna_pipelines.environments import history
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import load
from etna_pipelines.stores.local import LocalStore
from tests.defs.conftest import Site, push

PUSH = [f"development_database.{step}" for step in ("preflight", "restore", "verify", "fix_ups", "swap")]
REDEPLOY = "development_redeploy"


def pushing() -> dg.JobDefinition:
    """What the job `nightly` does after its snapshots, by a name that a run can be repeated by."""
    job = dg.define_asset_job("pushing", [development_database, development_redeploy])
    defined = dg.Definitions(ASSETS, jobs=[job], resources={"etna": Etna()}, executor=dg.in_process_executor)
    return defined.resolve_job_def("pushing")


def test_a_run_is_resumed_from_the_step_that_failed(site: Site) -> None:
    """A failed redeploy is repeated alone. A failed fix-up took its new database along: the next try fills one."""
    site.snapshot()
    site.configure(redeploy="raise SystemExit(1)")
    failed = execute(site)
    assert started(failed) == [*PUSH, REDEPLOY]
    served = site.oid()

    site.configure()
    assert started(resumed(site, failed)) == [REDEPLOY]
    assert site.oid() == served

    site.configure(fix_ups="{commands: [[python, -c, 'raise SystemExit(1)']]}")
    refused = execute(site)
    assert started(refused) == PUSH[:4]
    assert site.oid() == served

    site.configure()
    again = resumed(site, refused)
    assert again.success
    assert started(again) == [*PUSH[3:], REDEPLOY]
    assert site.oid() != served


def test_a_snapshot_and_a_version_can_be_named(site: Site) -> None:
    first, second = (site.snapshot(), site.snapshot())

    for asked, pushed in (({}, (second, None)), ({"snapshot": first, "version": "26.11.24.2"}, (first, "26.11.24.2"))):
        assert site.materialise("development_database", ops={"development_database": {"config": asked}}).success
        last = history.last(LocalStore(site.directory / "store"), "development")
        assert last and (last.push.snapshot, last.push.version) == pushed


class Handed(dg.IOManager):
    """Hands a step what the one before it made, which was another run's."""

    def __init__(self, value: str) -> None:
        self.value = value

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        pytest.fail("the last step hands nothing on")

    def load_input(self, context: dg.InputContext) -> str:
        return self.value


@pytest.mark.parametrize("removed", [False, True])
def test_an_environment_that_went_after_its_swap_is_not_redeployed(
    database: Database, fresh: Path, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    """Its run ends as cancelled, whether its database is gone already or not."""
    monkeypatch.setenv("ETNA_TEST_PASSWORD", database.password or "")
    Path("environments.yaml").write_text(
        f"production: {{database: '{database.named('nobody').url}'}}\n"
        f"test: {{database: '{database.url}', registry: {{directory: wanted}}, "
        "redeploy: {command: [python, -c, \"open('redeployed', 'w')\"]}}\n"
    )
    branch = Path("wanted/feature/login")
    branch.parent.mkdir(parents=True)
    branch.touch()
    settings = load()
    steps = FeatureSteps(settings, settings.open_store())
    steps.tick()
    branch.unlink()
    if removed:
        steps.remove("login")

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(FEATURES.name), ["login"])
        dg.materialize(
            ASSETS,
            selection=["test_redeploy"],
            partition_key="login",
            instance=instance,
            resources={"etna": Etna(), "io_manager": Handed(push("test/login").model_dump_json())},
            raise_on_error=False,
        )
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    assert not Path("redeployed").exists()


def execute(site: Site, **options: Any) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(pushing), instance=site.history, **options)


def resumed(site: Site, failed: dg.JobExecutionResult) -> dg.JobExecutionResult:
    """As the UI's "re-execute from failure" does."""
    return execute(site, reexecution_options=dg.ReexecutionOptions.from_failure(failed.run_id, site.history))


def started(run: dg.JobExecutionResult) -> list[str]:
    return [event.step_key for event in run.all_events if event.is_step_start and event.step_key]
