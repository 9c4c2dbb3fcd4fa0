"""Redeploying by a program of one's own."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from etna_pipelines.errors import RedeployFailed
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed

GRACE = 5.0
"""Seconds that a stopped program has to end by itself."""
LONGEST_VERSION = 200


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
        began, environment = time.monotonic(), deployment.environment
        log = self._log(environment, deployment.push)
        with log.open("ab") as said, tempfile.TemporaryFile() as printed:
            try:
                code = self._run(printed, said, self._environment(deployment))
            finally:
                version = _last_line(printed)
                printed.seek(0)
                shutil.copyfileobj(printed, said)
        if code != 0:
            how = f"exit code {code}" if code is not None else f"no end within {self.timeout:g} s, so it was stopped"
            raise RedeployFailed(
                f"{environment} has its new database and was not redeployed: {self.command[0]} failed ({how}); "
                f"read {log}, then run `etna redeploy {environment}`."
            )
        return Redeployed(version, time.monotonic() - began)

    def _run(self, printed: IO[bytes], said: IO[bytes], environment: Mapping[str, str]) -> int | None:
        """The exit code, or None where the program had to be stopped."""
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                env=environment,
                start_new_session=True,
                umask=0o077,
            )
        except OSError as error:
            raise RedeployFailed(
                f"{environment['ETNA_ENVIRONMENT']} has its new database and was not redeployed: {self.command[0]} "
                f"cannot be started ({error.strerror}); correct `redeploy` in environments.yaml."
            ) from None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.timeout)
            return process.returncode
        finally:
            if process.returncode != 0:
                _end_group(process)

    def _log(self, environment: str, push_id: str) -> Path:
        directory = self.home.absolute() / "redeploys"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{environment}-{push_id}.log"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        return path

    def _environment(self, deployment: Deployment) -> Mapping[str, str]:
        database = deployment.database
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("ETNA_") and name != "PGPASSWORD"
        }
        given = {
            "ETNA_ENVIRONMENT": deployment.environment,
            "ETNA_PUSH_ID": deployment.push,
            "ETNA_DATABASE_URL": database.url,
            "ETNA_HOME": str(self.home.absolute()),
        }
        secret = {"PGPASSWORD": database.password} if database.password is not None else {}
        return inherited | given | secret


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Leave nothing running of a program that failed, hangs or is interrupted."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(printed: IO[bytes]) -> str | None:
    """The last line with anything on it, as far as it can be shown."""
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - 64 * 1024))
    lines = [line.strip() for line in printed.read().decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(filter(str.isprintable, last))[:LONGEST_VERSION] or None
