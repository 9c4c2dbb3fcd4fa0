from contextlib import suppress
from pathlib import Path

import pytest
from psycopg.errors import DuplicateObject

from etna_pipelines.errors import ReleaseFailed, SettingsError
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.programs import find
from etna_pipelines.postgres.server import Database
from etna_pipelines.release_steps import ReleaseSteps
from etna_pipelines.settings import load
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
    assert at_work.rehearsals() == at_work.rehearsals("26.08.21.2215") == [found]
    assert at_work.rehearsals("26.08.21.1") == []


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
