"""What every test may ask for. Servers are real, and one serves the whole run."""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import installed
from etna_pipelines.postgres.server import Database
from tests.commands import Ended, Etna

if TYPE_CHECKING:
    from etna_pipelines.github.client import GitHub
    from tests.alerts.receivers import Mailbox, Service
    from tests.github_server import GitHubServer

_numbers = itertools.count(1)
_LONGEST = ("flows", "faults", "demo", "security")
"""Directories of tests that run whole programs."""

# The same examples every time and no time limit: what a busy machine does is no finding.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`pytest -n 3`): a file is one worker's, and so are all that share a dear fixture; the
    longest begin, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: next((n for n, name in enumerate(_LONGEST) if name in item.path.parts), len(_LONGEST)))
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        shared = next((name for name in ("seeded_checkout", "seeded") if name in fixtures), None)
        item.add_marker(pytest.mark.xdist_group(shared or str(item.path)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Else every test might go to either worker, and each would make every server and database anew."""
    if getattr(session.config.option, "loadgroup", False):
        assert all("@" in item.nodeid for item in session.items), "pytest-xdist does not group the tests"


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


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 that is spoken to over HTTP."""
    from moto.server import ThreadedMotoServer  # takes a second to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody, and none of the machine's own settings."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def github_server(pytestconfig: pytest.Config) -> Iterator["GitHubServer"]:
    """A GitHub on loopback, see tests/github_server.py. What is said to it must keep to GitHub's own description."""
    from tests.github_openapi import Unavailable, description
    from tests.github_server import GitHubServer

    assert pytestconfig.cache
    described = description(pytestconfig.cache.mkdir("openapi"))
    if isinstance(described, Unavailable):
        pytest.skip(str(described))
    server = GitHubServer(described)
    with server.running():
        yield server
    assert server.mistakes == []


@pytest.fixture
def github(github_server: "GitHubServer", tmp_path: Path) -> Iterator["GitHub"]:
    """The client of `github_server`, with its token; it tries again at once."""
    from etna_pipelines.github.client import GitHub
    from etna_pipelines.github.limits import Patience
    from tests.github_server import TOKEN

    patience = Patience(limit=5, reply=2, whole=4, pause=0.01)
    with GitHub.open(github_server.spec, TOKEN, tmp_path / "github", patience) as client:
        yield client


@pytest.fixture
def service() -> Iterator["Service"]:
    """A receiver of alerts over HTTP."""
    from tests.alerts.receivers import Service

    service = Service()
    with service.http.running():
        yield service


@pytest.fixture
def mailbox() -> Iterator["Mailbox"]:
    """Of a mail server on this machine, which asks for no password."""
    from tests.alerts.receivers import mail_server

    with mail_server(None) as mailbox:
        yield mailbox


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to stand in, and no ETNA_... variable."""
    for name in [name for name in os.environ if name.startswith("ETNA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def etna(fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Etna:
    """The command line, in an empty directory."""
    from etna_pipelines.cli import main

    def etna(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["etna", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return etna


def _running(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    """Without waiting for the disk: a power cut would end the tests, too."""
    server.ensure_running()
    with server.database("postgres").connect() as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.stop()
