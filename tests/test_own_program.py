import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from etna_pipelines.own_program import Ended, environment_of, run_program
from etna_pipelines.postgres.server import Database
from tests.waiting import until


def run(code: str, log: Path, *arguments: str, timeout: float = 20) -> Ended:
    return run_program([sys.executable, "-c", code, *arguments], os.environ, log, timeout)


def test_what_it_says_goes_to_a_private_log_one_run_after_the_other(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "program.log"
    assert run("print('first'); print('last\\x07 \\n\\n')", log) == Ended(None, "last")
    assert run("import sys; sys.exit('no')", log) == Ended("exit code 1", None)
    assert log.read_text().split() == ["first", "last\x07", "no"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (log, log.parent)] == [0o600, 0o700]


def test_one_that_does_not_end_is_stopped_with_its_children(tmp_path: Path) -> None:
    code = """
import pathlib, subprocess, sys, time
child = subprocess.Popen(['sleep', '60'])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""
    pid = tmp_path / "pid"
    assert run(code, tmp_path / "log", str(pid), timeout=2).failure == "no end within 2 s, so it was stopped"
    assert ends(int(pid.read_text()))


def test_one_ends_with_whoever_started_it_and_was_killed(tmp_path: Path) -> None:
    code = """
import pathlib, sys
from etna_pipelines.own_program import run_program
program = ["sh", "-c", "echo $$ > pid; mv pid started; sleep 60; true"]
run_program(program, {"PATH": "/bin:/usr/bin"}, pathlib.Path("log"), 60)
"""
    ours = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    started = tmp_path / "started"
    assert until(started.exists)
    ours.kill()
    ours.wait()
    assert ends(int(started.read_text()))


def ends(pid: int) -> bool:
    """Whether a process does, soon."""

    def has_ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    return until(has_ended)


def test_it_finds_none_of_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_MASKING_KEY", "must not leave")
    monkeypatch.setenv("PGPASSWORD", "of another database")
    secrets = {"AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "DAGSTER_PG_PASSWORD", "GITHUB_TOKEN", "GH_TOKEN", "PGPASSFILE"}
    for name in secrets:
        monkeypatch.setenv(name, "must not leave, either")
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker.example")
    database = Database("db.example", 5432, "app", "etna")
    given = environment_of("staging", "push-1", database, tmp_path)
    assert not secrets & given.keys()
    assert given.items() >= {("DOCKER_HOST", "tcp://docker.example"), ("PATH", os.environ["PATH"])}
    asked_for = environment_of("staging", "push-1", database, tmp_path, ["AWS_*", "GITHUB_TOKEN"])
    assert secrets & asked_for.keys() == {"AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GITHUB_TOKEN"}
    assert {name: value for name, value in given.items() if name.startswith(("ETNA_", "PGPASSWORD"))} == {
        "ETNA_ENVIRONMENT": "staging",
        "ETNA_PUSH_ID": "push-1",
        "ETNA_DATABASE_URL": "postgresql://app@db.example:5432/etna",
        "ETNA_HOME": str(tmp_path),
    }
