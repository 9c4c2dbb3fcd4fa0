"""The client against a GitHub on loopback, which holds all that is said against GitHub's own description."""

from datetime import UTC, datetime, timedelta

import pytest

from etna_pipelines.errors import GitHubError, GitHubRefused, LostReply
from etna_pipelines.github.client import GitHub
from tests.github_faults import broken, cut_body, lost_reply, primary_limit, reset_connection, secondary_limit, slow
from tests.github_repository import Workflow
from tests.github_server import GitHubServer


def test_branches_that_begin_alike(github_server: GitHubServer, github: GitHub) -> None:
    sha = github_server.add_branch("feature/login")
    for name in ("main", "feature/Login", "feature/100% #1 & ü", "features", "bugfix/feature/x"):
        github_server.add_branch(name)

    branches = github.branches("feature/")

    assert [branch.name for branch in branches] == ["feature/100% #1 & ü", "feature/Login", "feature/login"]
    assert branches[2].sha == sha


def test_branches_on_many_pages(github_server: GitHubServer, github: GitHub) -> None:
    names = [f"feature/{number:03}" for number in range(25)]
    for name in names:
        github_server.add_branch(name)
    github_server.page = 10

    assert [branch.name for branch in github.branches("feature/")] == names
    assert github_server.count("matching-refs") == 3
