"""What GitHub refuses is told with the permission or setting to look at, and never tried again."""

import pytest

from etna_pipelines.errors import GitHubRefused
from etna_pipelines.github.client import GitHub
from tests.github_faults import Fault
from tests.github_repository import Workflow
from tests.github_server import TOKEN, GitHubServer


def refused(github_server: GitHubServer, github: GitHub, ref: str = "main", **inputs: str) -> str:
    """What is told of a dispatch."""
    with pytest.raises(GitHubRefused) as raised:
        github.dispatch_workflow("deploy.yml", ref, inputs)
    assert not raised.value.retryable
    assert github_server.dispatches == []
    assert TOKEN not in str(raised.value)
    return str(raised.value)


def test_refusals(github_server: GitHubServer, github: GitHub) -> None:
    github_server.add_branch("main")
    assert refused(github_server, github) == (
        "GitHub found nothing for dispatching `deploy.yml` of nationalarchives/ds-wagtail: check the name, and that "
        "ETNA_GITHUB_TOKEN sees the repository and has `actions: write` there."
    )
    github_server.workflows["deploy.yml"] = Workflow({"push"})
    assert refused(github_server, github, ref="mian").endswith("as it was asked: No ref found for: mian.")
    assert refused(github_server, github, psuh="1").endswith('Unexpected inputs provided: ["psuh"].')

    github_server.permissions["actions"] = "read"
    assert refused(github_server, github) == (
        "GitHub does not allow dispatching `deploy.yml` of nationalarchives/ds-wagtail (Resource not accessible by "
        "personal access token): ETNA_GITHUB_TOKEN needs `actions: write` there."
    )
    github_server.tokens.clear()
    assert "does not accept ETNA_GITHUB_TOKEN" in refused(github_server, github)


def test_replies_that_tell_more_or_less(github_server: GitHubServer, github: GitHub) -> None:
    for status, headers, told in (
        (
            403,
            {"x-accepted-github-permissions": "actions=write,contents=read; issues=write"},
            "`actions: write, contents: read`",
        ),
        (403, {"x-github-sso": "required; url=https://github.com/orgs/x/sso"}, "authorise ETNA_GITHUB_TOKEN"),
        (418, {}, "GitHub answered 418 to dispatching"),
    ):
        github_server.faults.append(Fault(status=status, headers=headers))
        assert told in refused(github_server, github)
