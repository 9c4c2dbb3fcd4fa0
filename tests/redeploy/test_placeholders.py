import shlex
from dataclasses import replace

import pytest

from etna_pipelines.environments.features import feature_of
from etna_pipelines.errors import RedeployRefused
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.placeholders import fill, fill_values
from etna_pipelines.redeploy.redeployer import Deployment

DATABASE = Database("localhost", 5432, "etna", "etna_development")
STAGING = Deployment("push-1", "staging", DATABASE, "26.08.21.2215")
LOGIN = Deployment("push-1", "test/login", DATABASE, "feature-login", feature_of("feature/login"))


def test_what_stands_for_what() -> None:
    every = "{version} {branch} {image_tag} {environment} {name} {push}"
    assert fill(every, LOGIN) == "feature-login feature/login feature-login test/login login push-1"
    assert fill("{version} {image_tag} {name}", STAGING) == "26.08.21.2215 26.08.21.2215 staging"
    assert fill("{push}", replace(STAGING, attempt=2)) == "push-1-2"
    assert fill_values({"tag": "v{version}"}, STAGING) == {"tag": "v26.08.21.2215"}


def test_other_braces_stay() -> None:
    text = "docker ps --format '{{.ID}}' ${HOME} {} {versions} {{name}"
    assert fill(text, STAGING) == text.replace("{name}", "staging")


@pytest.mark.parametrize(
    ("text", "deployment", "why"),
    [
        ("{version}", replace(STAGING, version=None), "no version is known"),
        ("{image_tag}", replace(STAGING, version=None), "neither a version nor a branch"),
        ("{branch}", STAGING, "only feature environments have a branch"),
    ],
)
def test_what_nothing_is_known_for_is_refused(text: str, deployment: Deployment, why: str) -> None:
    with pytest.raises(RedeployRefused, match=why):
        fill(text, deployment)


@pytest.mark.parametrize("branch", ["feature/$(id)", "feature/a;b", "feature/a'b", "feature/a`b`", "feature/a&b"])
def test_a_branch_that_a_shell_would_run_is_refused(branch: str) -> None:
    feature = feature_of(branch)
    dangerous = replace(LOGIN, feature=feature)
    for text in ("./deploy {branch}", "./deploy {image_tag}"):
        with pytest.raises(RedeployRefused, match="characters that no tag of an image may have"):
            fill(text, dangerous, shlex.quote)
    assert fill("{name}", dangerous, shlex.quote) == feature.name
