import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from etna_pipelines.errors import SwapFailed
from etna_pipelines.postgres import swap as module
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.swap import swap, swap_back, undo_swap
from tests.waiting import until

_numbers = itertools.count(1)


both = pytest.mark.parametrize("live", ["server", "server15"], indirect=True)
"""On the newest PostgreSQL and on 15."""


@pytest.fixture
def live(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A live database that holds `old`, and beside it one that holds `new`."""
    server: EmbeddedServer = request.getfixturevalue(getattr(request, "param", "server"))
    live = server.database(f"swapped_{next(_numbers)}")
    make(live, "old")
    make(live.named(new(live)), "new")
    yield live
    for name in names(live):
        with live.maintenance.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make(database: Database, content: str) -> None:
    with database.maintenance.connect() as connection:
        connection.execute(f"CREATE DATABASE {database.name}")
    with database.connect() as connection:
        connection.execute(f"CREATE TABLE content AS SELECT '{content}'::text AS content")
        connection.execute("GRANT SELECT ON content TO PUBLIC")


def new(live: Database) -> str:
    return f"{live.name}_new"


def previous(live: Database) -> str:
    return f"{live.name}_previous"


def retired(live: Database) -> str:
    return f"{live.name}_retired"


def names(live: Database) -> list[str]:
    with live.maintenance.connect() as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname = %s OR datname LIKE %s ORDER BY 1",
            [live.name, live.name + r"\_%"],
        )
        return [name for (name,) in found]


def content(database: Database) -> str:
    with database.connect() as connection:
        [(found,)] = connection.execute("SELECT content FROM content").fetchall()
        return str(found)


def maintain(live: Database, *statements: str) -> None:
    with live.maintenance.connect() as connection:
        for statement in statements:
            connection.execute(statement)


@both
def test_the_new_one_takes_the_name(live: Database) -> None:
    with live.connect() as session:
        result = swap(live, new(live), previous(live))
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert content(live) == "new"
    assert names(live) == [live.name, previous(live)]
    assert result.sessions_ended == 1
    assert 0 < result.outage < 5


def test_nobody_connects_to_the_previous_one(live: Database) -> None:
    swap(live, new(live), previous(live))
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(host=live.host, port=live.port, user=live.user, password=live.password, dbname=previous(live))


@both
def test_there_and_back_and_there(live: Database) -> None:
    swap(live, new(live), previous(live))
    swap_back(live, previous(live))
    assert content(live) == "old"
    swap_back(live, previous(live))
    assert content(live) == "new"
    assert names(live) == [live.name, previous(live)]


def test_names_as_long_as_can_be_are_swapped_back(server: EmbeddedServer) -> None:
    live = server.database("é" * 31)
    kept = "ü" * 31
    make(live, "new")
    make(live.named(kept), "old")
    swap_back(live, kept)
    assert content(live) == "old"
    maintain(live, *(f"DROP DATABASE {name} WITH (FORCE)" for name in (live.name, kept)))


def test_where_nothing_is_live_the_new_one_is_renamed(live: Database) -> None:
    maintain(live, f"DROP DATABASE {live.name}")
    assert swap(live, new(live), previous(live)).sessions_ended == 0
    assert content(live) == "new"
    assert names(live) == [live.name]
    undo_swap(live, new(live), previous(live))
    assert names(live) == [new(live)]


@both
def test_the_names_change_as_soon_as_the_sessions_are_gone(live: Database) -> None:
    """Postgres by itself would look for them again after 100 ms."""
    swap(live, new(live), previous(live))
    outages = []
    for _ in range(5):
        with live.connect():
            outages.append(swap_back(live, previous(live)).outage)
    assert min(outages) < 0.1


def test_an_older_previous_one_is_moved_aside_and_comes_back_when_undone(live: Database) -> None:
    make(live.named(previous(live)), "older")
    with pytest.raises(SwapFailed, match=f"a database {previous(live)} is there already"):
        swap(live, new(live), previous(live))
    swap(live, new(live), previous(live), retired_name=retired(live))
    assert content(live) == "new"
    assert names(live) == [live.name, previous(live), retired(live)]
    undo_swap(live, new(live), previous(live), retired_name=retired(live))
    assert content(live) == "old"
    assert names(live) == [live.name, new(live), previous(live)]
    swap_back(live, previous(live))
    assert content(live) == "older"


@both
def test_a_role_that_is_no_superuser_swaps(live: Database) -> None:
    owner, pusher, reader = (f"{role}_of_{live.name}" for role in ("owner", "pusher", "reader"))
    maintain(
        live,
        f"CREATE ROLE {owner}",
        f"CREATE ROLE {pusher} LOGIN CREATEDB PASSWORD 'x' IN ROLE {owner}, pg_signal_backend",
        f"CREATE ROLE {reader} LOGIN PASSWORD 'x'",
        f"ALTER DATABASE {live.name} OWNER TO {owner}",
        f"ALTER DATABASE {new(live)} OWNER TO {owner}",
        f"ALTER DATABASE {live.name} SET work_mem = '7MB'",
    )
    as_pusher = Database(live.host, live.port, pusher, live.name, "x")
    with Database(live.host, live.port, reader, live.name, "x").connect():
        assert swap(as_pusher, new(live), previous(live)).sessions_ended == 1
    assert content(live) == "new"
    swap_back(as_pusher, previous(live))
    assert content(live) == "old"


@pytest.mark.parametrize(
    ("prepare", "refusal"),
    [
        ("", "owned by a role that {pusher} is no member of"),
        ("GRANT {owner} TO {pusher}", "ALTER ROLE {pusher} CREATEDB"),
        (
            "GRANT {owner} TO {pusher}; ALTER ROLE {pusher} CREATEDB",
            "role {reader} has a session open on it: grant pg_signal_backend",
        ),
        (
            "GRANT {owner}, pg_signal_backend TO {pusher}; ALTER ROLE {pusher} CREATEDB; ALTER ROLE {reader} SUPERUSER",
            "superuser {reader} has a session open on it",
        ),
    ],
    ids=["no member", "no createdb", "no signal", "superuser session"],
)
def test_what_a_role_may_not_do_is_refused_before_anybody_is_disconnected(
    live: Database, prepare: str, refusal: str
) -> None:
    roles = {role: f"{role}_of_{live.name}" for role in ("owner", "pusher", "reader")}
    maintain(
        live,
        f"CREATE ROLE {roles['owner']}",
        f"CREATE ROLE {roles['pusher']} LOGIN PASSWORD 'x'",
        f"CREATE ROLE {roles['reader']} LOGIN PASSWORD 'x'",
        f"ALTER DATABASE {live.name} OWNER TO {roles['owner']}",
        f"ALTER DATABASE {new(live)} OWNER TO {roles['owner']}",
        *filter(None, prepare.format(**roles).split("; ")),
    )
    as_pusher = Database(live.host, live.port, roles["pusher"], live.name, "x")
    with Database(live.host, live.port, roles["reader"], live.name, "x").connect() as reader:
        with pytest.raises(SwapFailed, match=refusal.format(**roles)):
            swap(as_pusher, new(live), previous(live))
        assert reader.execute("SELECT content FROM content").fetchall() == [("old",)]
    assert names(live) == [live.name, new(live)]


def test_sessions_on_the_new_one_refuse_the_swap(live: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with live.connect() as session, live.named(new(live)).connect():
        with pytest.raises(SwapFailed, match=f"1 sessions are open on database {new(live)}"):
            swap(live, new(live), previous(live))
        assert session.execute("SELECT content FROM content").fetchall() == [("old",)]


def test_a_lock_of_somebody_else_refuses_the_swap(live: Database) -> None:
    with live.connect() as session, live.maintenance.connect(autocommit=False) as locker:
        locker.execute(f"ALTER DATABASE {live.name} CONNECTION LIMIT 50")
        locker.execute(f"COMMENT ON DATABASE {live.name} IS 'locked'")
        with pytest.raises(SwapFailed, match=r"holds its lock for 0\.3 s"):
            swap(live, new(live), previous(live), lock_timeout=0.3)
        assert session.execute("SELECT content FROM content").fetchall() == [("old",)]


def test_a_missing_new_one_refuses_the_swap(live: Database) -> None:
    with pytest.raises(SwapFailed, match="there is no database nowhere to rename"):
        swap(live, "nowhere", previous(live))
    assert content(live) == "old"


def test_a_name_too_long_refuses_the_swap(live: Database) -> None:
    with pytest.raises(SwapFailed, match="longer than the 63 bytes"):
        swap(live, new(live), "x" * 64)
    assert content(live) == "old"


@pytest.fixture(scope="module")
def logical_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server with logical replication and two-phase commit."""
    server = EmbeddedServer(tmp_path_factory.mktemp("logical"))
    server.ensure_running()
    with server.database("postgres").connect() as connection:
        for setting in ("wal_level = logical", "max_wal_senders = 2", "max_prepared_transactions = 2"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
    server.stop()
    server.ensure_running()
    yield server
    server.stop()


@pytest.mark.parametrize("live", ["logical_server"], indirect=True)
def test_what_would_stay_behind_refuses_the_swap(live: Database) -> None:
    with live.connect() as session:
        session.execute("SELECT pg_create_logical_replication_slot('slot', 'test_decoding')")
        with pytest.raises(SwapFailed, match=f"replication slot slot belongs to database {live.name}: drop it first"):
            swap(live, new(live), previous(live))
        session.execute("SELECT pg_drop_replication_slot('slot')")
        session.execute("BEGIN; UPDATE content SET content = 'prepared'; PREPARE TRANSACTION 'half'")
        with pytest.raises(SwapFailed, match=f"database {live.name} has prepared transactions"):
            swap(live, new(live), previous(live))
        session.execute("ROLLBACK PREPARED 'half'")
    swap(live, new(live), previous(live))
    assert content(live) == "new"


KILL_POINTS = ["hand_over", "first rename", "second rename", "before commit", "after commit"]


@both
@pytest.mark.parametrize("point", KILL_POINTS)
def test_killed_at_any_point_old_or_new_serves(live: Database, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            die_at(point, monkeypatch)
            swap(live, new(live), previous(live))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    if point == "after commit":
        assert content(live) == "new"
        assert names(live) == [live.name, previous(live)]
    else:
        assert content(live) == "old"
        assert names(live) == [live.name, new(live)]
        swap(live, new(live), previous(live))
        assert content(live) == "new"


def die_at(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill this process when the renaming session gets to a point."""
    execute, commit, renames = psycopg.Connection.execute, psycopg.Connection.commit, itertools.count(1)
    fatal = {"first rename": 1, "second rename": 2}.get(point)
    began = threading.Event()

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def dying_execute(self, query, *arguments, **options):  # type: ignore[no-untyped-def]
        done = execute(self, query, *arguments, **options)
        if not isinstance(query, str) and "RENAME" in query.as_string():
            began.set()
            if next(renames) == fatal:
                die()
        return done

    def dying_commit(self) -> None:  # type: ignore[no-untyped-def]
        if began.is_set() and point == "before commit":
            die()
        commit(self)
        if began.is_set() and point == "after commit":
            die()

    if point == "hand_over":
        monkeypatch.setattr(module, "hand_over", die)
    monkeypatch.setattr(psycopg.Connection, "execute", dying_execute)
    monkeypatch.setattr(psycopg.Connection, "commit", dying_commit)


def test_killed_while_it_waits_for_sessions_to_end_the_live_one_is_free_again(
    live: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server itself stops waiting for sessions that a dead swapper no longer ends."""
    with live.connect() as session:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                monkeypatch.setattr(module._Ending, "run", lambda self: (time.sleep(0.5), os.kill(os.getpid(), 9)))
                swap(live, new(live), previous(live))
            os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert session.execute("SELECT content FROM content").fetchall() == [("old",)]
        assert content(live) == "old"


def test_newcomers_queue_and_find_the_new_one(live: Database) -> None:
    """Whoever comes while the names change waits, and at worst is told to come again."""
    over = threading.Event()
    seen: list[str] = []

    def newcomer() -> None:
        while not over.is_set():
            with contextlib.suppress(Exception):
                seen.append(content(live))

    newcomers = [threading.Thread(target=newcomer) for _ in range(4)]
    for thread in newcomers:
        thread.start()
    assert until(lambda: "old" in seen)
    swap(live, new(live), previous(live))
    assert until(lambda: seen[-1] == "new")
    over.set()
    for thread in newcomers:
        thread.join()
    assert set(seen) == {"old", "new"}
    assert seen[-1] == "new"
