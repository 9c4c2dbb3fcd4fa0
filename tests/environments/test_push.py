import contextlib
import dataclasses
import os
import re
import signal
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
from etna_pipelines.environments.push import Pushing, push
from etna_pipelines.environments.rollback import rollback
from etna_pipelines.environments.target import sweep
from etna_pipelines.errors import (
    DatabaseUnreachable,
    EtnaError,
    LockHeld,
    PushFailed,
    PushRefused,
    PushUnrecorded,
    SnapshotDamaged,
    StoreError,
    SwapFailed,
)
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.environments.conftest import OWNER, MakeTarget, Published, databases, serve_by_hand, titles

HANDMADE, RESTORED = ["By hand"], ["Page 1", "Page 2"]


@pytest.fixture
def send(published: Published, tmp_path: Path) -> Callable[[Environment], Push]:
    """Push the stripped snapshot."""

    def send(target: Environment, manifest: Manifest = published.stripped) -> Push:
        return push(
            manifest, target, store=published.store, production=published.production, scratch=tmp_path / "scratch"
        )

    return send


Send = Callable[..., Push]


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
        assert connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE '%restorer%'").fetchall() == []


def test_a_push_replaces_what_was_served_and_keeps_it(serving: Environment, send: Send) -> None:
    name = serving.database.name
    pushed = send(serving)
    assert titles(serving.database) == RESTORED
    assert pushed.previous == f"{name}_previous"
    assert databases(serving.database) == [name, f"{name}_previous"]
    send(serving)
    assert databases(serving.database) == [name, f"{name}_previous"]
    assert rollback(serving).snapshot == pushed.snapshot


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


def test_rollback_and_rollback_of_the_rollback(serving: Environment, send: Send, published: Published) -> None:
    send(serving)
    back = rollback(serving, store=published.store)
    assert titles(serving.database) == HANDMADE
    assert (back.action, back.snapshot) == ("rollback", None)
    again = rollback(serving)
    assert titles(serving.database) == RESTORED
    assert again.snapshot == published.stripped.id


def test_a_full_copy_comes_back_only_where_full_ones_may_be(
    make_target: MakeTarget, send: Send, published: Published
) -> None:
    staging = make_target(published, "full")
    send(staging, published.full)
    now_stripped = dataclasses.replace(staging, snapshot="stripped")
    pushed = send(now_stripped)

    with pytest.raises(PushRefused, match="holds a full snapshot, and it may only hold stripped ones"):
        rollback(now_stripped)
    serving = history.serving(staging.database)
    assert serving and serving.push == pushed.id


def test_a_push_whose_record_is_lost_is_not_tried_again(
    serving: Environment, published: Published, tmp_path: Path
) -> None:
    class Full(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            raise StoreError("The store is full.")

    store = Full(Path(published.store.location()))
    with pytest.raises(PushUnrecorded, match=r"only the record of it is missing, .*: The store is full\.") as told:
        push(published.stripped, serving, store=store, production=published.production, scratch=tmp_path / "scratch")
    assert not told.value.retryable
    assert titles(serving.database) == RESTORED
    rollback(serving)
    assert titles(serving.database) == HANDMADE


def test_there_is_nothing_to_roll_back_to_before_a_push(serving: Environment) -> None:
    with pytest.raises(PushRefused, match="has no previous database to roll back to"):
        rollback(serving)
    assert titles(serving.database) == HANDMADE


def test_a_push_on_postgres_15(published15: Published, make_target: MakeTarget, tmp_path: Path) -> None:
    target = make_target(published15)
    serve_by_hand(target.database)
    with target.database.maintenance.connect() as connection:
        connection.execute(f"ALTER DATABASE {target.database.name} SET work_mem = '7MB'")
    push(
        published15.stripped,
        target,
        store=published15.store,
        production=published15.production,
        scratch=tmp_path / "scratch",
    )
    assert titles(target.database) == RESTORED
    with target.database.connect() as connection:
        assert connection.execute("SHOW work_mem").fetchall() == [("7MB",)]
    rollback(target)
    assert titles(target.database) == HANDMADE


def test_a_role_that_is_no_superuser_can_push(serving: Environment, send: Send) -> None:
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
    rollback(target)
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
    assert all(abs(moment - first_new) < 2 for moment, _, _ in errors)
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
    serving: Environment, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(serving)

    def fail(*_: object) -> None:
        raise PushFailed("unhealthy")

    monkeypatch.setattr(module, "check_health", fail)
    with pytest.raises(PushFailed, match="unhealthy"):
        send(serving)
    assert titles(serving.database) == RESTORED
    rollback(serving)
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


@pytest.mark.parametrize("step", ["fetch_archive", "restore", "_mark", "swap", "check_health"])
def test_a_killed_push_is_swept_by_the_next_one(
    serving: Environment, send: Send, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(_owner(step), step, die)
        with contextlib.suppress(BaseException):
            send(serving)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert titles(serving.database) == (RESTORED if step == "check_health" else HANDMADE)
    send(serving)
    assert titles(serving.database) == RESTORED
    name = serving.database.name
    assert databases(serving.database) == [name, f"{name}_previous"]
    with serving.database.connect() as connection:
        assert connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE '%restorer%'").fetchall() == []


def test_sweeping_leaves_what_people_named_alike(serving: Environment) -> None:
    name = serving.database.name
    with serving.database.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name}_new_20261123t020000123456z-1f0c9a"')
        connection.execute(f"CREATE DATABASE {name}_new_idea")
    sweep(serving)
    assert databases(serving.database) == [name, f"{name}_new_idea"]


def test_one_push_at_a_time(serving: Environment, send: Send) -> None:
    with exclusive(serving.database, f"push {serving.database.name}"):
        with pytest.raises(LockHeld):
            send(serving)
        with pytest.raises(LockHeld):
            rollback(serving)


def test_a_damaged_archive_reaches_nobody(serving: Environment, published: Published, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    for file in published.stripped.files:
        key = published.stripped.archive_key(file.name)
        data = b"".join(published.store.read(key))
        store.put(key, [data[:-1] + bytes([data[-1] ^ 1])])
    with pytest.raises(SnapshotDamaged):
        push(published.stripped, serving, store=store, production=published.production, scratch=tmp_path / "scratch")
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


def test_an_unreachable_server_is_said_in_a_sentence(serving: Environment, send: Send) -> None:
    elsewhere = Database("127.0.0.1", 1, "nobody", "nowhere", "secret of the test")
    with pytest.raises(DatabaseUnreachable) as raised:
        send(Environment(serving.name, elsewhere, "stripped", {}, None, OWNER))
    assert "secret" not in str(raised.value)
