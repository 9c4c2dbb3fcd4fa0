"""What is read of a repository and asked of it; all that is said is held against GitHub's own description."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from etna_pipelines.errors import GitHubRefused
from etna_pipelines.github.client import GitHub
from tests.github_repository import Repository, Workflow
from tests.github_server import GitHubServer


def test_branches_that_begin_alike(github_server: GitHubServer, github: GitHub) -> None:
    sha = github_server.add_branch("feature/login")
    for name in ("main", "feature/Login", "feature/100% #1 & ü?", "features", "bugfix/feature/x"):
        github_server.add_branch(name)

    branches = github.branches("feature/")

    assert [branch.name for branch in branches] == ["feature/100% #1 & ü?", "feature/Login", "feature/login"]
    assert branches[2].sha == sha


def test_newest_deployments_and_what_became_of_them(github_server: GitHubServer, github: GitHub) -> None:
    github_server.page = 2
    github_server.deploy("feature/login", "feature/login", "inactive")
    again = github_server.deploy("feature/login", "feature/login", "in_progress")
    gone = github_server.deploy("feature/search", "feature/search")
    asked = github_server.deploy("feature/new", "refs/heads/feature/new", None)
    github_server.deploy("staging", "main")
    github_server.set_state(again, "success")
    for state in ("failure", "success", "inactive"):
        github_server.set_state(gone, state)

    deployments = {each.environment: each for each in github.deployments("feature/*")}

    assert {name: (each.deployment.id, each.state, each.is_active) for name, each in deployments.items()} == {
        "feature/login": (again, "success", True),
        "feature/search": (gone, "inactive", False),
        "feature/new": (asked, None, True),
    }
    assert deployments["feature/new"].branch == "feature/new"


def test_a_workflow_is_dispatched_and_followed(github_server: GitHubServer, github: GitHub) -> None:
    def tag(repository: Repository, inputs: dict[str, str]) -> None:
        repository.add_tag(inputs["tag"])

    github_server.add_branch("main")
    github_server.workflows["create tag.yml"] = Workflow({"tag"}, "Create {tag}", does=tag)

    run = github.dispatch_workflow("create tag.yml", "main", {"tag": "v26.08.21.1"})

    assert run is not None
    seen = [github.run(run) for _ in range(3)]
    assert [(each.status, each.is_over, each.succeeded) for each in seen] == [
        ("queued", False, False),
        ("in_progress", False, False),
        ("completed", True, True),
    ]
    assert seen[2].title == "Create v26.08.21.1"
    assert [each.name for each in github.tags()] == ["v26.08.21.1"]


def test_an_older_server_tells_no_run(github_server: GitHubServer, github: GitHub) -> None:
    github_server.add_branch("main")
    github_server.workflows["deploy.yml"] = Workflow({"push"}, "Deploy {push}", shown_after=1)
    github_server.tells_runs = False

    assert github.dispatch_workflow("deploy.yml", "main", {"push": "p1"}) is None
    assert github_server.dispatches == [("deploy.yml", {"push": "p1"})]
    assert github.workflow_runs("deploy.yml") == []
    assert [run.title for run in github.workflow_runs("deploy.yml")] == ["Deploy p1"]


def test_runs_are_found(github_server: GitHubServer, github: GitHub) -> None:
    github_server.workflows["build.yml"] = Workflow()
    github_server.workflows["deploy.yml"] = Workflow()
    github_server.page = 2
    old, new = "2026-08-20T10:00:00Z", "2026-08-21T10:00:00Z"
    github_server.add_run("build.yml", "old", created_at=old)
    github_server.add_run("build.yml", "branch", created_at=new, head_branch="feature/x", status="completed")
    github_server.add_run("build.yml", "failed", created_at=new, status="completed", conclusion="failure")
    github_server.add_run("build.yml", "by hand", created_at=new, event="workflow_dispatch")
    github_server.add_run("build.yml", "running", created_at=new)
    github_server.add_run("deploy.yml", "other", created_at=new)

    def found(**asked: object) -> list[str]:
        return [run.title for run in github.workflow_runs("build.yml", **asked)]  # type: ignore[arg-type]

    assert found() == ["running", "by hand", "failed", "branch", "old"]
    assert found(newest=3) == ["running", "by hand", "failed"]
    assert found(event="workflow_dispatch") == ["by hand"]
    assert found(branch="main", status="completed") == ["failed"]
    assert found(status="failure") == ["failed"]
    ten_in_utc = datetime(2026, 8, 21, 12, tzinfo=timezone(timedelta(hours=2)))
    assert found(since=ten_in_utc, event="push") == ["running", "failed", "branch"]


def test_more_runs_than_github_lists(
    github_server: GitHubServer, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etna_pipelines.github.client.MOST_RUNS", 2)
    github_server.workflows["build.yml"] = Workflow()
    for number in range(3):
        github_server.add_run("build.yml", str(number))

    with pytest.raises(GitHubRefused, match=r"lists 2 of the 3 runs of `build.yml`.*since a later moment"):
        github.workflow_runs("build.yml")
    assert len(github.workflow_runs("build.yml", newest=3)) == 3


def test_releases(github_server: GitHubServer, github: GitHub) -> None:
    moment = datetime(2026, 8, 21, 22, 15, tzinfo=UTC)
    github_server.page = 1
    github_server.add_release("v26.08.21.1", published=moment)
    draft = github_server.add_release("v26.08.21.2", draft=True)
    github_server.add_release("v26.08.22.1", prerelease=True)

    assert [release.tag for release in github.releases()] == ["v26.08.22.1", "v26.08.21.1"]
    assert [release.published for release in github.releases()][1] == moment

    github_server.permissions["contents"] = "write"
    assert [(release.tag, release.draft, release.prerelease) for release in github.releases()] == [
        ("v26.08.22.1", False, True),
        ("v26.08.21.2", True, False),
        ("v26.08.21.1", False, False),
    ]
    github_server.publish(draft)
    assert [release.tag for release in github.releases() if release.published] == [
        "v26.08.22.1",
        "v26.08.21.2",
        "v26.08.21.1",
    ]
