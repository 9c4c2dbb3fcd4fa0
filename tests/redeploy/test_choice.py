"""Settings become a redeployer."""

from pathlib import Path

from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.choice import redeployer_for
from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.spec import CommandRedeploy
from etna_pipelines.settings import Environment

DATABASE = Database("localhost", 5432, "etna", "etna_development")


def test_a_command(tmp_path: Path) -> None:
    environment = Environment("development", DATABASE, redeploy=CommandRedeploy(command=["./redeploy", "now"]))

    assert redeployer_for(environment, tmp_path) == CommandRedeployer(["./redeploy", "now"], tmp_path)


def test_none(tmp_path: Path) -> None:
    assert redeployer_for(Environment("development", DATABASE), tmp_path) is None
