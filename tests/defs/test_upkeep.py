"""The drill, as the check of full snapshots that it is."""

import dagster as dg
import pytest

from etna_pipelines.defs.resources import Etna
from etna_pipelines.defs.upkeep import drill
from etna_pipelines.settings import load
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import put_mark
from etna_pipelines.snapshots.manifest import new_id
from tests.defs.conftest import STEPS, Site
from tests.snapshots.samples import draft, stored


def looked(site: Site, settings: str) -> dg.AssetCheckEvaluation:
    """With some settings besides the site's."""
    site.configure()
    with (site.directory / "environments.yaml").open("a") as file:
        file.write(settings)
    result = dg.Definitions(asset_checks=[drill], resources={"etna": Etna()}).resolve_implicit_global_asset_job_def()
    [evaluation] = result.execute_in_process(instance=site.history).get_asset_check_evaluations()
    return evaluation


def test_the_runs_own_snapshot_is_restored_unless_that_is_switched_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_DRILL_PASSWORD", site.production.password or "")
    assert site.materialise(*STEPS[:2]).success

    refused = looked(site, f"integrity: {{drill: '{site.production.url}'}}\n")
    assert (refused.passed, refused.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "is production's own server: correct the database of drill" in str(refused.description)

    [own] = site.listed()
    settings = load()
    catalogue = Catalogue(settings.open_store(), settings.signing_keys())
    catalogue.publish(stored(catalogue.store, draft(new_id())))  # of another run, since
    put_mark(catalogue.store, "full", own.split("/")[1], "damaged", "one is cut.")
    damaged = looked(site, f"integrity: {{drill: '{site.production.url}'}}\n")
    assert f"{own.split('/')[1]} was found damaged" in str(damaged.description)

    off = looked(site, "integrity: {drill: false}\n")
    assert (off.passed, off.description) == (True, "environments.yaml switches drills off.")


def test_the_night_drills_after_all_that_people_wait_for() -> None:
    from etna_pipelines.definitions import defs

    job = defs().resolve_job_def("nightly")
    drilled = next(node for node in job.nodes if node.name == "full_snapshot_drill")
    assert int(drilled.tags["dagster/priority"]) < min(
        int(node.tags.get("dagster/priority", 0)) for node in job.nodes if node is not drilled
    )
