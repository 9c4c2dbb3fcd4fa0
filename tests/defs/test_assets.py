"""The assets, materialised by Dagster on small real databases: what each says of itself, and what stops the rest."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etna_pipelines.defs import errors
from etna_pipelines.defs.assets import ASSETS
from etna_pipelines.defs.resources import Etna
from tests.defs.conftest import STEPS, Site


def test_one_group_shows_the_whole_picture() -> None:
    graph = dg.Definitions(ASSETS, resources={"etna": Etna()}).resolve_asset_graph()
    parents = {
        node.key.to_user_string(): [key.to_user_string() for key in node.parent_keys] for node in graph.asset_nodes
    }

    assert parents == {
        "production_database": [],
        "production_backup": ["production_database"],
        "full_snapshot": ["production_backup"],
        "stripped_snapshot": ["full_snapshot"],
        "staging_database": ["full_snapshot"],
        "development_database": ["stripped_snapshot"],
        "test_template": ["stripped_snapshot"],
        "test_database": ["test_template"],
        "local_database": ["stripped_snapshot"],
        "staging_redeploy": ["staging_database"],
        "development_redeploy": ["development_database"],
        "test_redeploy": ["test_database"],
        "local_redeploy": ["local_database"],
    }
    assert {node.group_name for node in graph.asset_nodes} == {"etna"}
    assert [graph.get(dg.AssetKey(step)).pools for step in STEPS] == [
        {"production"},
        {"store"},
        {"strip"},
        {"development"},
        {"development"},
    ]
    partitioned = {node.key.to_user_string() for node in graph.asset_nodes if node.is_partitioned}
    assert partitioned == {"test_database", "test_redeploy"}
    assert {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys} == {
        ("full_snapshot", "integrity"),
        ("stripped_snapshot", "proof"),
    }


def test_a_night_says_what_it_did(site: Site) -> None:
    night = site.materialise()

    assert night.success
    assert site.materialised() == STEPS
    full, stripped = site.listed()
    assert (full.split("/")[0], stripped.split("/")[0]) == ("full", "stripped")
    with site.development.connect() as connection:
        rows = connection.execute("SELECT count(*), count(*) FILTER (WHERE email ~ 'harbourlight') FROM person")
        assert rows.fetchone() == (50, 0)

    said = {step: _metadata(night, step) for step in STEPS}
    assert said["full_snapshot"]["snapshot"].value == full.split("/")[1]
    assert said["full_snapshot"]["schema changes"].value == "the first snapshot"
    assert said["stripped_snapshot"]["snapshot"].value == stripped.split("/")[1]
    assert said["stripped_snapshot"]["masked values"].value == 50
    assert {"rules", "rules digest", "key id", "seconds", "bytes", "stripped from"} <= said["stripped_snapshot"].keys()
    tables = said["stripped_snapshot"]["tables"]
    assert isinstance(tables, dg.TableMetadataValue)
    [person] = tables.records
    assert (person.data["table"], person.data["rows"], person.data["masked values"]) == ("public.person", 50, 50)
    assert said["development_database"]["snapshot"].value == stripped.split("/")[1]
    assert said["development_redeploy"]["version"].value == "release 7"
    assert [(check.check_name, check.passed) for check in night.get_asset_check_evaluations()] == [
        ("integrity", True),
        ("proof", True),
    ]


def test_the_next_night_says_what_changed_in_the_schema(site: Site) -> None:
    site.materialise("production_backup", "full_snapshot")
    with site.production.connect() as connection:
        connection.execute("ALTER TABLE person ADD COLUMN nickname text")

    night = site.materialise("production_backup", "full_snapshot")

    assert "nickname" in str(_metadata(night, "full_snapshot")["schema changes"].value)
    (site.directory / "store" / site.listed()[-1]).write_bytes(b"{}")  # the nights go on, and compare with the first

    night = site.materialise("production_backup", "full_snapshot")

    assert "nickname" in str(_metadata(night, "full_snapshot")["schema changes"].value)


def test_a_damaged_backup_is_never_a_snapshot(site: Site) -> None:
    assert site.materialise("production_backup").success
    [file] = (site.directory / "store").rglob("*.dat.gz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)

    night = site.materialise(*STEPS[1:])

    assert not night.success
    assert site.materialised() == ["production_backup"]
    assert [(check.check_name, check.passed) for check in night.get_asset_check_evaluations()] == [("integrity", False)]
    assert _started(night) == ["full_snapshot"]
    assert site.listed() == site.stored("full") == []
    assert not site.serves()


def test_what_the_proof_finds_is_never_published(site: Site) -> None:
    """A copy of every address stands in a column that a careless rule keeps."""
    with site.production.connect() as connection:
        connection.execute("UPDATE person SET remark = 'write to ' || email")

    night = site.materialise()

    assert not night.success
    assert site.materialised() == ["production_backup", "full_snapshot"]
    integrity, proof = night.get_asset_check_evaluations()
    assert (integrity.passed, proof.check_name, proof.passed) == (True, "proof", False)
    page = Path(str(proof.metadata["page"].value))
    assert page.parent == site.directory / ".etna" / "reports"
    assert "Failed: the proof found what must not be there" in page.read_text()
    findings = proof.metadata["findings"]
    assert isinstance(findings, dg.TableMetadataValue)
    assert ("public.person", "remark") in [(found.data["table"], found.data["column"]) for found in findings.records]
    assert _started(night) == ["production_backup", "full_snapshot", "stripped_snapshot"]
    assert [key.split("/")[0] for key in site.listed()] == ["full"]
    assert site.stored("stripped") == []
    assert not site.serves()
    events = "".join(map(dg.serialize_value, site.history.all_logs(night.run_id)))
    assert "harbourlight" not in events + page.read_text()


def test_a_server_that_does_not_answer_is_asked_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "SECONDS_BETWEEN", 0)
    _point_production_at(site, "postgresql://postgres@127.0.0.1:1/nobody_listens")

    night = site.materialise("production_backup")

    assert not night.success
    assert len([event for event in night.all_events if event.is_step_up_for_retry]) == errors.RETRIES


def test_a_server_that_says_no_is_not_asked_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", "wrong")

    night = site.materialise("production_backup")

    assert not night.success
    assert [event for event in night.all_events if event.is_step_up_for_retry] == []


def _metadata(night: dg.ExecuteInProcessResult, step: str) -> dict[str, dg.MetadataValue[Any]]:
    [materialisation] = night.asset_materializations_for_node(step)
    return dict(materialisation.metadata)


def _started(night: dg.ExecuteInProcessResult) -> list[str]:
    return [event.step_key for event in night.all_events if event.is_step_start and event.step_key]


def _point_production_at(site: Site, url: str) -> None:
    settings = site.directory / "environments.yaml"
    settings.write_text(settings.read_text().replace(site.production.url, url))
