from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.errors import DuplicateObject

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push, RedeployOutcome
from etna_pipelines.errors import ReleaseFailed, SettingsError
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.programs import find
from etna_pipelines.postgres.server import Database
from etna_pipelines.release_steps import ReleaseSteps
from etna_pipelines.releases.rehearsal import read_rehearsals
from etna_pipelines.settings import load
from tests.environments.test_history import a_push
from tests.github_repository import Workflow
from tests.github_server import TOKEN, GitHubServer


@pytest.fixture
def configured(fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """environments.yaml of a production that is one database, staging beside it, and migrations by psql."""
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    for name in ("PRODUCTION", "STAGING"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    path = fresh / "environments.yaml"
    path.write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"development: {{database: '{database.named('nobody').url}'}}\n"
        f"staging: {{database: '{database.named('staging').url}', owner: owner_of_releases, wait: 0}}\n"
        "releases:\n"
        "  migrate:\n"
        "    - sh\n"
        "    - -c\n"
        f"""    - '"{find("psql", 15)}" -Xqc "CREATE TABLE $0 ()" "$ETNA_DATABASE_URL"'\n"""
        """    - '"{version}"'\n"""
    )
    with database.connect() as connection:
        connection.execute("CREATE TABLE page (id int); INSERT INTO page SELECT generate_series(1, 9)")
        with suppress(DuplicateObject):
            connection.execute("CREATE ROLE owner_of_releases")
    return path


def steps() -> ReleaseSteps:
    settings = load()
    return ReleaseSteps(settings, settings.open_store())


def test_the_newest_full_snapshot_is_rehearsed_on(configured: Path, database: Database) -> None:
    at_work = steps()
    full = backup(database, at_work.store, environment="production", scratch=at_work.scratch)
    at_work.catalogue.publish(full)
    found = at_work.rehearse("v26.08.21.2215")
    assert (found.failure, found.snapshot, found.kind) == (None, full.id, "full")
    assert [(change.table, change.what) for change in found.tables] == [("public.26.08.21.2215", "made")]
    assert read_rehearsals(at_work.store) == [found]


def test_a_rehearsal_says_what_it_lacks(configured: Path) -> None:
    with pytest.raises(ReleaseFailed, match=r"`main` is no version: write it as 26\.08\.21\.2215"):
        steps().rehearse("main")
    text = configured.read_text()
    configured.write_text(text.partition("releases:")[0])
    with pytest.raises(SettingsError, match=r"`releases` has no `migrate` in environments\.yaml"):
        steps().rehearse("26.08.21.2215")
    configured.write_text(text.replace("staging: {", "local: {"))
    with pytest.raises(SettingsError, match="There is no environment `staging`"):
        steps().rehearse("26.08.21.2215")


def test_what_is_published_is_told_from_what_was_known(
    configured: Path, github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    spec = github_server.spec
    with configured.open("a") as file:
        file.write(f"github: {{repository: {spec.repository}, api_url: '{spec.api_url}'}}\n")
    assert steps().newest_published() is None
    for tag in ("v26.08.20.2205", "v26.08.21.2206", "v1.0.0"):
        github_server.add_release(tag)
    assert steps().newest_published() == "26.08.21.2206"
    assert steps().newest_published(after="26.08.20.2205") == "26.08.21.2206"
    assert steps().newest_published(after="26.08.21.2206") is None
    github_server.workflows["create-release-tag.yml"] = Workflow(inputs={"version"})
    with pytest.raises(ReleaseFailed, match=r"v26\.08\.21\.2206 is there already"):
        steps().create_release("26.08.21.2206")


def test_staging_has_a_release_until_it_had_it(
    fresh: Path, github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    spec, now = github_server.spec, datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

    def configure(staging: str) -> None:
        github = f"github: {{repository: {spec.repository}, api_url: '{spec.api_url}'}}\n"
        (fresh / "environments.yaml").write_text(f"{github}staging: {staging}\n")

    def had(push: Push, version: str, succeeded: bool | None, **more: str) -> None:
        outcome = RedeployOutcome(succeeded=succeeded, version=None, seconds=1, at=now, wanted=version)
        history.record_redeploy(steps().store, push, outcome.model_copy(update=more))

    def wanted() -> tuple[str | None, bool]:
        news = steps().news("26.11.20.1", now)
        assert (news.key == "26.11.24.2@2026-11-24 09") is (news.version == "26.11.24.2")
        return news.version, news.with_data

    configure("{redeploy: {command: [deploy]}}")
    github_server.add_release("v26.11.24.2")
    assert steps().news(None).seen == "26.11.24.2"
    assert wanted() == (None, False)  # there is nothing to redeploy yet
    pushed = a_push().model_copy(update={"environment": "staging"})
    history.record(steps().store, pushed)
    for version, succeeded in (("26.11.23.1", True), ("26.11.24.2", None)):
        had(pushed, version, succeeded)
        assert wanted() == ("26.11.24.2", False)
    configure("{release: refresh, redeploy: {command: [deploy]}}")
    assert wanted() == ("26.11.24.2", True)
    configure("{release: refresh}")
    history.record(steps().store, pushed.model_copy(update={"version": "26.11.24.2"}))
    assert wanted() == (None, False)  # the data are there

    had(pushed, "26.11.24.2", False, failed="26.11.24.2")
    back = a_push().model_copy(update={"environment": "staging", "action": "rollback"})
    history.record(steps().store, back)
    had(back, "26.11.23.1", True)
    seen = steps().news("26.11.20.1", now)
    assert (seen.version, seen.seen) == (None, "26.11.24.2")
    assert seen.says == "Staging had 26.11.24.2: `etna redeploy staging --version 26.11.24.2` repeats it."
