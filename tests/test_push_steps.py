"""Pushes as the settings have them: a full copy's end, and a developer's own database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.errors import PushRefused, SnapshotMissing
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import Manifest
from tests.environments.conftest import databases, titles
from tests.github_server import TOKEN, GitHubServer
from tests.snapshots.samples import PASSED

SITE = "CREATE TABLE page (id int PRIMARY KEY, title text); INSERT INTO page VALUES (1, 'Of production')"
OWNER = "owner_of_steps"


@pytest.fixture
def steps(
    fresh: Path, database: Database, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PushSteps]:
    """Of a production with a page, and of a staging and a local database on the same server."""
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    for name in ("PRODUCTION", "STAGING", "LOCAL"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"staging: {{database: '{database.named(f'{database.name}_staging').url}', owner: {OWNER}}}\n"
        f"development: {{database: '{database.named('nobody').url}'}}\n"
        f"local: {{database: '{database.named(f'{database.name}_local').url}'}}\n"
    )
    with database.connect() as connection:
        connection.execute(SITE)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
            connection.execute(f"CREATE ROLE {OWNER}")
    settings = load()
    yield PushSteps(settings, settings.open_store())
    for name in databases(database):
        if name != database.name:
            server.drop_database(name)


@pytest.fixture
def full(steps: PushSteps, database: Database) -> Manifest:
    draft = backup(database, steps.store, environment="production", scratch=steps.scratch)
    return steps.catalogue.publish(draft)


def strip(steps: PushSteps, full: Manifest) -> Manifest:
    """What a strip with nothing to strip makes of it."""
    for file in full.files:
        steps.store.copy(full.archive_key(file.name), f"stripped/{full.id}/archive/{file.name}")
    return steps.catalogue.publish(full.model_copy(update={"kind": "stripped", "proof": PASSED}))


def test_a_full_copy_that_expired_is_replaced_by_a_stripped_snapshot(steps: PushSteps, full: Manifest) -> None:
    first = steps.push("staging", full)
    steps.push("staging", full)
    staging, later = steps.environment("staging").database, datetime.now(UTC) + timedelta(days=15)
    log = steps.settings.home / "fix-ups/staging-p.log"
    log.parent.mkdir()
    log.write_text("a row")
    assert steps.expire("staging") is None
    assert [copy.live for copy in steps.full_copies("staging")] == [True, False]

    with pytest.raises(PushRefused, match="there is no stripped one to replace it: run the job `nightly`"):
        steps.expire("staging", later)
    assert databases(staging) == [staging.name] and not log.exists()  # the kept one is gone all the same
    stripped = strip(steps, full)
    replaced = steps.expire("staging", later)

    assert replaced and (replaced.snapshot, replaced.kind) == (stripped.id, "stripped")
    assert (databases(staging), titles(staging)) == ([staging.name], ["Of production"])
    assert steps.expire("staging", later) is None
    records = history.of_snapshot(steps.store, full.id)
    assert [record.push.action for record in records].count("expiry") == 2
    assert first.id in {record.push.id for record in records if record.push.action == "expiry"}
    last = history.last(steps.store, "staging")
    assert last and last.push == replaced


def test_a_full_snapshot_is_named_only_where_full_ones_may_go(steps: PushSteps, full: Manifest) -> None:
    assert steps.snapshot("staging", full.id) == full
    with pytest.raises(SnapshotMissing, match=f"has no stripped snapshot {full.id}"):
        steps.snapshot("local", full.id)
    stripped = strip(steps, full)
    assert steps.snapshot("local", full.id) == steps.snapshot("local") == stripped


def test_a_developers_pushes_are_nobody_elses_business(steps: PushSteps, full: Manifest, fresh: Path) -> None:
    local = steps.environment("local").database
    with local.maintenance.connect() as connection:
        connection.execute(f"CREATE DATABASE {local.name}")  # of a superuser, as a fresh container has it

    done = steps.push("local", strip(steps, full))

    assert titles(local) == ["Of production"]
    with local.connect() as connection:
        owners = "SELECT pg_get_userbyid(datdba), tableowner FROM pg_database, pg_tables WHERE tablename = 'page'"
        assert connection.execute(f"{owners} AND datname = current_database()").fetchall() == [("etna_owner",) * 2]
    assert history.last(steps.store, "local") is None
    last = history.last(steps.records("local"), "local")
    assert last and last.push == done
    assert list((fresh / ".etna/records/pushes/local").iterdir())
    assert steps.rollback("local").snapshot is None
    assert steps.redeploy_last("local") is None


def test_what_migrates_is_what_serves(
    steps: PushSteps, full: Manifest, github_server: GitHubServer, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    github_server.add_release("v26.08.21.1")
    settings = fresh / "environments.yaml"
    fix_ups = "{commands: [[sh, -c, 'echo migrate {version} >> said']]}"
    redeploy = "{command: [sh, -c, 'echo run {version} >> said']}"
    settings.write_text(
        settings.read_text().replace(f"owner: {OWNER}", f"owner: {OWNER}, fix_ups: {fix_ups}, redeploy: {redeploy}")
        + f"github: {{repository: {github_server.repository}, api_url: '{github_server.url}'}}\n"
    )
    steps = PushSteps(load(), steps.store)

    begun = steps.begin("staging", full)
    github_server.add_release("v26.08.21.2")  # published while the push is under way
    steps.fill(begun)
    steps.fix_up(begun)
    redeployed = steps.redeploy(steps.swap_in(begun))

    assert (fresh / "said").read_text().splitlines() == ["migrate 26.08.21.1", "run 26.08.21.1"]
    assert redeployed and redeployed.version == "26.08.21.1"
    assert steps.begin("staging", full, "26.08.20.9").version == "26.08.20.9"  # a release that the sensor saw
