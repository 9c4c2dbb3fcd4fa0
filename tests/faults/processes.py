"""Runs in processes of their own: their kills are real. They are forked from one that has everything imported already
(warm.py), so that a run begins at once.

A run is two processes of one group, as with Dagster: the run, and the worker that does the steps. A worker that is
killed alone leaves the run behind; where the group is killed, both are gone."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from etna_pipelines.errors import EtnaError
from etna_pipelines.sentences import sentence_of

KILLED = -signal.SIGKILL
PATIENCE = 300
"""Seconds after which a run that does not end has failed its test."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.warm"])

Flow = Callable[..., None]


def nothing() -> None:
    """Done before a run, where a case has nothing to do in its process."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and all that it said."""

    flow: Flow
    code: int
    said: str

    @property
    def killed(self) -> bool:
        return self.code == KILLED

    @property
    def ending(self) -> str:
        return "killed" if self.killed else "failed" if self.code else "succeeded"

    @property
    def sentence(self) -> str:
        """What a user sees last."""
        return self.said.strip().splitlines()[-1] if self.said.strip() else ""


class Run:
    """A run that is under way."""

    def __init__(
        self, flow: Flow, arguments: tuple[str, ...], root: Path, variables: Mapping[str, str], prepare: Flow
    ) -> None:
        self.flow = flow
        self._said = root / f"said-{time.monotonic_ns()}"
        # Its class is the platform's own: mypy knows it, readers need not.
        self._process = _context.Process(
            target=_lead, args=(flow, arguments, root, dict(variables), self._said, prepare), daemon=True
        )
        self._process.start()

    @property
    def group(self) -> int:
        assert self._process.pid
        return self._process.pid

    def wait(self, patience: float = PATIENCE) -> Outcome:
        """Its end; a fault point where it was told to stop does not stop it once more."""
        deadline = time.monotonic() + patience
        while self._process.exitcode is None and time.monotonic() < deadline:
            with suppress(ProcessLookupError):  # it has just begun, or ended
                self.go_on()
            self._process.join(0.1)
        if self._process.exitcode is None:
            self.kill()
            raise AssertionError(f"The run did not end within {patience:g} s; it said: {self._said.read_text()}")
        return Outcome(self.flow, self._process.exitcode, self._said.read_text() if self._said.exists() else "")

    def wait_until_it_stands(self) -> None:
        """At the fault point where it was told to stop."""
        deadline = time.monotonic() + PATIENCE
        while not any(child.status() == psutil.STATUS_STOPPED for child in psutil.Process(self.group).children()):
            assert self._process.is_alive(), f"The run ended before: {self.wait().said}"
            assert time.monotonic() < deadline, "The run did not come to where it was to stop."
            time.sleep(0.02)

    def go_on(self) -> None:
        os.killpg(self.group, signal.SIGCONT)

    def kill(self) -> None:
        """The whole group."""
        os.killpg(self.group, signal.SIGKILL)


def left_running(patience: float = 5) -> list[str]:
    """The processes that ended runs have left running, once those that are ending have had time to."""
    # `_forkserver` is private, and its process the only one that could be asked.
    parent = psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]
    deadline = time.monotonic() + patience
    while True:
        found = []
        for child in parent.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                if child.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(child.cmdline()[:3]))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def _lead(
    flow: Flow, arguments: tuple[str, ...], root: Path, variables: dict[str, str], said: Path, prepare: Flow
) -> None:
    """Be the run: start the worker, and end as it ended."""
    os.setsid()
    _become(root, variables, said)
    worker = os.fork()
    if worker == 0:
        os._exit(work(flow, arguments, prepare))
    _, status = os.waitpid(worker, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def _become(root: Path, variables: dict[str, str], said: Path) -> None:
    """A process as a user would have started it: in that directory, with these variables and none of the tester's."""
    os.chdir(root)
    for name in [name for name in os.environ if name.startswith(("ETNA_", "AWS_", "PG", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update(variables)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)


def work(flow: Flow, arguments: tuple[str, ...] = (), prepare: Flow = nothing) -> int:
    """Be the worker: say what failed as the command line does."""
    try:
        prepare()
        flow(*arguments)
    except BaseException as error:
        if not isinstance(error, EtnaError):
            traceback.print_exc()
        print(sentence_of(error))
        return 1
    finally:
        sys.stdout.flush()
    return 0
