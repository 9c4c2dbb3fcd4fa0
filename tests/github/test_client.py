"""What is read of a repository and asked of it; all that is said is held against GitHub's own description."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from etna_pipelines.errors import GitHubError, GitHubRefused
from etna_pipelines.github.client import GitHub
from etna_pipelines.github.limits import Patience
from tests.github_faults import meanwhile, slow
from tests.github_repository import Repository, Workflow
from tests.github_server import TOKEN, GitHubServer


def test_branches_that_begin_alike(github_server: GitHubServer, github: GitHub) -> None:
    for name in ("feature/login", "main", "feature/Login", "feature/100% #1 & ü?", "features", "bugfix/feature/x"):
        github_server.add_branch(name)

    branches = github.branches("feature/")

    assert [branch.name for branch in branches] == ["feature/100% #1 & ü?", "feature/Login", "feature/login"]


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


def test_what_goes_while_it_is_listed_takes_nothing_along(github_server: GitHubServer, github: GitHub) -> None:
    """Pages go by number: without the first deployment the third is on page 1, and page 2 begins with the fourth."""
    github_server.page = 2
    for name in "abcd":
        github_server.deploy(f"feature/{name}", f"feature/{name}")
    github_server.faults.append(meanwhile(lambda: github_server.deployments.pop(0), on="page=2"))

    assert sorted(each.environment for each in github.deployments()) == ["feature/a", "feature/b", "feature/c"]

    github_server.faults.append(meanwhile(lambda: github_server.deploy("staging", "main"), times=99, on="page=2"))
    with pytest.raises(GitHubError, match="change faster than they are read at reading the deployments of") as raised:
        github.deployments()
    assert raised.value.retryable


def test_deployments_that_were_inactive_once_are_not_asked_about_again(
    github_server: GitHubServer, github: GitHub, tmp_path: Path
) -> None:
    for number in range(5):
        github_server.deploy(f"feature/{number}", f"feature/{number}", "inactive")
    active = github_server.deploy("feature/login", "feature/login", "in_progress")
    assert {each.environment for each in github.deployments() if each.is_active} == {"feature/login"}
    assert github_server.count("statuses") == 6

    github_server.set_state(active, "inactive")
    github_server.deploy("feature/0", "feature/0")  # it comes back
    with GitHub.open(github_server.spec, TOKEN, tmp_path / "github") as later:
        assert {each.environment for each in later.deployments() if each.is_active} == {"feature/0"}
    assert github_server.count("statuses") == 8


def test_a_client_asks_only_for_so_long(github_server: GitHubServer, tmp_path: Path) -> None:
    """What was said until then is remembered: the next one goes on from there."""
    for number in range(5):
        github_server.deploy(f"feature/{number}", f"feature/{number}", "inactive")
    github_server.faults.append(slow(0.3, on=f"deployments/{github_server.deployments[2]['id']}/statuses"))

    with (
        GitHub.open(github_server.spec, TOKEN, tmp_path / "github", Patience(all=0.3)) as github,
        pytest.raises(
            GitHubError, match=r"longer than 0.3 s, and reading .* goes on from what is remembered"
        ) as raised,
    ):
        github.deployments()
    assert raised.value.retryable
    asked = github_server.count("statuses")
    with GitHub.open(github_server.spec, TOKEN, tmp_path / "github") as github:
        assert len(github.deployments()) == 5
    assert github_server.count("statuses") == 5 > asked


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
