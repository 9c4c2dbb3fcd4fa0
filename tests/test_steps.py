"""Steps that no flow goes through: what an environment with a subset gets."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from etna_pipelines.errors import SettingsError, SnapshotDamaged, SnapshotMissing
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import Manifest, RulesUsed, new_id
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.steps import Steps
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED

SITE = """
CREATE TABLE author (id int PRIMARY KEY);
CREATE TABLE page (id int PRIMARY KEY, author int REFERENCES author);
INSERT INTO author SELECT generate_series(1, 500);
INSERT INTO page SELECT i, i FROM generate_series(1, 500) i;
"""
TEN = Subset.parse("page=10")


@pytest.fixture
def steps(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Of a production that is one database, and an environment that is to have ten of its pages."""
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    for name in ("PRODUCTION", "LOCAL"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"development: {{database: '{database.named('nobody').url}'}}\n"
        f"local: {{database: '{database.named(f'{database.name}_local').url}', owner: owner_of_subsets,"
        " subset: {roots: {page: 10}}}\n"
    )
    settings = load()
    return Steps(settings, settings.open_store())


@pytest.fixture
def whole(steps: Steps, database: Database) -> Manifest:
    """A stripped snapshot of production, in which nothing was to be stripped."""
    with database.connect() as connection:
        connection.execute(SITE)
    full = backup(database, steps.store, environment="production", scratch=steps.scratch)
    for file in full.files:
        steps.store.copy(full.archive_key(file.name), f"stripped/{full.id}/archive/{file.name}")
    return steps.catalogue.publish(full.model_copy(update={"kind": "stripped", "proof": PASSED}))


def test_an_environment_gets_its_subset(
    steps: Steps, whole: Manifest, database: Database, server: EmbeddedServer
) -> None:
    local = database.named(f"{database.name}_local")
    with database.connect() as connection:
        connection.execute("CREATE ROLE owner_of_subsets")
    try:
        done = PushSteps(steps.settings, steps.store).push("local", whole)

        made = steps.catalogue.newest_subset(TEN.digest(whole.id))
        assert made
        assert (done.snapshot, done.rows) == (made.id, 510)
        with local.connect() as connection:
            counted = connection.execute(
                "SELECT count(*), count(author.id) FROM page JOIN author ON author = author.id"
            )
            assert counted.fetchall() == [(10, 10)]
        assert steps.newest("stripped") == whole
    finally:
        server.drop_database(local.name)
        with database.connect() as connection:
            connection.execute("DROP ROLE owner_of_subsets")


def test_a_subset_is_made_once(steps: Steps, whole: Manifest) -> None:
    made = steps.subset(whole, TEN)
    assert steps.subset(whole, TEN) == made
    assert steps.subset(whole, Subset.parse("page=20")).id != made.id


def test_a_subset_that_was_stored_wrongly_is_removed(steps: Steps, whole: Manifest) -> None:
    class Wrong(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            return super().put(key, [b"other" for _ in chunks])

    before = list(steps.store.list(""))
    with pytest.raises(SnapshotDamaged, match="is not what was published"):
        replace(steps, store=Wrong(Path(steps.store.location()))).subset(whole, TEN)
    assert list(steps.store.list("")) == before


def test_there_is_no_newest_snapshot_yet(steps: Steps) -> None:
    with pytest.raises(SnapshotMissing, match="has no full snapshot yet: run the job `nightly` first"):
        steps.newest("full")


def test_another_masking_key_under_the_same_name_stops_the_night_before_it_begins(
    steps: Steps, whole: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with = RulesUsed(files=[], digest="", key_id="12345678", key_name="2026")
    steps.catalogue.publish(whole.model_copy(update={"id": new_id(), "files": [], "rules": made_with}))
    steps.store.put(f"stripped/{new_id()}/manifest.json", [b"{}"])  # says nothing, and is in nobody's way
    monkeypatch.setenv("ETNA_MASKING_KEY", "2026:" + "5e" * 32)
    named = replace(steps, settings=load())
    for begin in (named.back_up, lambda: named.strip(id_="read by nobody")):
        with pytest.raises(SettingsError, match="is named `2026` and is not the key"):
            begin()
