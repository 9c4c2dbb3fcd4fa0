"""Worlds: one for each combination of a PostgreSQL and a store, made when first asked for, anew after a violation."""

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etna_pipelines.anonymise.kernels.kernel import kept_in
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import installed

pytest.register_assert_rewrite("tests.faults.invariants", "tests.faults.cases", "tests.faults.world")

from tests.faults import flows, report  # noqa: E402
from tests.faults.world import Combination, World  # noqa: E402

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

SETTINGS = ("max_prepared_transactions = 5", "wal_level = logical", "max_wal_senders = 5")
"""For faults that need them."""

HERE = Path(__file__).parent
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def fault_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], EmbeddedServer]]:
    """Servers of our own: they are killed."""
    servers: dict[int, EmbeddedServer] = {}

    def running(major: int) -> EmbeddedServer:
        if major not in servers:
            if major not in [one.major for one in installed() if one.has("initdb")]:
                pytest.skip(f"PostgreSQL {major} is not installed")
            server = servers[major] = EmbeddedServer(tmp_path_factory.mktemp(f"server{major}"), major=major)
            server.ensure_running()
            with server.database("postgres").connect() as connection:
                for setting in SETTINGS:
                    connection.execute(f"ALTER SYSTEM SET {setting}")
            server.stop()
            server.ensure_running()
        return servers[major]

    yield running
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def worlds(fault_server: Callable[[int], EmbeddedServer], server: EmbeddedServer) -> Iterator[dict[Combination, World]]:
    """Closed before their servers are stopped."""
    made: dict[Combination, World] = {}
    yield made
    for world in made.values():
        world.close()


@pytest.fixture(scope="session")
def compiled_kernels() -> None:
    """Where nothing was stripped yet, as in a fresh clone: compiling takes minutes, which no run is waited for."""
    kept = kept_in()
    if kept is None or not (kept / "warm").exists():
        warm = "from etna_pipelines.anonymise.warming import warm; warm()"
        subprocess.run([sys.executable, "-c", warm], check=True)


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    worlds: dict[Combination, World],
    fault_server: Callable[[int], EmbeddedServer],
    s3_server: str,
    server: EmbeddedServer,
    compiled_kernels: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The world of the test's combination. One that is used up, or in which something went wrong, is not used again."""
    combination: Combination = request.param
    if combination not in worlds:
        root, own_server = tmp_path_factory.mktemp("world"), fault_server(combination.major)
        made = World(root, own_server, combination, s3_server, server)
        try:
            made.good(flows.night)
        except BaseException:
            made.close()
            raise
        worlds[combination] = made
    yield worlds[combination]
    if worlds[combination].is_used_up or request.node.stash.get(FAILED, False):
        worlds.pop(combination).close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    outcome = yield
    if outcome.failed:
        item.stash[FAILED] = True
    return outcome


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`-m long` is all of them, for the report: those too that every run of all tests has."""
    if config.option.markexpr == "long":
        for item in items:
            if item.path.parent == HERE and "world" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.long)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController") -> None:
    """What a worker of `pytest -n` found."""
    report.results.extend(report.Row(**each) for each in getattr(node, "workeroutput", {}).get("faults", []))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where all faults were tried: the page."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["faults"] = [asdict(row) for row in report.results]
        return
    whole = config.option.markexpr == "long" and not config.option.keyword
    if whole and report.results and all(HERE.is_relative_to(Path(arg).resolve()) for arg in config.args):
        report.PAGE.parent.mkdir(exist_ok=True)
        report.PAGE.write_text(report.page(report.results), encoding="utf-8")
