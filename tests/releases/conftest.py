"""A small production of these tests' own, and staging beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.settings import Environment
from etna_pipelines.stores.local import LocalStore
from tests.environments.conftest import MakeTarget, Published, make_target, publish, serve_by_hand

__all__ = ["make_target"]


@pytest.fixture(scope="session")
def published(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(server, tmp_path_factory.mktemp("published"), "release_production")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def staging(published: Published, make_target: MakeTarget) -> Environment:
    """Serves something else than the snapshot."""
    target = replace(make_target(published, "full"), name="staging")
    serve_by_hand(target.database)
    return target
