from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from etna_pipelines.errors import GitHubError, GitHubRefused, ReleaseFailed
from etna_pipelines.github.client import GitHub
from etna_pipelines.releases.calver import CalVer
from etna_pipelines.releases.creation import Creating
from etna_pipelines.releases.spec import ReleasesSpec
from etna_pipelines.stores.local import LocalStore
from tests.github_faults import broken, lost_reply, reset_connection
from tests.github_repository import Repository, Workflow
from tests.github_server import GitHubServer

WORKFLOW = "create-release-tag.yml"
Create = Callable[..., CalVer]


def make_tag(server: Repository, inputs: dict[str, str]) -> None:
    assert f"v{inputs['version']}" not in server.tags
    server.add_tag(f"v{inputs['version']}")


@pytest.fixture
def workflow(github_server: GitHubServer) -> Workflow:
    """The repository's, which makes the tag that it is asked for."""
    github_server.add_branch("main")
    github_server.add_tag("v26.08.20.2206")
    github_server.add_tag("v7.70")
    github_server.workflows[WORKFLOW] = Workflow(inputs={"version"}, does=make_tag)
    github_server.add_run(WORKFLOW, event="workflow_dispatch", status="completed", conclusion="success")
    return github_server.workflows[WORKFLOW]


@pytest.fixture
def create(github: GitHub, workflow: Workflow, store: LocalStore) -> Create:
    def create(version: str = "", **spec: object) -> CalVer:
        return Creating(github, ReleasesSpec.model_validate(spec), store, pause=0.01, looking=0.2).create(version)

    return create


def test_the_next_version_is_tagged(create: Create, github_server: GitHubServer) -> None:
    one, two = create(), create()
    assert (one.build, two.build) == (2207, 2208)
    assert one.day == two.day >= datetime.now(UTC).date()
    assert github_server.dispatches == [(WORKFLOW, {"version": str(one)}), (WORKFLOW, {"version": str(two)})]
    assert {one.tag, two.tag} < github_server.tags.keys()
    del github_server.tags[two.tag]
    assert create() == two


def test_a_lost_reply_makes_one_tag(create: Create, github_server: GitHubServer, workflow: Workflow) -> None:
    github_server.faults.append(lost_reply(on="dispatches"))
    workflow.shown_after = 2
    assert create().tag in github_server.tags
    assert (len(github_server.dispatches), len(github_server.tags)) == (1, 3)


def test_what_never_arrived_is_asked_for_again_by_whoever_tries_again(
    create: Create, github_server: GitHubServer
) -> None:
    github_server.faults.append(reset_connection(on="dispatches"))
    with pytest.raises(ReleaseFailed, match=r"did not say whether it began `create-release-tag\.yml` .*: try again"):
        create()
    assert github_server.dispatches == []
    assert create().build == 2207


def test_what_was_claimed_and_never_asked_for_is_asked_for(
    create: Create, github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(GitHub, "dispatch_workflow", killed)
        with pytest.raises(KeyboardInterrupt):
            create()
    assert create().build == 2207
    assert len(github_server.dispatches) == 1


def test_what_was_asked_for_is_gone_on_with(create: Create, github_server: GitHubServer) -> None:
    github_server.faults.append(broken(on="actions/runs/", times=50))
    with pytest.raises(GitHubError):
        create()
    github_server.faults.clear()
    with pytest.raises(ReleaseFailed, match=r"2207 was asked for and has not come to its end"):
        create("26.08.22.5000")
    assert create().build == 2207
    assert len(github_server.dispatches) == 1
    assert create().build == 2208


def test_a_version_can_be_named_unless_it_is_there(create: Create, github_server: GitHubServer) -> None:
    with pytest.raises(ReleaseFailed, match=r"v26\.08\.20\.2206 is there already"):
        create("26.08.20.2206")
    with pytest.raises(ReleaseFailed, match=r"`1\.2\.3` is no version"):
        create("1.2.3")
    assert github_server.dispatches == []
    assert str(create("v26.08.22.5000")) == "26.08.22.5000"


def test_a_workflow_that_fails_is_said_and_asked_again(
    create: Create, github_server: GitHubServer, workflow: Workflow
) -> None:
    workflow.concludes = "failure"
    with pytest.raises(ReleaseFailed, match=r"ended as `failure`: read https?://.*/actions/runs/\d+\.$"):
        create()
    workflow.concludes, workflow.does = "success", lambda server, inputs: None
    with pytest.raises(ReleaseFailed, match=r"asked for \S+\.2207, made no tag: read "):
        create()
    with pytest.raises(GitHubRefused):
        create(workflow="other.yml")
    workflow.does = make_tag
    assert create().build == 2207
    assert len(github_server.dispatches) == 3


def test_a_workflow_may_count_by_itself(create: Create, github_server: GitHubServer, workflow: Workflow) -> None:
    workflow.inputs, workflow.does = set(), lambda server, inputs: server.tags.update({"v26.08.23.41": "0" * 40})
    assert str(create(inputs={})) == "26.08.23.41"
    assert github_server.dispatches == [(WORKFLOW, {})]
