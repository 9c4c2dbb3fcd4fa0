"""Locks: one holder at a time, released however the holder ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from etna_pipelines.errors import DatabaseUnreachable, LockHeld
from etna_pipelines.postgres.locks import exclusive, exclusive_file
from etna_pipelines.postgres.server import Database

HOLD = """
import os, sys
from pathlib import Path
from etna_pipelines.postgres.locks import exclusive, exclusive_file
from etna_pipelines.postgres.server import Database
if sys.argv[1] == "file":
    lock = exclusive_file(Path(sys.argv[2]), "strip")
else:
    lock = exclusive(Database.from_url(sys.argv[2], os.environ["THE_PASSWORD"]), "push to development")
with lock:
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(*arguments: str, password: str = "") -> "subprocess.Popen[bytes]":
    """Another process that holds a lock until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments],
        env={**os.environ, "THE_PASSWORD": password},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_is_held_by_one_and_released_at_its_end(database: Database) -> None:
    with exclusive(database, "push to development"):
        with exclusive(database, "backup"):
            pass
        with (
            pytest.raises(LockHeld, match=r"holds the lock “push to development” on .*: wait"),
            exclusive(database, "push to development"),
        ):
            pytest.fail("held twice")
    with exclusive(database, "push to development"):
        pass


def test_a_lock_outlives_the_servers_patience_with_silence_and_says_when_it_is_lost(database: Database) -> None:
    impatient = replace(database, options=(("options", "-c idle_session_timeout=50ms"),))
    with exclusive(impatient, "push to development") as lock:
        time.sleep(0.3)
        lock.see_held()
        with database.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [lock.connection.info.backend_pid])
        with pytest.raises(DatabaseUnreachable, match=r"holds the lock “push to development” on .* was lost"):
            lock.see_held()


def test_a_lock_that_is_held_can_be_waited_for(database: Database) -> None:
    got = threading.Event()

    def wait() -> None:
        with exclusive(database, "x", wait=True):
            got.set()

    with exclusive(database, "x"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not got.wait(0.2)
    waiting.join()
    assert got.is_set()


def test_a_lock_is_released_when_its_holder_fails(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(database, "x"):
        raise ZeroDivisionError
    with exclusive(database, "x"):
        pass


def test_a_lock_is_of_the_whole_server_and_in_nobodys_way(database: Database) -> None:
    renamed = database.named(f"{database.name}_renamed")
    with exclusive(database, "swap"), database.maintenance.connect() as connection:
        names = sql.Identifier(database.name), sql.Identifier(renamed.name)
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        with pytest.raises(LockHeld), exclusive(renamed, "swap"):
            pytest.fail("held twice")
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*reversed(names)))


def test_a_role_that_may_only_connect_to_its_own_database(database: Database) -> None:
    own = Database(database.host, database.port, "modest", database.name, "tr0ub4dor")
    with database.connect() as connection:
        connection.execute("CREATE ROLE modest LOGIN PASSWORD 'tr0ub4dor'")
        connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
        try:
            with exclusive(own, "x"), pytest.raises(LockHeld), exclusive(own, "x"):
                pytest.fail("held twice")
        finally:
            connection.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
            connection.execute("DROP ROLE modest")


def test_a_lock_ends_with_its_killed_holder(database: Database) -> None:
    process = holder("server", database.url, password=database.password or "")
    with pytest.raises(LockHeld), exclusive(database, "push to development"):
        pytest.fail("held twice")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(database, "push to development")


def test_a_file_lock_is_held_by_one_and_ends_with_its_killed_holder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "strip.lock"
    process = holder("file", str(path))
    with (
        pytest.raises(LockHeld, match=r"holds the lock “strip” \(.*strip\.lock\): wait"),
        exclusive_file(path, "strip"),
    ):
        pytest.fail("held twice")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with exclusive_file(path, "strip"), exclusive_file(path.with_name("other.lock"), "other"):
        pass
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_lock_can_be_waited_for(tmp_path: Path) -> None:
    process = holder("file", str(tmp_path / "lock"))
    assert process.stdin
    process.stdin.close()
    with exclusive_file(tmp_path / "lock", "strip", wait=True):
        assert process.wait(10) == 0
    assert process.stdout
    process.stdout.close()


def wait_for(database: Database, name: str) -> None:
    """Take a lock whose holder was killed: its server session ends a moment later."""
    for _ in range(100):
        try:
            with exclusive(database, name):
                return
        except LockHeld:
            with database.connect() as connection:
                connection.execute("SELECT pg_sleep(0.05)")
    pytest.fail("the lock was never released")
