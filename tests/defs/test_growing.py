"""The strip as a graph of parts."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etna_pipelines.defs import growing
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import SettingsError
from etna_pipelines.growing_spec import GrowingSpec
from etna_pipelines.stores.local import LocalStore
from tests.defs.conftest import Site

SPEC = GrowingSpec(executor="multiprocess")
CHECK = dg.AssetCheckKey(dg.AssetKey("stripped_snapshot"), "proof")


def night(site: Site) -> dg.ExecuteInProcessResult:
    """All steps up to the stripped snapshot, one after the other, with values handed on through the store."""
    return dg.materialize(
        growing.assets(SPEC),
        instance=site.history,
        resources={"etna": Etna(), **growing.resources(SPEC)},
        selection=["production_backup", "full_snapshot", "stripped_snapshot"],
        raise_on_error=False,
    )


def test_parts_make_a_stripped_snapshot_and_leave_nothing_else(site: Site) -> None:
    done = night(site)
    assert done.success
    [materialised] = done.asset_materializations_for_node("stripped_snapshot.publish")
    [check] = done.get_asset_check_evaluations()[-1:]
    assert (check.asset_check_key, check.passed) == (CHECK, True)
    _full, stripped = site.listed()
    assert stripped.split("/")[1] == materialised.metadata["snapshot"].value
    assert [key for key in site.stored("full") if "strip-" in key] == []
    assert [key for key in site.stored("stripped") if "/archive/" not in key] == [stripped]
    handed_on = [item.key for item in LocalStore(site.directory / "store").list("steps/")]
    assert "steps/assets/stripped_snapshot" in handed_on
    assert [key.split("/", 3)[3] for key in handed_on if "stripped_snapshot." in key] == [
        "stripped_snapshot.conclude/result"
    ]


def test_a_failed_proof_publishes_nothing(site: Site, fresh: Path) -> None:
    with site.production.connect() as connection:
        connection.execute("UPDATE person SET remark = email WHERE id = 7")
    done = night(site)
    assert not done.success
    [failed] = [event for event in done.all_events if event.is_step_failure]
    assert failed.step_key == "stripped_snapshot.proof"
    assert "public.person.remark: 1 x original e-mail" in str(failed.step_failure_data.user_failure_data)
    [check] = done.get_asset_check_evaluations()[-1:]
    assert (check.asset_check_key, check.passed) == (CHECK, False)
    assert site.history.get_latest_materialization_event(dg.AssetKey("stripped_snapshot")) is None
    assert site.stored("stripped") == []
    assert [key for key in site.stored("full") if "strip-" in key] == []


def test_a_part_of_a_run_that_has_ended_does_nothing(site: Site) -> None:
    context = dg.build_op_context(instance=site.history, resources={"etna": Etna()})
    assert growing.strip_part(context, part="no/such/1") == "no/such/1"


@pytest.mark.parametrize("done", [True, False])
def test_a_part_that_another_worker_has_done_is_not_done_again(site: Site, done: bool) -> None:
    @dg.op
    def other_worker(context: dg.OpExecutionContext) -> str:
        [begun] = context.instance.all_logs(context.run_id, of_type=dg.DagsterEventType.STEP_START)
        assert begun.dagster_event
        told = begun.dagster_event._replace(event_type_value="STEP_SUCCESS", step_key="strip_part")
        if done:
            context.instance.store_event(begun._replace(dagster_event=told, step_key="strip_part"))
        return "no/such/1"

    @dg.job(resource_defs={"etna": Etna()})
    def night() -> None:
        growing.strip_part(other_worker())

    assert night.execute_in_process(instance=site.history, raise_on_error=False).success is done


@pytest.mark.parametrize(
    ("name", "config"), [("dagster.in_process_executor", {}), ("dagster.multiprocess_executor", {"max_concurrent": 3})]
)
def test_another_executor_by_its_name(name: str, config: dict[str, Any]) -> None:
    assert isinstance(growing.executor(GrowingSpec(executor=name, config=config)), dg.ExecutorDefinition)


@pytest.mark.parametrize("name", ["dagster_k8s.k8s_job_executor", "dagster.nothing", "json.dumps"])
def test_an_executor_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"`{name}`, which is"):
        growing.executor(GrowingSpec(executor=name))


def test_celery_keeps_the_name_of_the_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_BROKER_URL", "redis://:secret@localhost")
    executor = growing.executor(GrowingSpec(executor="celery"))
    assert executor.name == "celery"
    assert "secret" not in str(executor.config_schema.as_field().config_type)
