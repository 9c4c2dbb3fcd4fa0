"""Which redeployer an environment's settings ask for."""

from pathlib import Path

from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.redeployer import Redeployer
from etna_pipelines.redeploy.spec import CommandRedeploy
from etna_pipelines.settings import Environment


def redeployer_for(environment: Environment, home: Path) -> Redeployer | None:
    """The redeployer of `redeploy` in environments.yaml; None where it names none."""
    match environment.redeploy:
        case CommandRedeploy(command=command):
            return CommandRedeployer(command, home)
    return None
