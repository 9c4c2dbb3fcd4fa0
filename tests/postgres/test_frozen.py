import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from etna_pipelines.errors import BackupFailed
from etna_pipelines.postgres import frozen as module
from etna_pipelines.postgres.frozen import frozen
from etna_pipelines.postgres.server import Database
from tests.postgres.nasty import execute
from tests.waiting import until_a_session_waits


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def rows_in(database: Database, snapshot: str, table: str) -> int:
    with database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        [(count,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(count)


def test_the_snapshot_shows_one_moment_to_others(database: Database) -> None:
    execute(database, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    with frozen(database) as held:
        execute(database, "INSERT INTO t VALUES (2)")
        assert rows_in(database, held.snapshot, "t") == 1
        assert [table.qualified for table in held.schema.tables] == ["public.t"]
        assert held.encoding == "UTF8"
        assert held.table_bytes == [8192]
        assert held.server_version.startswith(f"{held.major}.")


@pytest.mark.parametrize("statement", ["TRUNCATE t", "DROP TABLE t", "ALTER TABLE t ADD b int"])
def test_what_does_not_keep_to_snapshots_waits(database: Database, statement: str) -> None:
    execute(database, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    with frozen(database), pytest.raises(psycopg.errors.LockNotAvailable):
        execute(database, f"SET lock_timeout = '50ms'; {statement}")
    execute(database, statement)


def test_a_table_reloaded_meanwhile_is_seen_with_its_new_rows(database: Database) -> None:
    """A snapshot taken before the lock would show it empty."""
    execute(database, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 10)")
    with database.connect() as reloading:
        reloading.execute("BEGIN; TRUNCATE t; INSERT INTO t SELECT generate_series(1, 5)")

        def commit() -> None:
            assert until_a_session_waits(database)
            reloading.execute("COMMIT")

        with meanwhile(commit), frozen(database) as held:
            assert rows_in(database, held.snapshot, "t") == 5


def test_a_column_added_meanwhile_is_in_the_schema(database: Database) -> None:
    execute(database, "CREATE TABLE t (a int)")
    with database.connect() as altering:
        altering.execute("BEGIN; ALTER TABLE t ADD b text")

        def commit() -> None:
            assert until_a_session_waits(database)
            altering.execute("COMMIT")

        with meanwhile(commit), frozen(database) as held:
            assert [column.name for column in held.schema.tables[0].columns] == ["a", "b"]


@pytest.mark.parametrize("statement", ["DROP TABLE t", "ALTER TABLE t RENAME TO u", "CREATE TABLE u (a int)"])
def test_a_table_that_came_or_went_before_the_locks_starts_it_over(
    database: Database, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    execute(database, "CREATE TABLE t (a int)")
    lock, attempts = module._lock, []

    def change_first(*arguments: object) -> bool:
        if not attempts:
            execute(database, statement)
        attempts.append(1)
        return lock(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_lock", change_first)
    with frozen(database) as held:
        expected = {"DROP TABLE t": [], "ALTER TABLE t RENAME TO u": ["u"], "CREATE TABLE u (a int)": ["t", "u"]}
        assert [table.name for table in held.schema.tables] == expected[statement]
    assert len(attempts) == 2


def test_a_database_that_never_holds_still_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, numbers = module._lock, iter(range(10))

    def change(*arguments: object) -> bool:
        execute(database, f"CREATE TABLE t{next(numbers)} ()")
        return lock(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_lock", change)
    with pytest.raises(BackupFailed, match="each of 3 times"), frozen(database):
        raise AssertionError("it was frozen")


def test_a_table_somebody_keeps_locked_is_named(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.1)
    execute(database, "CREATE TABLE free (); CREATE TABLE kept ()")
    with database.connect() as other:
        other.execute("BEGIN; LOCK TABLE kept")
        with pytest.raises(BackupFailed, match=r"^public\.kept of .* is being altered") as failure, frozen(database):
            raise AssertionError("it was frozen")
    assert failure.value.retryable


def test_nothing_stays_locked_after_a_failure(database: Database) -> None:
    execute(database, "CREATE TABLE t ()")
    with pytest.raises(ZeroDivisionError), frozen(database):
        raise ZeroDivisionError
    execute(database, "SET lock_timeout = '1s'; DROP TABLE t")


def test_a_short_timeout_of_the_role_does_not_end_it(database: Database) -> None:
    execute(database, f"ALTER DATABASE {database.name} SET idle_in_transaction_session_timeout = '50ms'")
    execute(database, f"ALTER DATABASE {database.name} SET transaction_timeout = '50ms'")
    with frozen(database) as held:
        time.sleep(0.2)
        with database.connect() as other:
            other.execute("SET transaction_timeout = 0")
            other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            other.execute(f"SET TRANSACTION SNAPSHOT '{held.snapshot}'")
