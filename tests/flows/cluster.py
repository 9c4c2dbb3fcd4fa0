"""A cluster in small: Redis, an S3, Dagster's history in Postgres, and workers that share nothing else."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
import yaml

from etna_pipelines.postgres.server import Database
from tests.flows.checkout import PROJECT

ETNA = str(Path(sys.executable).with_name("etna"))
PATIENCE = 180
"""Seconds to wait for something that takes a moment."""


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis of its own."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--requirepass",
        "planted",
    ]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://:planted@127.0.0.1:{port}/0"
        finally:
            process.kill()


@dataclass
class Cluster:
    """Machines are directories: each has settings and rules of its own, and nothing of another's home."""

    root: Path
    settings: dict[str, object]
    rules: str
    variables: dict[str, str]
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    run: "subprocess.Popen[bytes] | None" = None

    def machine(self, name: str) -> Path:
        home = self.root / name
        if not home.exists():
            home.mkdir()
            (home / "environments.yaml").write_text(yaml.safe_dump(self.settings))
            (home / "rules.yaml").write_text(self.rules)
        return home

    def worker(self, name: str, *options: str, **variables: str) -> "subprocess.Popen[bytes]":
        """A worker on a machine of its own, in a process group of its own."""
        home = self.machine(name)
        with (home / "said").open("ab") as said:
            process = subprocess.Popen(
                [ETNA, "worker", *options],
                cwd=home,
                env=self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self.workers.append(process)
        return process

    def said(self, name: str) -> str:
        return (self.root / name / "said").read_text()

    def materialise(self, *assets: str) -> None:
        """The run's own process, on a machine of its own, whose history is in Postgres."""
        home = self.machine("main")
        shutil.copy(PROJECT / "deploy" / "dagster.yaml", home / "dagster.yaml")
        described = yaml.safe_load((home / "dagster.yaml").read_text())
        described["local_artifact_storage"]["config"]["base_dir"] = str(home / "dagster")
        (home / "dagster.yaml").write_text(yaml.safe_dump(described))
        command = ["-m", "dagster", "asset", "materialize", "-m", "etna_pipelines.definitions", "--select"]
        logged = ["--config-json", '{"loggers": {"console": {}}}']
        with (home / "said").open("wb") as said:
            self.run = subprocess.Popen(
                [sys.executable, *command, ",".join(assets), *logged],
                cwd=home,
                env=self.environment | {"DAGSTER_HOME": str(home)},
                stdout=said,
                stderr=said,
            )

    def done(self) -> str:
        """What the run said, which has to succeed."""
        assert self.run
        assert self.run.wait(600) == 0, self.all_said()
        return self.said("main")

    def all_said(self) -> str:
        return "\n".join(f"{path.parent.name}: {path.read_text()}" for path in self.root.glob("*/said"))

    @contextmanager
    def history(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's, as the run's machine has it."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("ETNA_DAGSTER_STORAGE_URL", self.variables["ETNA_DAGSTER_STORAGE_URL"])
            with dg.DagsterInstance.from_config(str(self.root / "main")) as instance:
                yield instance

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ETNA_", "DAGSTER_"))}
        return inherited | {"PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"} | self.variables

    def stopped_child(self, worker: "subprocess.Popen[bytes]", but: int = 0) -> int:
        """The process of a worker that stands still, another one than `but`; waits for it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.run is None or self.run.poll() is None, self.all_said()
            for path in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):
                    state, _parent, group = path.read_text().rpartition(")")[2].split()[:3]
                    if int(group) == worker.pid and state == "T" and int(path.parent.name) != but:
                        return int(path.parent.name)
            time.sleep(0.2)
        raise AssertionError(f"no process of the worker stands still: {self.all_said()}")

    def stop(self) -> None:
        for worker in self.workers:
            kill(worker)
        if self.run:
            self.run.kill()
            self.run.wait()


def kill(worker: "subprocess.Popen[bytes]") -> None:
    """The worker and its processes, at once."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def history_of(database: Database) -> str:
    """The address of Dagster's storage in a database."""
    before, at, after = database.url.replace("postgresql:", "postgresql+psycopg2:").partition("@")
    return f"{before}:{database.password}{at}{after}"
