"""What is in the store and what environments serve."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Push, RedeployOutcome, Serving, mark, record, record_redeploy
from etna_pipelines.environments.known import Known, KnownEnvironments, State
from etna_pipelines.errors import StoreRefused
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Settings, load
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import DatabaseSchema, Kind, Manifest, Source, new_id
from etna_pipelines.status import EnvironmentStatus, age, environments, newest
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED


def publish(settings: Settings, id_: str, kind: Kind = "full") -> Manifest:
    source = Source(
        environment="production", database="etna", system_identifier="1", server_version="18.6", encoding="UTF8"
    )
    draft = Manifest(
        id=id_,
        kind=kind,
        created=datetime.now(UTC),
        source=source,
        versions={},
        schema=DatabaseSchema(tables=[]),
        files=[],
        proof=PASSED if kind == "stripped" else None,
    )
    return Catalogue(settings.open_store(), settings.signing_key()).publish(draft)


def test_what_environments_serve(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_DEVELOPMENT_PASSWORD", database.password or "")
    monkeypatch.setenv("ETNA_STAGING_PASSWORD", database.password or "")
    settings_file = fresh / "environments.yaml"
    settings_file.write_text(
        f"development: {{database: '{database.url}'}}\n"
        f"staging: {{database: '{database.named('later').url}'}}\n"
        "local: {database: postgresql://etna@127.0.0.1:1/etna}\n"
    )
    settings = load()
    now = datetime.now(UTC)
    held = {"snapshot": "20261123T020000000000Z-222222", "kind": "stripped", "rules": "0123456789abcdef"}
    with database.connect() as connection:
        mark(connection, database.name, Serving.model_validate({"push": "p", "pushed": now, **held}))
    push = Push.model_validate(
        {"id": "p", "environment": "development", "started": now, "seconds": 1, "outage": 0.1, "rows": 1, **held}
        | {"previous": None}
    )
    record(settings.open_store(), push)

    def development() -> EnvironmentStatus:
        return next(it for it in environments(settings) if it.name == "development")

    by = development().by
    assert "@" in by
    serves = EnvironmentStatus(
        "development", "20261123T020000000000Z-222222", "stripped", "01234567", pushed=now, by=by
    )
    assert development() == serves

    settings_file.write_text(
        settings_file.read_text().replace("}\nstaging", ", redeploy: {command: [deploy]}}\nstaging")
    )
    settings = load()
    missing = "was not redeployed since its data changed: run `etna redeploy development`"
    assert development() == replace(serves, remark=missing)

    outcome = RedeployOutcome(succeeded=True, version="26.11.23.1", seconds=2, at=now)
    record_redeploy(settings.open_store(), push, outcome)
    assert development() == replace(serves, version="26.11.23.1")

    record_redeploy(settings.open_store(), push, outcome.model_copy(update={"succeeded": False}))
    assert development() == replace(serves, remark="its last redeploy failed: `etna redeploy development` tries again")

    record_redeploy(settings.open_store(), push, outcome.model_copy(update={"succeeded": None}))
    assert development() == replace(
        serves, remark="its last redeploy has not ended: `etna redeploy development` goes on with it"
    )

    assert remarks(settings)["staging"] == "nothing was pushed here yet"
    assert "127.0.0.1:1" in remarks(settings)["local"]


def remarks(settings: Settings) -> dict[str, str]:
    return {it.name: it.remark for it in environments(settings)}


def test_feature_environments_are_told_by_name(fresh: Path) -> None:
    settings = load()
    assert not [name for name in remarks(settings) if name.startswith("test")]

    login = Known(branch="feature/login", created=datetime.now(UTC))
    KnownEnvironments(settings.open_store()).change(lambda _: (State(environments={"login": login}), None))

    assert remarks(settings)["test/login"] == "the embedded server is not running"


def test_what_becomes_of_feature_environments(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_TEST_PASSWORD", database.password or "")
    (fresh / "environments.yaml").write_text(f"test: {{database: '{database.url}'}}\n")
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    known = {
        "failed": Known(branch="feature/failed", created=now, failed_at=now),
        "kept": Known(branch="feature/kept", created=now, made=True, gone_since=now, held_back=True),
    }
    settings = load()
    KnownEnvironments(settings.open_store()).change(lambda _: (State(environments=known), None))
    kept = settings.feature_environment(Feature("kept", "feature/kept")).database
    with database.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{kept.name}"')
        content = Serving(push="p", snapshot="s", kind="stripped", rules=None, pushed=now, environment="test/kept")
        mark(connection, kept.name, content)
        said = remarks(settings)
        connection.execute(f'DROP DATABASE "{kept.name}"')

    assert said["test/failed"] == "could not be made at 23 November 12:00, and is tried again"
    assert said["test/kept"] == "held back: run `etna test confirm` if it is to be removed"


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(days=10, hours=1), "its full snapshot expires in 3 days"),
        (timedelta(days=12, hours=1), "its full snapshot expires tomorrow"),
        (timedelta(days=13, hours=1), "its full snapshot expires today"),
        (timedelta(days=15), "its full snapshot has expired: run the job `expire_staging`"),
    ],
)
def test_until_when_staging_may_keep_a_full_copy(
    fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch, age: timedelta, said: str
) -> None:
    monkeypatch.setenv("ETNA_STAGING_PASSWORD", database.password or "")
    (fresh / "environments.yaml").write_text(f"staging: {{database: '{database.url}', expires_after: 14}}\n")
    taken = datetime.now(UTC) - age
    with database.connect() as connection:
        full = Serving(push=new_id(), snapshot=new_id(taken), kind="full", rules=None, pushed=datetime.now(UTC))
        mark(connection, database.name, full)

    staging = next(it for it in environments(load()) if it.name == "staging")

    assert (staging.expires, staging.remark) == (taken + timedelta(days=14), said)


def test_the_newest_of_each_kind(fresh: Path) -> None:
    settings = load()
    assert newest(settings) == []

    publish(settings, "20261122T020000000000Z-111111")
    later = publish(settings, "20261123T020000000000Z-222222")
    assert newest(settings) == [later]


def test_who_may_list_stripped_ones_alone_is_told_of_those(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load()
    publish(settings, "20261122T020000000000Z-111111")
    stripped = publish(settings, "20261122T030000000000Z-222222", "stripped")
    folders = LocalStore.folders

    def only_stripped(self: LocalStore, prefix: str) -> Iterator[str]:
        if prefix.startswith("full/"):
            raise StoreRefused("The credentials are not allowed ListObjectsV2 of full/: grant it.")
        return folders(self, prefix)

    monkeypatch.setattr(LocalStore, "folders", only_stripped)
    assert newest(settings) == [stripped]


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        ("20261123T115955000000Z-1f0c9a", "5 s"),
        ("20261123T113000000000Z-1f0c9a", "30 min"),
        ("20261123T020000123456Z-1f0c9a", "10 h"),
        ("20261120T120000000000Z-1f0c9a", "3 days"),
        ("20261124T120000000000Z-1f0c9a", "0 s"),
        ("not an id", "?"),
    ],
)
def test_the_age_of_a_snapshot(id_: str, said: str) -> None:
    assert age(id_, datetime(2026, 11, 23, 12, tzinfo=UTC)) == said
