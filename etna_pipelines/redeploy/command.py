"""Redeploying by a program of one's own."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from etna_pipelines.errors import RedeployFailed, RedeployRefused
from etna_pipelines.own_program import environment_of, run_program
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed


@dataclass(frozen=True)
class CommandRedeployer:
    """Runs `command`, its placeholders filled in, without a shell, to its end. Exit code 0 is success, and its last
    line on stdout the version.

    It finds ETNA_ENVIRONMENT, ETNA_PUSH_ID (the idempotency key: the same where a try was interrupted),
    ETNA_DATABASE_URL (without the password: that is in PGPASSWORD) and ETNA_HOME in its environment, ETNA_VERSION and
    ETNA_BRANCH where they are known, and none of the variables that hold credentials of ours. What it prints goes to a
    private log file under `home`."""

    command: list[str]
    home: Path
    timeout: float = 3600
    passed: Sequence[str] = ()
    """Variables of ours that it finds all the same."""

    def redeploy(self, deployment: Deployment) -> Redeployed:
        began, environment, program = time.monotonic(), deployment.environment, self.command[0]
        log = self.home.absolute() / "redeploys" / f"{environment.replace('/', '-')}-{deployment.key}.log"
        command = [fill(argument, deployment) for argument in self.command]
        try:
            ended = run_program(command, self._environment(deployment), log, self.timeout)
        except OSError as error:
            raise RedeployRefused(
                f"{deployment.failed}: {program} cannot be started ({error.strerror}); correct `redeploy` in "
                "environments.yaml."
            ) from None
        if ended.failure:
            raise RedeployFailed(
                f"{deployment.failed}: {program} failed ({ended.failure}); read {log}, then run `etna redeploy "
                f"{environment}`."
            )
        return Redeployed(ended.last_line, time.monotonic() - began)

    def _environment(self, deployment: Deployment) -> Mapping[str, str]:
        given = environment_of(deployment.environment, deployment.key, deployment.database, self.home, self.passed)
        branch = deployment.feature.branch if deployment.feature else None
        known = {"ETNA_VERSION": deployment.version, "ETNA_BRANCH": branch}
        return {**given, **{name: value for name, value in known.items() if value}}
