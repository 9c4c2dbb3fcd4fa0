"""The database of an environment, as an asset that is made in steps: what the timeline shows, and what is repeated."""

from typing import Any

import dagster as dg

from tests.defs.conftest import Site

NIGHT = ["production_backup", "full_snapshot", "stripped_snapshot"]
PUSH = [f"development_database.{step}" for step in ("preflight", "restore", "verify", "fix_ups", "swap")]
REDEPLOY, TEMPLATE = "development_redeploy", "test_template"


def nightly() -> dg.JobDefinition:
    """The job as the definitions have it, by a name that a run can be repeated by."""
    from etna_pipelines.definitions import defs

    return defs().resolve_job_def("nightly")


def test_a_run_is_resumed_from_the_step_that_failed(site: Site) -> None:
    """A failed redeploy is repeated alone. A failed fix-up took its new database along: the next try fills one."""
    site.configure(redeploy="raise SystemExit(1)")
    failed = execute(site)
    assert started(failed) == [*NIGHT, *PUSH, REDEPLOY, TEMPLATE]
    served = site.oid()

    site.configure()
    assert started(resumed(site, failed)) == [REDEPLOY]
    assert site.oid() == served

    site.configure(fix_ups="{commands: [[python, -c, 'raise SystemExit(1)']]}")
    refused = execute(site)
    assert started(refused) == [*NIGHT, *PUSH[:4], TEMPLATE]
    assert site.oid() == served

    site.configure()
    again = resumed(site, refused)
    assert again.success
    assert started(again) == [*PUSH[3:], REDEPLOY]
    assert site.oid() != served


def test_a_snapshot_can_be_named(site: Site) -> None:
    first, second = (site.snapshot(), site.snapshot())

    for asked, pushed in (({}, second), ({"snapshot": first}, first)):
        done = site.materialise("development_database", ops={"development_database": {"config": asked}})
        assert done.asset_materializations_for_node("development_database")[0].metadata["snapshot"].value == pushed


def execute(site: Site, **options: Any) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(nightly), instance=site.history, **options)


def resumed(site: Site, failed: dg.JobExecutionResult) -> dg.JobExecutionResult:
    """As the UI's "re-execute from failure" does."""
    return execute(site, reexecution_options=dg.ReexecutionOptions.from_failure(failed.run_id, site.history))


def started(run: dg.JobExecutionResult) -> list[str]:
    return [event.step_key for event in run.all_events if event.is_step_start and event.step_key]
