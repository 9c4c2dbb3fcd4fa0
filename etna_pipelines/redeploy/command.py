"""Redeploying by a program of one's own."""

import time
from dataclasses import dataclass
from pathlib import Path

from etna_pipelines.errors import RedeployFailed
from etna_pipelines.own_program import environment_of, run_program
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed


@dataclass(frozen=True)
class CommandRedeployer:
    """Runs `command`, without a shell, to its end. Exit code 0 is success, and its last line on stdout the version.

    It finds ETNA_ENVIRONMENT, ETNA_PUSH_ID (the same at a retry), ETNA_DATABASE_URL (without the password: that is in
    PGPASSWORD) and ETNA_HOME in its environment, and none of our own ETNA_... variables, which hold keys. What it
    prints goes to a private log file under `home`."""

    command: list[str]
    home: Path
    timeout: float = 3600

    def redeploy(self, deployment: Deployment) -> Redeployed:
        began, environment, program = time.monotonic(), deployment.environment, self.command[0]
        log = self.home.absolute() / "redeploys" / f"{environment}-{deployment.push}.log"
        given = environment_of(environment, deployment.push, deployment.database, self.home)
        try:
            ended = run_program(self.command, given, log, self.timeout)
        except OSError as error:
            raise RedeployFailed(
                f"{environment} has its new database and was not redeployed: {program} cannot be started "
                f"({error.strerror}); correct `redeploy` in environments.yaml."
            ) from None
        if ended.failure:
            raise RedeployFailed(
                f"{environment} has its new database and was not redeployed: {program} failed ({ended.failure}); "
                f"read {log}, then run `etna redeploy {environment}`."
            )
        return Redeployed(ended.last_line, time.monotonic() - began)
