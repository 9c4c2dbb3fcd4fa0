"""What every test may ask for. Servers are real, and one serves the whole run."""

import itertools
from collections.abc import Iterator

import pytest

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import installed
from etna_pipelines.postgres.server import Database

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The newest PostgreSQL there is."""
    yield from _running(EmbeddedServer(tmp_path_factory.mktemp("server")))


@pytest.fixture(scope="session")
def server15(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """PostgreSQL 15, where it is installed."""
    if 15 not in [installation.major for installation in installed() if installation.has("initdb")]:
        pytest.skip("PostgreSQL 15 is not installed")
    yield from _running(EmbeddedServer(tmp_path_factory.mktemp("server15"), major=15))


@pytest.fixture
def database(server: EmbeddedServer) -> Iterator[Database]:
    """An empty database of this test's own."""
    name = f"test_{next(_numbers)}"
    server.create_database(name)
    yield server.database(name)
    server.drop_database(name)


def _running(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    server.ensure_running()
    yield server
    server.stop()
