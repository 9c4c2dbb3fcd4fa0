"""Running a program of somebody's own: without a shell, with none of our secrets, what it says in a private log.

It ends with us, even where we are killed: nobody else would know of it, and whoever tries again would start another."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from etna_pipelines.postgres.server import Database

GRACE = 5.0
"""Seconds that a stopped program has to end by itself."""
LONGEST_LINE = 200

OURS = re.compile(r"(ETNA|DAGSTER|AWS)_|PG[A-Z]|(GITHUB|GH)_TOKEN$")
"""Variables that a program does not inherit, as they hold our own credentials."""

GUARD = 'read -r group || exit; read -r _; kill -TERM "-$group"; sleep "$1"; kill -KILL "-$group"'
"""A shell that is told a group of processes, waits for the end of who tells it, and then ends them."""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    failure: str | None
    """Such as `exit code 1`; None where all went well."""
    last_line: str | None
    """The last line on its stdout with anything on it, as far as it can be shown."""


def run_program(command: Sequence[str], environment: Mapping[str, str], log: Path, timeout: float) -> Ended:
    """Run a program to its end, or stop it with its children after `timeout` seconds.

    What it prints is appended to `log`, which only we can read. Raises OSError where it can't be started."""
    _make_private(log)
    with log.open("ab") as said, tempfile.TemporaryFile() as printed:
        try:
            code = _run(command, printed, said, environment, timeout)
        finally:
            last_line = _last_line(printed)
            printed.seek(0)
            shutil.copyfileobj(printed, said)
    if code is None:
        return Ended(f"no end within {timeout:g} s, so it was stopped", last_line)
    return Ended(f"exit code {code}" if code else None, last_line)


def environment_of(
    environment: str, push: str, database: Database, home: Path, passed: Sequence[str] = ()
) -> Mapping[str, str]:
    """What a program finds: our own environment without the variables that hold credentials of ours (ETNA_...,
    DAGSTER_..., AWS_..., PG..., GITHUB_TOKEN, GH_TOKEN) unless they are `passed`, by names with `*` for any end; and
    then ETNA_ENVIRONMENT, ETNA_PUSH_ID, ETNA_HOME and ETNA_DATABASE_URL, whose password is in PGPASSWORD."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not OURS.match(name) or any(fnmatchcase(name, each) for each in passed)
    }
    given = {
        "ETNA_ENVIRONMENT": environment,
        "ETNA_PUSH_ID": push,
        "ETNA_DATABASE_URL": database.url,
        "ETNA_HOME": str(home.absolute()),
    }
    secret = {"PGPASSWORD": database.password} if database.password is not None else {}
    return inherited | given | secret


def _make_private(log: Path) -> None:
    """An empty file that only we can read, unless it is there."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(log, os.O_CREAT | os.O_WRONLY, 0o600))


def _run(
    command: Sequence[str], printed: IO[bytes], said: IO[bytes], environment: Mapping[str, str], timeout: float
) -> int | None:
    """The exit code, or None where the program had to be stopped."""
    with _guard() as ends_with_us:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            env=environment,
            start_new_session=True,
            umask=0o077,
        )
        try:
            ends_with_us(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
            return process.returncode
        finally:
            if process.returncode != 0:
                _end_group(process)


@contextlib.contextmanager
def _guard() -> Iterator[Callable[[int], None]]:
    """Takes the group of processes that is to end where we are killed."""
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "sh", f"{GRACE:g}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath},
        start_new_session=True,
        text=True,
    )
    try:
        yield lambda group: print(group, file=guard.stdin, flush=True)
    finally:
        guard.kill()
        guard.communicate()


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
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - 64 * 1024))
    lines = [line.strip() for line in printed.read().decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(filter(str.isprintable, last))[:LONGEST_LINE] or None
