"""Servers that are switched off, and those that only say no."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from etna_pipelines.environments.awake import await_awake, is_awake
from etna_pipelines.errors import DatabaseRefused, TargetAsleep
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from tests.environments.conftest import databases


def environment(database: Database, wait: float) -> Environment:
    return Environment("development", database, "stripped", wait=timedelta(seconds=wait))


def at(port: int, host: str = "127.0.0.1") -> Database:
    return Database(host, port, "etna", "etna_development", "secret of the test", (("connect_timeout", "2"),))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody takes the connection there and never says a word, as a firewall's black hole."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_is_started_meanwhile_is_waited_for(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.ensure_running()
    database = server.database("etna_development")
    server.stop()
    assert not is_awake(database)
    said: list[str] = []
    starter = threading.Timer(0.3, server.ensure_running)
    starter.start()
    try:
        await_awake(environment(database, 60), lambda tick: said.append(tick.stage), pause=0.1)
        assert databases(database) == []
    finally:
        starter.join()
        server.stop()
    assert set(said) == {"wait for development's server"}


@pytest.mark.parametrize(
    ("host", "why"), [("127.0.0.1", "nothing listens there"), ("db.example.invalid", "its host name is not known")]
)
def test_a_server_that_stays_off_is_reported_after_the_wait(host: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(TargetAsleep) as raised:
        await_awake(environment(at(1, host), 1), pause=0.2)
    assert 1 <= time.monotonic() - began < 600
    message = str(raised.value)
    assert message.startswith(f"development's server {host}:1 does not answer ({why}")
    assert "waited for 1 second: start it, or leave it to the next run" in message
    assert "secret" not in message and not raised.value.retryable


def test_a_server_that_swallows_what_it_is_sent_hangs_nobody(silent_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(TargetAsleep, match="it did not answer in time"):
        await_awake(environment(at(silent_port), 0))
    assert time.monotonic() - began < 60


def test_a_server_that_says_no_is_awake(server: EmbeddedServer) -> None:
    right = server.database("postgres")
    for wrong in (replace(right, password="wrong"), replace(right, user="nobody_here")):
        began = time.monotonic()
        await_awake(environment(wrong, 600))
        with pytest.raises(DatabaseRefused):
            wrong.connect()
        assert time.monotonic() - began < 60


def test_a_server_without_a_connection_left_is_awake_and_may_be_tried_again(server: EmbeddedServer) -> None:
    right = server.database("postgres")
    with right.connect() as connection:
        connection.execute("CREATE ROLE only_one LOGIN PASSWORD 'x' CONNECTION LIMIT 1")
    one = replace(right, user="only_one", password="x")
    with one.connect():
        await_awake(environment(one, 600))
        with pytest.raises(DatabaseRefused, match="its connections are all in use") as raised:
            one.connect()
    assert raised.value.retryable
