"""A workflow of GitHub's, dispatched once and followed to its conclusion; GitHub is tests/github_server.py."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from etna_pipelines.environments.features import feature_of
from etna_pipelines.errors import GitHubRefused, RedeployFailed, RedeployUnfinished
from etna_pipelines.github.client import GitHub
from etna_pipelines.github.limits import Patience
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.github_workflow import WorkflowRedeployer
from etna_pipelines.redeploy.redeployer import Deployment
from etna_pipelines.redeploy.spec import WorkflowRedeploy
from tests.github_faults import lost_reply, reset_connection
from tests.github_repository import Workflow
from tests.github_server import TOKEN, GitHubServer

DATABASE = Database("localhost", 5432, "etna", "etna_development")
SPEC = WorkflowRedeploy(workflow="deploy.yml", inputs={"tag": "{image_tag}", "push": "{push}"})

UNNAMED = WorkflowRedeploy(workflow="deploy.yml", inputs={"tag": "{image_tag}"})


@dataclass
class Try:
    """A try of one redeploy, and the references that it noted."""

    server: GitHubServer
    noted: list[str] = field(default_factory=list)

    def __call__(self, spec: WorkflowRedeploy = SPEC, patience: float = 10, **changes: object) -> None:
        redeployer = WorkflowRedeployer(spec, self.open, patience=patience, every=0.02)
        feature = feature_of("feature/login")
        deployment = Deployment("push-1", "test/login", DATABASE, "feature-login", feature, note=self.noted.append)
        redeployer.redeploy(replace(deployment, **changes))  # type: ignore[arg-type]

    def open(self) -> GitHub:
        return GitHub.open(self.server.spec, TOKEN, patience=Patience(limit=5, reply=2, whole=4, pause=0.01))


@pytest.fixture
def redeploy(github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> Try:
    monkeypatch.setattr("etna_pipelines.redeploy.github_workflow.LOOKING", 0.2)
    github_server.add_branch("main")
    github_server.workflows["deploy.yml"] = Workflow(inputs={"tag", "push"}, run_name="Deploy {tag} ({push})")
    return Try(github_server)


def test_it_is_dispatched_with_its_inputs_and_followed(redeploy: Try, github_server: GitHubServer) -> None:
    redeploy()

    [run] = github_server.runs
    assert run["display_title"] == "Deploy feature-login (push-1)"
    assert (run["status"], run["conclusion"]) == ("completed", "success")
    assert redeploy.noted == [str(run["id"])]


def test_a_run_that_fails_is_named(redeploy: Try, github_server: GitHubServer) -> None:
    github_server.workflows["deploy.yml"].concludes = "failure"

    with pytest.raises(RedeployFailed, match=r"run \d+ of `deploy.yml` ended as failure; read https://") as raised:
        redeploy()
    assert not isinstance(raised.value, RedeployUnfinished)
    assert "etna redeploy test/login" in str(raised.value)


def test_a_run_that_was_noted_is_followed_and_not_dispatched_again(redeploy: Try, github_server: GitHubServer) -> None:
    redeploy()
    redeploy(asked=datetime.now(UTC), reference=redeploy.noted[0])

    assert len(github_server.runs) == 1


@pytest.mark.parametrize("spec", [SPEC, UNNAMED], ids=["by its title", "by its time"])
def test_a_lost_reply_or_a_killed_process_dispatches_once(
    redeploy: Try, github_server: GitHubServer, spec: WorkflowRedeploy
) -> None:
    github_server.workflows["deploy.yml"].shown_after = 2
    github_server.faults.append(lost_reply(on="dispatches"))
    redeploy(spec)
    assert len(github_server.runs) == 1

    redeploy(spec, asked=datetime.now(UTC))  # as if the process had been killed before it noted the run
    assert len(github_server.runs) == 1
    assert len(set(redeploy.noted)) == 1


def test_a_github_that_tells_no_run_is_asked_for_it(redeploy: Try, github_server: GitHubServer) -> None:
    github_server.tells_runs = False
    redeploy()
    assert redeploy.noted == [str(github_server.runs[0]["id"])]


def test_a_dispatch_that_never_arrived_is_made_by_the_next_try(redeploy: Try, github_server: GitHubServer) -> None:
    github_server.faults.append(reset_connection(on="dispatches"))
    with pytest.raises(RedeployUnfinished, match="looks again before it dispatches"):
        redeploy()
    assert github_server.runs == []

    redeploy(asked=datetime.now(UTC))
    assert len(github_server.runs) == 1


def test_a_failed_one_is_dispatched_again_under_another_key(redeploy: Try, github_server: GitHubServer) -> None:
    redeploy(attempt=2)
    redeploy(attempt=1, asked=datetime.now(UTC))  # `push-1-2` is no run of `push-1`

    assert [run["display_title"] for run in github_server.runs] == [
        "Deploy feature-login (push-1)",
        "Deploy feature-login (push-1-2)",
    ]


def test_patience_ends_before_the_run_does(redeploy: Try, github_server: GitHubServer) -> None:
    with pytest.raises(RedeployUnfinished, match="did not end within 0 s"):
        redeploy(patience=0)


def test_a_workflow_that_is_not_there(redeploy: Try) -> None:
    with pytest.raises(GitHubRefused, match=r"deploi\.yml"):
        redeploy(WorkflowRedeploy(workflow="deploi.yml"))
