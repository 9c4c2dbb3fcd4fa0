import dataclasses
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg
import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments import push as module
from etna_pipelines.environments.history import Push
from etna_pipelines.environments.push import Pushing
from etna_pipelines.environments.rollback import rollback
from etna_pipelines.errors import (
    DatabaseUnreachable,
    EnvironmentGone,
    EtnaError,
    LockHeld,
    PushFailed,
    PushRefused,
    PushUnrecorded,
    SnapshotDamaged,
    StoreError,
    SwapFailed,
    TargetAsleep,
)
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.stores.local import LocalStore
from tests.environments.conftest import (
    HANDMADE,
    HOSTS,
    OWNER,
    RESTORED,
    MakeTarget,
    Published,
    Send,
    all_steps,
    databases,
    serve_by_hand,
    titles,
)

Back = Callable[[Environment], Push]
PushingOf = Callable[..., Pushing]


def _owner(step: str) -> object:
    """Where the function of a step is found."""
    return Pushing if step.startswith("_") else module


def test_a_first_push_makes_the_database_of_its_owner(target: Environment, send: Send, published: Published) -> None:
    pushed = send(target)
    assert titles(target.database) == RESTORED
    assert databases(target.database) == [target.database.name]
    assert (pushed.snapshot, pushed.rows, pushed.previous) == (published.stripped.id, 504, None)
    with target.database.connect() as connection:
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(owners).fetchall() == [(OWNER,)]
        left = f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{target.database.name}%restorer%'"
        assert connection.execute(left).fetchall() == []


def test_a_push_replaces_what_was_served_and_keeps_it(serving: Environment, send: Send, back: Back) -> None:
    name = serving.database.name
    pushed = send(serving)
    assert titles(serving.database) == RESTORED
    assert pushed.previous == f"{name}_previous"
    assert databases(serving.database) == [name, f"{name}_previous"]
    send(serving)
    assert databases(serving.database) == [name, f"{name}_previous"]
    assert back(serving).snapshot == pushed.snapshot


def test_hosts_are_rewritten(target: Environment, send: Send) -> None:
    send(target)
    with target.database.connect() as connection:
        assert connection.execute("SELECT hostname, port FROM wagtailcore_site ORDER BY id").fetchall() == [
            ("development.example.org", 443),
            ("wagtail.development.example.org", 443),
            ("x.org", 80),
        ]
        assert connection.execute("SELECT domain, name FROM django_site").fetchall() == [
            ("development.example.org", "The site")
        ]


def test_an_environment_says_what_it_serves(serving: Environment, send: Send, published: Published) -> None:
    with serving.database.maintenance.connect() as connection:
        connection.execute(f"COMMENT ON DATABASE {serving.database.name} IS 'Ask Siân before you change this'")
    assert history.serving(serving.database) is None
    pushed = send(serving)
    found = history.serving(serving.database)
    assert found and (found.push, found.snapshot, found.kind) == (pushed.id, published.stripped.id, "stripped")
    with serving.database.maintenance.connect() as connection:
        comment = history.comment_of(connection, serving.database.name)
    assert comment and comment.splitlines()[0] == "Ask Siân before you change this"
    last = history.last(published.store, "development")
    assert last and last.push == pushed and "@" in last.by


def test_a_push_on_postgres_15(published15: Published, make_target: MakeTarget, pushing: PushingOf) -> None:
    target = make_target(published15)
    serve_by_hand(target.database)
    with target.database.maintenance.connect() as connection:
        connection.execute(f"ALTER DATABASE {target.database.name} SET work_mem = '7MB'")
    all_steps(pushing(target, None, published15))
    assert titles(target.database) == RESTORED
    with target.database.connect() as connection:
        assert connection.execute("SHOW work_mem").fetchall() == [("7MB",)]
    rollback(target, production=published15.production, store=published15.store)
    assert titles(target.database) == HANDMADE


@pytest.mark.parametrize("major", [15, 18])
def test_a_fresh_container_needs_no_set_up(
    major: int, request: pytest.FixtureRequest, make_target: MakeTarget, pushing: PushingOf
) -> None:
    """A superuser, a password, and a database of his that he is connected to."""
    of: Published = request.getfixturevalue("published15" if major == 15 else "published")
    container = make_target(of).database
    superuser = dataclasses.replace(container, user=f"docker_{container.name}", password="of the test")
    with container.maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {superuser.user} SUPERUSER LOGIN PASSWORD 'of the test'")
        connection.execute(f"CREATE DATABASE {container.name} OWNER {superuser.user}")
    local = Environment("local", superuser, "stripped", HOSTS, makes_owner=True)
    for _ in range(2):
        with superuser.connect():
            all_steps(pushing(local, None, of))
        assert titles(superuser) == RESTORED
        with superuser.connect() as connection:
            owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            assert connection.execute(owners).fetchall() == [("etna_owner",)]
            connection.execute("UPDATE page SET title = title")


def test_a_role_that_is_no_superuser_can_push(serving: Environment, send: Send, back: Back) -> None:
    name = f"pusher_of_{serving.database.name}"
    with serving.database.maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD 'secret of the test'")
        connection.execute(f"GRANT {OWNER}, pg_signal_backend TO {name}")
    database = serving.database
    as_pusher = Database(database.host, database.port, name, database.name, "secret of the test")
    target = Environment(serving.name, as_pusher, "stripped", serving.hosts, None, OWNER)
    send(target)
    assert titles(as_pusher) == RESTORED
    with database.connect() as connection:
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(owners).fetchall() == [(OWNER,)]
    back(target)
    assert titles(as_pusher) == HANDMADE


def test_nobody_sees_more_than_a_reconnect(serving: Environment, send: Send) -> None:
    """20 clients that reconnect, and a probe that connects every 50 ms, through a whole push."""
    over = threading.Event()
    seen: list[tuple[float, str]] = []
    errors: list[tuple[float, str, str]] = []

    def read(connection: Connection) -> None:
        row = connection.execute("SELECT title FROM page ORDER BY id LIMIT 1").fetchone()
        seen.append((time.monotonic(), row[0] if row else "nothing"))

    def client(pause: float, *, reconnect: bool) -> None:
        while not over.wait(pause):
            try:
                with serving.database.connect() as connection:
                    read(connection)
                    while not reconnect and not over.wait(pause):
                        read(connection)
            except (psycopg.Error, EtnaError) as error:
                errors.append((time.monotonic(), threading.current_thread().name, str(error)))

    people = [threading.Thread(target=client, args=(0.01,), kwargs={"reconnect": False}) for _ in range(20)]
    people.append(threading.Thread(target=client, args=(0.05,), kwargs={"reconnect": True}))
    for person in people:
        person.start()
    try:
        send(serving)
        swapped = time.monotonic()
        time.sleep(0.3)
    finally:
        over.set()
        for person in people:
            person.join()
    first_new = min(moment for moment, title in seen if title == "Page 1")
    assert {title for _, title in seen} == {"By hand", "Page 1"}
    assert all(title == "By hand" for moment, title in seen if moment < first_new)
    assert {title for moment, title in seen if moment > swapped} == {"Page 1"}
    # Each is disconnected once; who comes back while the names change hands may be told once to come again.
    times = Counter(name for _, name, _ in errors)
    assert len(times) >= 20 and max(times.values()) <= 2
    assert all(abs(moment - first_new) < 10 for moment, _, _ in errors)
    allowed = "administrator command|closed the connection|connection was lost|no such database"
    assert [text for _, _, text in errors if not re.search(allowed, text)] == []


@pytest.mark.parametrize("step", ["fetch_archive", "restore", "verify", "fix_up", "_mark", "swap", "check_health"])
def test_a_failing_step_leaves_what_was_served_and_nothing_else(
    serving: Environment, send: Send, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PushFailed(f"{step} fails")

    with monkeypatch.context() as patched:
        patched.setattr(_owner(step), step, fail)
        with pytest.raises(PushFailed, match=f"{step} fails"):
            send(serving)
    assert titles(serving.database) == HANDMADE
    assert databases(serving.database) == [serving.database.name]


def test_the_kept_database_stays_kept_when_the_next_push_fails_its_check(
    serving: Environment, send: Send, back: Back, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(serving)

    def fail(*_: object) -> None:
        raise PushFailed("unhealthy")

    monkeypatch.setattr(module, "check_health", fail)
    with pytest.raises(PushFailed, match="unhealthy"):
        send(serving)
    assert titles(serving.database) == RESTORED
    back(serving)
    assert titles(serving.database) == HANDMADE


def test_a_failed_check_of_a_first_push_leaves_no_database(
    target: Environment, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PushFailed("unhealthy")

    monkeypatch.setattr(module, "check_health", fail)
    with pytest.raises(PushFailed, match="unhealthy"):
        send(target)
    assert databases(target.database) == []


def test_one_push_at_a_time(serving: Environment, send: Send, back: Back) -> None:
    with exclusive(serving.database, f"push {serving.database.name}"):
        with pytest.raises(LockHeld):
            send(serving)
        with pytest.raises(LockHeld):
            back(serving)


def test_a_damaged_archive_reaches_nobody(
    serving: Environment, published: Published, pushing: PushingOf, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")
    for file in published.stripped.files:
        key = published.stripped.archive_key(file.name)
        data = b"".join(published.store.read(key))
        store.put(key, [data[:-1] + bytes([data[-1] ^ 1])])
    with pytest.raises(SnapshotDamaged):
        all_steps(dataclasses.replace(pushing(serving), store=store))
    assert titles(serving.database) == HANDMADE
    assert databases(serving.database) == [serving.database.name]


def test_a_session_that_cannot_be_ended_refuses_the_swap(serving: Environment, send: Send) -> None:
    with serving.database.connect() as connection:
        with serving.database.maintenance.connect() as other:
            other.execute(f"CREATE ROLE nosuper_{serving.database.name} LOGIN CREATEDB PASSWORD 'of the test'")
            other.execute(f"GRANT {OWNER}, pg_signal_backend TO nosuper_{serving.database.name}")
        database = serving.database
        as_pusher = Database(database.host, database.port, f"nosuper_{database.name}", database.name, "of the test")
        with pytest.raises(SwapFailed, match="superuser postgres has a session open on it"):
            send(Environment(serving.name, as_pusher, "stripped", {}, None, OWNER))
        assert connection.execute("SELECT title FROM page").fetchall() == [("By hand",)]
    assert databases(serving.database) == [serving.database.name]


def test_a_push_whose_record_is_lost_is_recorded_by_the_next_try_and_not_done_again(
    serving: Environment, pushing: PushingOf, published: Published, back: Back
) -> None:
    class Full(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            raise StoreError("The store is full.")

    lost = dataclasses.replace(pushing(serving), records=Full(Path(published.store.location())))
    begun = lost.begin()
    with pytest.raises(
        PushUnrecorded, match=r"record of it is missing, .*; re-execute the run .*: The store is full\."
    ) as told:
        lost.swap_in(begun)
    assert not told.value.retryable
    assert titles(serving.database) == RESTORED
    done = pushing(serving).swap_in(begun)
    assert history.recorded(published.store, done)
    back(serving)
    assert titles(serving.database) == HANDMADE
    assert pushing(serving).swap_in(begun) == done
    assert titles(serving.database) == HANDMADE


def test_what_fails_after_the_swap_costs_the_record_alone(
    serving: Environment, pushing: PushingOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise psycopg.OperationalError

    begun = pushing(serving).begin()
    with monkeypatch.context() as patched:
        patched.setattr(module, "exists", fail)
        with pytest.raises(PushUnrecorded, match=r"only the record of it is missing, .*: operational error\."):
            pushing(serving).swap_in(begun)
    assert pushing(serving).swap_in(begun).previous == f"{serving.database.name}_previous"
    assert titles(serving.database) == RESTORED


def test_a_push_that_is_resumed_does_not_undo_a_rollback(
    serving: Environment, pushing: PushingOf, back: Back, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    begun = pushing(serving).begin()
    with monkeypatch.context() as patched:
        patched.setattr(history, "record", stopped)  # between its swap and its record
        with pytest.raises(KeyboardInterrupt):
            pushing(serving).swap_in(begun)
    assert titles(serving.database) == RESTORED
    back(serving)
    with pytest.raises(PushRefused, match=f"development had a rollback since the push {begun.id} began"):
        pushing(serving).swap_in(begun)
    assert titles(serving.database) == HANDMADE


def test_a_push_whose_lock_is_lost_swaps_nothing_in(serving: Environment, pushing: PushingOf) -> None:
    def end_locks() -> bool:
        """Asked right before the swap, when the push has its lock."""
        with serving.database.maintenance.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
        return True

    begun = pushing(serving).begin()
    with pytest.raises(DatabaseUnreachable):
        dataclasses.replace(pushing(serving), still_wanted=end_locks).swap_in(begun)
    assert titles(serving.database) == HANDMADE


@pytest.mark.parametrize("asked", [0, 1])
def test_an_environment_that_vanishes_gets_nothing(target: Environment, pushing: PushingOf, asked: int) -> None:
    answers = [True] * asked
    with pytest.raises(EnvironmentGone, match="development is not wanted any more"):
        all_steps(dataclasses.replace(pushing(target), still_wanted=lambda: bool(answers) and answers.pop()))
    assert databases(target.database) == []


def test_an_unreachable_server_is_said_in_a_sentence(serving: Environment, send: Send) -> None:
    elsewhere = Database("127.0.0.1", 1, "nobody", "nowhere", "secret of the test")
    with pytest.raises(TargetAsleep) as raised:
        send(Environment(serving.name, elsewhere, "stripped", {}, None, OWNER))
    assert "secret" not in str(raised.value)
