"""A redeploy that fails, and what follows it: programs and databases are real, the pushes were made by hand."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.history import Push, RedeployOutcome, Serving
from etna_pipelines.errors import RedeployFailed, RedeployRefused
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import new_id
from tests.github_http import HttpServer, Reply
from tests.github_repository import Workflow
from tests.github_server import TOKEN, GitHubServer

APPLICATION = """
import os, pathlib, psycopg, sys
with psycopg.connect(os.environ["ETNA_DATABASE_URL"]) as connection:
    [(content,)] = connection.execute("SELECT content FROM page").fetchall()
with pathlib.Path(os.environ["ETNA_HOME"], "deployed").open("a") as log:
    print(content, file=log)
sys.exit(None if content == "old" else "cannot start with that")
"""
LIVE, PREVIOUS = "broken_development", "broken_development_previous"


@dataclass
class Broken:
    """An environment that was pushed to twice, and whose application starts with the first push's data alone."""

    database: Database
    push: Push
    """The second one."""

    @property
    def steps(self) -> PushSteps:
        settings = load()
        return PushSteps(settings, settings.open_store())

    @property
    def content(self) -> str:
        with self.database.connect() as connection:
            [(content,)] = connection.execute("SELECT content FROM page").fetchall()
            return str(content)

    @property
    def deployed(self) -> list[str]:
        return Path(".etna/deployed").read_text().split()


@pytest.fixture
def broken(fresh: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    database = server.database(LIVE)
    for name in ("DEVELOPMENT", "PRODUCTION"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    (fresh / "application.py").write_text(APPLICATION)
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{server.database('broken_production').url}'}}\n"
        "development:\n"
        f"  database: '{database.url}'\n"
        f"  redeploy: {{command: ['{sys.executable}', application.py]}}\n"
        "  rollback: automatic\n"
    )
    _push("old", server, database.named(PREVIOUS))
    yield Broken(database, _push("new", server, database))
    for name in (LIVE, PREVIOUS):
        server.drop_database(name)


def _push(content: str, server: EmbeddedServer, database: Database) -> Push:
    """A push of a database with this content."""
    server.create_database(database.name)
    push = Push(
        id=new_id(),
        environment="development",
        snapshot="20261123T020000000000Z-aaaaaa",
        kind="stripped",
        rules=None,
        started=datetime.now(UTC),
        seconds=1,
        outage=0.1,
        rows=1,
        previous=PREVIOUS,
    )
    holds = Serving(push=push.id, snapshot=push.snapshot or "", kind="stripped", rules=None, pushed=push.started)
    with database.connect() as connection:
        connection.execute("CREATE TABLE page (content text)")
        connection.execute("INSERT INTO page VALUES (%s)", [content])
        history.mark(connection, database.name, holds)
    history.record(load().open_store(), push)
    return push


def configure(old: str, new: str) -> None:
    """Change environments.yaml."""
    file = Path("environments.yaml")
    file.write_text(file.read_text().replace(old, new))


def test_a_redeploy_that_fails_is_rolled_back_and_redeployed_once(broken: Broken) -> None:
    with pytest.raises(RedeployFailed, match="development was rolled back to the database that it had before, and re"):
        broken.steps.redeploy(broken.push)

    assert (broken.content, broken.deployed) == ("old", ["new", "old"])
    last = history.last(broken.steps.store, "development")
    assert last and last.push.action == "rollback" and last.redeploy and last.redeploy.succeeded
    failed = history.recorded(broken.steps.store, broken.push)
    assert failed and failed.redeploy and failed.redeploy.succeeded is False

    with pytest.raises(RedeployRefused, match="there was a rollback since"):
        broken.steps.redeploy(broken.push)
    broken.steps.redeploy_last("development")
    assert broken.deployed == ["new", "old"]


def test_a_release_is_deployed_by_its_workflow_and_must_answer(
    broken: Broken, github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    github_server.add_branch("main")
    github_server.add_tag("v26.08.21.2215")
    github_server.add_release("v26.08.21.2215")
    github_server.workflows["deploy.yml"] = Workflow(inputs={"tag", "push"}, run_name="Deploy {tag} ({push})")
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    site = HttpServer(lambda request: Reply(200, {"version": "v26.08.21.2215"}), lambda request: None)
    configure(
        f"  redeploy: {{command: ['{sys.executable}', application.py]}}\n",
        "  redeploy: {workflow: deploy.yml, inputs: {tag: '{version}', push: '{push}'}}\n"
        "  version: next release\n"
        f"  health: {{url: '{site.url}', version_url: '{site.url}/version'}}\n"
        f"github: {{repository: {github_server.repository}, api_url: '{github_server.url}'}}\n",
    )
    configure("  rollback: automatic\n", "")
    with site.running():
        done = broken.steps.redeploy(broken.push)

    assert done and done.version == "v26.08.21.2215"
    assert [run["display_title"] for run in github_server.runs] == [f"Deploy 26.08.21.2215 ({broken.push.id})"]
    kept = history.recorded(broken.steps.store, broken.push)
    assert kept and kept.redeploy and kept.redeploy.reference == str(github_server.runs[0]["id"])


def test_a_rollback_that_is_only_offered_waits_to_be_asked_for(broken: Broken) -> None:
    configure("automatic", "offered")
    with pytest.raises(RedeployFailed, match="development was not redeployed"):
        broken.steps.redeploy(broken.push)
    assert (broken.content, broken.deployed) == ("new", ["new"])

    broken.steps.redeploy(broken.steps.rollback("development"))
    assert (broken.content, broken.deployed) == ("old", ["new", "old"])


def test_the_data_comes_back_with_its_own_version(broken: Broken) -> None:
    serve(broken, {"old": ["1", "2"], "new": ["1"]})
    records = broken.steps.records("development")
    old = Serving.model_validate(history.serving(broken.database.named(PREVIOUS))).push
    known = history.find(records, "development", old)
    assert known
    for version, succeeded in (("1", True), ("2", False)):  # `2` was tried later, and given up
        outcome = RedeployOutcome(succeeded=succeeded, version=None, seconds=1, at=datetime.now(UTC), wanted=version)
        before = history.recorded(records, known.push)
        good = before.redeploy if before else None
        history.record_redeploy(records, known.push, outcome.model_copy(update={"good": good}))
    pushed = broken.push.model_copy(update={"version": "3"})
    history.record(records, pushed)

    with pytest.raises(RedeployFailed, match="was rolled back to the database that it had before"):
        broken.steps.redeploy(pushed)
    assert broken.deployed == ["new@3", "old@1"]
    last = history.last(records, "development")
    assert last and (last.push.action, last.push.holds, last.push.version) == ("rollback", old, "1")


def test_a_release_that_fails_gives_no_data_up(broken: Broken) -> None:
    serve(broken, {"new": ["1", "2"]})
    history.record(broken.steps.records("development"), broken.push.model_copy(update={"version": "1"}))
    broken.steps.redeploy_last("development")
    with pytest.raises(RedeployFailed, match="development was redeployed with 1 again: development was not redeployed"):
        broken.steps.redeploy_last("development", "3")
    assert (broken.content, broken.deployed) == ("new", ["new@1", "new@3", "new@1"])
    assert broken.steps.redeploy_last("development", "1")
    assert len(broken.deployed) == 3


def test_what_a_person_rolled_back_meanwhile_is_not_taken_back(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: CommandRedeployer, deployment: Deployment) -> Redeployed:
        broken.steps.rollback("development")
        raise RedeployFailed(f"{deployment.failed}: it does not start.")

    monkeypatch.setattr(CommandRedeployer, "redeploy", failing)
    with pytest.raises(RedeployFailed, match=f"is not rolled back: it does not serve the push {broken.push.id} any mo"):
        broken.steps.redeploy(broken.push)
    assert broken.content == "old"


def serve(broken: Broken, working: Mapping[str, Sequence[str]]) -> None:
    """The application starts with some data at some versions."""
    works = [f"{content}@{version}" for content, versions in working.items() for version in versions]
    code = APPLICATION.replace("print(content,", "print(tried := f\"{content}@{os.environ.get('ETNA_VERSION')}\",")
    Path("application.py").write_text(code.replace('content == "old"', f"tried in {works}"))


def test_a_redeploy_that_could_not_be_asked_for_rolls_nothing_back(broken: Broken) -> None:
    configure(sys.executable, "/nowhere/python")
    with pytest.raises(RedeployFailed, match="/nowhere/python cannot be started"):
        broken.steps.redeploy(broken.push)
    assert broken.content == "new"


def test_a_rollback_that_fails_too_is_told_with_what_led_to_it(broken: Broken, server: EmbeddedServer) -> None:
    server.drop_database(PREVIOUS)
    with pytest.raises(
        RedeployFailed, match=r"was not redeployed: .* Its rollback did not go well either: .* previous"
    ):
        broken.steps.redeploy(broken.push)
    assert (broken.content, broken.deployed) == ("new", ["new"])
