from dataclasses import replace

from etna_pipelines.environments.features import feature_of
from etna_pipelines.github.client import GitHub
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.versions import version_for
from etna_pipelines.settings import Environment
from tests.github_repository import Workflow
from tests.github_server import GitHubServer

NOWHERE = Database("db.example.org", 5432, "etna", "etna_staging")
STAGING = Environment("staging", NOWHERE, version="next release")
DEVELOPMENT = Environment("development", NOWHERE, version="main")
TEST = Environment("test/login", NOWHERE, version="branch", feature=feature_of("feature/login"))
LOCAL = Environment("local", NOWHERE, version="none")


def test_each_environment_has_its_version(github: GitHub, github_server: GitHubServer) -> None:
    github_server.permissions["contents"] = "write"  # drafts are seen
    github_server.page = 2
    assert [version_for(each, github) for each in (STAGING, DEVELOPMENT, TEST, LOCAL)] == [
        None,
        None,
        "feature-login",
        None,
    ]
    for tag in ("v26.08.20.2205", "v26.08.21.2206", "v7.70", "nightly", "v26.08.19.9999"):
        github_server.add_tag(tag)
    github_server.add_release("v26.08.19.2194")
    github_server.add_release("v26.08.20.2203")
    github_server.add_release("v26.08.18.2189")
    github_server.add_release("99.0.0")
    github_server.add_release("v26.08.21.2300", prerelease=True)
    draft = github_server.add_release("v26.08.22.2301", draft=True)
    github_server.add_tag("v26.08.22.2301")
    assert [version_for(each, github) for each in (STAGING, DEVELOPMENT, TEST, LOCAL)] == [
        "26.08.20.2203",
        "26.08.21.2206",
        "feature-login",
        None,
    ]
    github_server.publish(draft)
    assert [version_for(each, github) for each in (STAGING, DEVELOPMENT)] == ["26.08.22.2301", "26.08.22.2301"]


def test_a_release_waits_for_its_image_where_a_workflow_builds_it(github: GitHub, github_server: GitHubServer) -> None:
    github_server.workflows["release.yml"] = Workflow()
    for build in (997, 998, 999, 1000):  # the number counts, not its spelling
        github_server.add_release(f"v26.08.21.{build}")
    assert version_for(STAGING, github) == "26.08.21.1000"
    assert version_for(STAGING, github, "release.yml") is None
    over = {"event": "release", "status": "completed", "conclusion": "success"}
    github_server.add_run("release.yml", head_branch="v26.08.21.998", **over)
    github_server.add_run("release.yml", head_branch="v26.08.21.999", **over | {"conclusion": "failure"})
    building = github_server.add_run("release.yml", head_branch="v26.08.21.1000", event="release")
    assert version_for(STAGING, github, "release.yml") == "26.08.21.998"
    building.update(over)
    assert version_for(STAGING, github, "release.yml") == "26.08.21.1000"


def test_without_github_whichever_version_is_there_stays() -> None:
    assert [version_for(each, None) for each in (STAGING, DEVELOPMENT, LOCAL)] == [None, None, None]
    assert version_for(TEST, None) == "feature-login"
    assert version_for(replace(TEST, feature=None), None) is None
