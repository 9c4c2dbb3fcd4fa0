"""Fifty branches at once, by the daemon, which dies on the way: `pytest -n 0 -m long tests/flows/test_branches.py`."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from etna_pipelines.environments.features import feature_of
from tests.flows.checkout import Checkout

BRANCHES = [f"feature/page-{number}" for number in range(48)] + ["feature/Page-1", "feature/page/1"]
NAMES = sorted(feature_of(branch).name for branch in BRANCHES)
PATIENCE = 1500
"""Seconds for all of them: each is a process of Dagster's own."""

pytestmark = pytest.mark.long


class Daemon:
    """`dagster-daemon run`, with the code server that it starts."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"],
            cwd=self.checkout.root,
            env=self.checkout.environment | {"DAGSTER_HOME": str(self.checkout.root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """As a machine that loses its power does: its runs' processes too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def daemon(demo_checkout_of_module: Checkout) -> Iterator[Daemon]:
    settings = demo_checkout_of_module.root / "environments.yaml"
    settings.write_text(settings.read_text().replace("\ntest:\n", "\ntest:\n  removal: {grace: 0, share: 100}\n"))
    running = Daemon(demo_checkout_of_module)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def demo_checkout_of_module(seeded_checkout: Checkout, nights: object) -> Checkout:
    return seeded_checkout


def test_fifty_branches_come_and_go(demo_checkout_of_module: Checkout, daemon: Daemon) -> None:
    checkout = demo_checkout_of_module
    registry = checkout.root / ".etna/feature_environments"
    for branch in BRANCHES:
        (registry / branch).parent.mkdir(parents=True, exist_ok=True)
        (registry / branch).touch()

    _wait(lambda: len(_ended(checkout, "refresh_test")) >= 5)
    daemon.kill()
    daemon.start()
    _wait(lambda: set(_ended(checkout, "refresh_test")) == set(NAMES))

    newest = checkout.catalogue.ids("stripped")[-1]
    assert {name: checkout.serving(f"test_{name.replace('-', '_')}") for name in NAMES} == dict.fromkeys(NAMES, newest)
    assert _asked(checkout, "refresh_test") == dict.fromkeys(NAMES, 1)

    for branch in BRANCHES:
        (registry / branch).unlink()
    _wait(lambda: set(_ended(checkout, "remove_test")) == set(NAMES))

    with checkout.database("production").connect() as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'page'").fetchall()
    with checkout.history() as history:
        assert (left, history.get_dynamic_partitions("feature_environments")) == ([], [])
    assert _asked(checkout, "remove_test") == dict.fromkeys(NAMES, 1)


def _ended(checkout: Checkout, job: str) -> list[str]:
    """The environments whose run of a job was a success."""
    with checkout.history() as history:
        runs = history.get_runs(dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS]))
    return [run.tags["dagster/partition"] for run in runs]


def _asked(checkout: Checkout, job: str) -> dict[str, int]:
    """How many runs of a job each environment got: one whose process was killed and that was retried is one."""
    with checkout.history() as history:
        runs = history.get_runs(dg.RunsFilter(job_name=job))
    return dict(Counter(run.tags["dagster/partition"] for run in runs if not run.parent_run_id))


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(1)
