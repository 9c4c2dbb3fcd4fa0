"""Which redeployer an environment's settings ask for."""

from etna_pipelines.errors import SettingsError
from etna_pipelines.redeploy.aws_lambda import LambdaRedeployer
from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.ecs import EcsRedeployer
from etna_pipelines.redeploy.github_workflow import WorkflowRedeployer
from etna_pipelines.redeploy.redeployer import Redeployer
from etna_pipelines.redeploy.spec import (
    CommandRedeploy,
    EcsRedeploy,
    LambdaRedeploy,
    SsmRedeploy,
    WebhookRedeploy,
    WorkflowRedeploy,
)
from etna_pipelines.redeploy.ssm import SsmRedeployer
from etna_pipelines.redeploy.webhook import WebhookRedeployer
from etna_pipelines.settings import Environment, Settings


def redeployer_for(environment: Environment, settings: Settings) -> Redeployer | None:
    """The redeployer of `redeploy` in environments.yaml; None where it names none. Connects to nothing.

    Raises SettingsError where it lacks something: a secret, or `github`."""
    match environment.redeploy:
        case None:
            return None
        case CommandRedeploy(command=command, pass_environment=passed):
            return CommandRedeployer(command, settings.home, passed=passed)
        case WorkflowRedeploy() as spec:
            settings.open_github().close()  # says what is missing
            return WorkflowRedeployer(spec, settings.open_github)
        case WebhookRedeploy(webhook=url):
            return WebhookRedeployer(url, _webhook_secret(environment, settings))
        case SsmRedeploy() as spec:
            return SsmRedeployer(spec)
        case LambdaRedeploy() as spec:
            return LambdaRedeployer(spec)
        case EcsRedeploy() as spec:
            return EcsRedeployer(spec)


def _webhook_secret(environment: Environment, settings: Settings) -> str:
    if secret := settings.variables.secret("webhook_secret"):
        return secret
    raise SettingsError(
        f"ETNA_WEBHOOK_SECRET is not set, and it signs what {environment.name} is redeployed by: set the variable, or "
        "a line of .env, to the secret that the webhook's service checks."
    )
