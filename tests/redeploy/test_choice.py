"""Settings become a redeployer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from etna_pipelines.errors import SettingsError
from etna_pipelines.redeploy.aws_lambda import LambdaRedeployer
from etna_pipelines.redeploy.choice import redeployer_for
from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.ecs import EcsRedeployer
from etna_pipelines.redeploy.github_workflow import WorkflowRedeployer
from etna_pipelines.redeploy.redeployer import Redeployer
from etna_pipelines.redeploy.ssm import SsmRedeployer
from etna_pipelines.redeploy.webhook import WebhookRedeployer
from etna_pipelines.settings import load

Choose = Callable[[str], Redeployer | None]


@pytest.fixture
def chosen(fresh: Path) -> Choose:
    def chosen(redeploy: str) -> Redeployer | None:
        Path("environments.yaml").write_text(
            "github: {repository: nationalarchives/ds-wagtail}\n"
            f"staging: {{database: postgresql://etna@db.example/etna, redeploy: {redeploy}}}\n"
        )
        settings = load()
        return redeployer_for(settings.environment("staging"), settings)

    return chosen


def test_each_kind_has_its_redeployer(chosen: Choose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_WEBHOOK_SECRET", "s3cret")
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", "token")

    assert chosen("null") is None
    assert isinstance(chosen("{command: [./redeploy, now]}"), CommandRedeployer)
    assert isinstance(chosen("{workflow: deploy.yml}"), WorkflowRedeployer)
    assert isinstance(chosen("{webhook: 'https://deploy.example'}"), WebhookRedeployer)
    assert isinstance(chosen("{ssm: {Name: web}, commands: [./startup.sh]}"), SsmRedeployer)
    assert isinstance(chosen("{lambda: deploy}"), LambdaRedeployer)
    assert isinstance(chosen("{ecs: cluster/web}"), EcsRedeployer)


@pytest.mark.parametrize(
    ("redeploy", "variable"),
    [("{webhook: 'https://deploy.example'}", "ETNA_WEBHOOK_SECRET"), ("{workflow: deploy.yml}", "ETNA_GITHUB_TOKEN")],
)
def test_a_secret_that_is_missing_is_named(chosen: Choose, redeploy: str, variable: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} is not set"):
        chosen(redeploy)
