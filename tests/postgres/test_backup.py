import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from etna_pipelines.errors import BackupFailed, DatabaseUnreachable, EtnaError, LockHeld, ProgramError, StoreError
from etna_pipelines.postgres import backup as module
from etna_pipelines.postgres import frozen, shipping
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.programs import Program, find
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots.manifest import ArchiveFile, DatabaseSchema, Manifest, Table
from etna_pipelines.stores.local import LocalStore
from tests.postgres.nasty import NASTY, contents, execute
from tests.waiting import until, until_a_session_waits


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def take(database: Database, store: LocalStore, tmp_path: Path) -> Callable[..., Manifest]:
    """Back the test's database up, or what else is said."""

    def taken(source: Database = database, progress: Progress = silent, store: LocalStore = store) -> Manifest:
        return backup(source, store, environment="production", scratch=tmp_path / "scratch", progress=progress)

    return taken


@pytest.fixture
def nothing_left(store: LocalStore, tmp_path: Path, database: Database) -> Iterator[None]:
    """Whatever the test does, at its end there is nothing in store or scratch, no program and no session."""
    yield
    assert list(store.list("")) == []
    assert [path for path in (tmp_path / "scratch").rglob("*") if path.is_dir()] == []
    assert pids_of("pg_dump", tmp_path) == []
    with database.maintenance.connect() as connection:
        for _ in range(200):  # a session ends a moment after its client
            sessions = connection.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", (database.name,))
            if not sessions.fetchall():
                return
            time.sleep(0.01)
    raise AssertionError("a session is left")


def pids_of(program: str, scratch: Path) -> list[int]:
    """Processes of a program that work in this test's scratch."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")
            if command[0].endswith(f"/{program}") and any(str(scratch) in argument for argument in command):
                found.append(int(process.name))
    return sorted(found)


def at_the_first_tick(work: Callable[[], None]) -> Progress:
    """Do the work once tables are locked, before pg_dump starts."""
    ticks: list[Tick] = []

    def listen(tick: Tick) -> None:
        ticks.append(tick)
        if len(ticks) == 1:
            work()

    return listen


def test_a_manifest_tells_what_was_stored(
    database: Database, store: LocalStore, tmp_path: Path, take: Callable[..., Manifest]
) -> None:
    execute(database, NASTY)
    manifest = take()
    assert (manifest.kind, manifest.proof, manifest.hmac) == ("full", None, "")
    assert (manifest.source.environment, manifest.source.database) == ("production", database.name)
    assert manifest.source.encoding == "UTF8"
    assert set(manifest.versions) == {"etna_pipelines", "pg_dump"}
    assert manifest.seconds > 0
    assert {stored.key: stored.bytes for stored in store.list("")} == {
        manifest.archive_key(file.name): file.bytes for file in manifest.files
    }
    rows = {file.table: file.rows for file in manifest.files if file.table}
    assert rows == {table.qualified: table.rows for table in manifest.schema_.tables}
    assert rows == {
        'Other Schema.Quoted "x".y': 2,
        "public.by_year_2025": 10,
        "public.by_year_2026": 10,
        "public.child": 2,
        "public.empty": 0,
        "public.extended": 1,
        "public.large": 80_000,
        "public.parent": 1,
        "public.refers": 2,
        "public.unlogged": 1,
        "public.values_that_bite": 8,
        "public.without_columns": 2,
    }
    assert list((tmp_path / "scratch").glob("*/")) == []


@pytest.mark.parametrize("server_name", ["server", "server15"])
def test_pg_restore_alone_restores_the_stored_archive(
    request: pytest.FixtureRequest, store: LocalStore, take: Callable[..., Manifest], server_name: str
) -> None:
    server: EmbeddedServer = request.getfixturevalue(server_name)
    for name in ("stock", "restored"):
        server.drop_database(name)
        server.create_database(name)
    source, target = server.database("stock"), server.database("restored")
    execute(source, NASTY + "SELECT lo_from_bytea(4242, '\\x00ff')")
    manifest = take(source)
    subprocess.run(
        [
            *(find("pg_restore", int(manifest.source.server_version.split(".")[0])), "--exit-on-error"),
            *("--dbname", target.url, Path(store.location(manifest.archive_key("toc.dat"))).parent),
        ],
        env={**os.environ, "PGPASSWORD": target.password or ""},
        check=True,
    )
    assert contents(target) == contents(source)
    with target.connect() as connection:
        assert connection.execute("SELECT lo_get(4242)").fetchall() == [(b"\x00\xff",)]
    for name in ("stock", "restored"):
        server.drop_database(name)


def test_rows_are_those_of_the_moment_it_began(database: Database, take: Callable[..., Manifest]) -> None:
    execute(database, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    manifest = take(progress=at_the_first_tick(lambda: execute(database, "INSERT INTO t VALUES (2)")))
    assert manifest.rows == 1


def test_an_empty_database_makes_an_archive_too(take: Callable[..., Manifest]) -> None:
    assert [file.name for file in take().files] == ["toc.dat"]


def test_select_on_everything_is_enough(database: Database, take: Callable[..., Manifest]) -> None:
    execute(database, "CREATE TABLE t (id serial, v text); INSERT INTO t (v) VALUES ('x')")
    execute(database, "CREATE ROLE reader LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data")
    try:
        manifest = take(Database(database.host, database.port, "reader", database.name, "pw"))
        assert manifest.rows == 1
    finally:
        execute(database, "DROP ROLE reader")


def test_short_timeouts_of_production_do_not_end_it(database: Database, take: Callable[..., Manifest]) -> None:
    execute(database, "CREATE TABLE t AS SELECT i, repeat('x', 500) FROM generate_series(1, 100000) i")
    for name in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout"):
        execute(database, f"ALTER DATABASE {database.name} SET {name} = '150ms'")
    assert take().rows == 100_000


def test_another_encoding_is_dumped_as_utf8(
    server: EmbeddedServer, store: LocalStore, take: Callable[..., Manifest]
) -> None:
    execute(server.database("postgres"), "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        execute(server.database("latin"), "CREATE TABLE t (v text); INSERT INTO t VALUES ('café')")
        manifest = take(server.database("latin"))
        [file] = [file for file in manifest.files if file.table]
        assert manifest.source.encoding == "LATIN1"
        assert file.raw_bytes == len("café\n\\.\n\n\n".encode())
    finally:
        server.drop_database("latin")


def test_sql_ascii_is_refused(server: EmbeddedServer, take: Callable[..., Manifest], nothing_left: None) -> None:
    execute(server.database("postgres"), "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(BackupFailed, match="SQL_ASCII"):
            take(server.database("ascii"))
    finally:
        server.drop_database("ascii")


def test_a_second_run_is_refused(database: Database, take: Callable[..., Manifest]) -> None:
    with exclusive(database, f"backup of {database.name}"), pytest.raises(LockHeld):
        take()


@pytest.mark.parametrize("statement", ["TRUNCATE t", "ALTER TABLE t ADD b int DEFAULT 5", "DROP TABLE t"])
def test_a_table_altered_meanwhile_fails_it_by_name_and_never_half(
    database: Database,
    take: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
    nothing_left: None,
    statement: str,
) -> None:
    """pg_dump's locks queue behind the statement, which queues behind ours."""
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.3)
    execute(database, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    altering = threading.Thread(target=execute, args=(database, statement))

    def alter() -> None:
        altering.start()
        assert until_a_session_waits(database)

    with pytest.raises(BackupFailed, match=r"^public\.t of .* is being altered") as failure:
        take(progress=at_the_first_tick(alter))
    altering.join()
    assert failure.value.retryable


def test_after_a_failure_the_next_run_succeeds(
    database: Database, take: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(database, "CREATE TABLE t (a int)")
    monkeypatch.setattr(frozen, "LOCK_TIMEOUT", 0.1)
    with database.connect() as other:
        other.execute("BEGIN; LOCK TABLE t")
        with pytest.raises(BackupFailed):
            take()
    assert take().rows == 0


RUN = """
import os, sys
from pathlib import Path
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.local import LocalStore
source, place = Database.from_url(sys.argv[1], os.environ["PASSWORD"]), Path(sys.argv[2])
backup(source, LocalStore(place / "store"), environment="production", scratch=place / "scratch")
"""


def kill_when_it_appears(scratch: Path, processes: int) -> Callable[[], None]:
    """Start to watch for so many processes of pg_dump, and kill the youngest like a machine out of memory would."""

    def watch() -> None:
        for _ in range(2000):
            if len(pids := pids_of("pg_dump", scratch)) >= processes:
                os.kill(pids[-1], signal.SIGKILL)
                return
            time.sleep(0.005)

    return threading.Thread(target=watch).start


@pytest.mark.parametrize("processes", [1, 2], ids=["leader", "worker"])
def test_a_killed_pg_dump_leaves_nothing(
    database: Database, take: Callable[..., Manifest], tmp_path: Path, nothing_left: None, processes: int
) -> None:
    execute(database, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 300000) i")
    with pytest.raises(ProgramError, match="pg_dump"):
        take(progress=at_the_first_tick(kill_when_it_appears(tmp_path, processes)))


def test_a_lost_server_leaves_nothing(database: Database, take: Callable[..., Manifest], nothing_left: None) -> None:
    execute(database, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 500000) i")

    def disconnect_all() -> None:
        with database.maintenance.connect() as connection:
            for _ in range(500):
                dumping = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND query ~ '^COPY'",
                    (database.name,),
                )
                if dumping.fetchall():
                    return
                time.sleep(0.005)

    with pytest.raises(EtnaError) as failure:
        take(progress=at_the_first_tick(threading.Thread(target=disconnect_all).start))
    assert isinstance(failure.value, DatabaseUnreachable | ProgramError)


class FailingStore(LocalStore):
    """Full after the first object."""

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        if list(self.list("")):
            raise StoreError("The store is full.")
        return super().put(key, chunks)


def test_a_store_that_fails_ends_the_dump_and_leaves_nothing(
    database: Database, take: Callable[..., Manifest], tmp_path: Path, nothing_left: None
) -> None:
    execute(database, "CREATE TABLE a AS SELECT 1; CREATE TABLE b AS SELECT 2; CREATE TABLE c AS SELECT 3")
    failing = FailingStore(tmp_path / "store")
    with pytest.raises(StoreError, match="The store is full"):
        take(store=failing)


def test_a_killed_run_takes_pg_dump_along_and_the_next_one_clears_up(
    database: Database, take: Callable[..., Manifest], tmp_path: Path
) -> None:
    execute(database, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 300000) i")
    command = [sys.executable, "-c", RUN, database.url, str(tmp_path)]
    environment = {**os.environ, "PASSWORD": database.password or ""}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as run:
        while not pids_of("pg_dump", tmp_path):
            assert run.poll() is None
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert len(list((tmp_path / "scratch").glob("*/"))) == 1
    assert until(lambda: pids_of("pg_dump", tmp_path) == [])
    assert take().rows == 300_000
    assert list((tmp_path / "scratch").glob("*/")) == []


def test_an_interrupted_run_leaves_nothing(
    database: Database, take: Callable[..., Manifest], nothing_left: None
) -> None:
    execute(database, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 200000) i")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(progress=at_the_first_tick(interrupt))


def test_a_role_that_sees_only_some_rows_is_refused(
    database: Database, take: Callable[..., Manifest], nothing_left: None
) -> None:
    execute(
        database, "CREATE TABLE t (v text); INSERT INTO t VALUES ('geheim'); ALTER TABLE t ENABLE ROW LEVEL SECURITY"
    )
    execute(database, "CREATE POLICY p ON t USING (v = 'geheim')")
    execute(database, "CREATE ROLE filtered LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data")
    try:
        with pytest.raises(BackupFailed, match=r"hides rows of .* from role filtered .*: ALTER ROLE .+ BYPASSRLS"):
            take(Database(database.host, database.port, "filtered", database.name, "pw"))
    finally:
        execute(database, "DROP ROLE filtered")


LISTED = """;
; Archive created at 2026-11-23
3400; 1262 5 DATABASE - production postgres
220; 1259 16400 TABLE public person postgres
3401; 0 16400 TABLE DATA public person postgres
3402; 0 16403 TABLE DATA public TABLE DATA postgres
"""


OIDS = {16400: "person", 16403: "TABLE DATA"}
SOURCE = Database("localhost", 5432, "me", "production")


def test_files_find_their_tables_by_oid() -> None:
    tables = [Table(oid=oid, schema_name="public", name=name, columns=[]) for oid, name in OIDS.items()]
    shipped = {name: ArchiveFile(name=f"{name}.gz", bytes=1, sha256="") for name in ("3401.dat", "3402.dat")}
    files = module._named_after_tables(shipped, LISTED, DatabaseSchema(tables=tables), SOURCE)
    assert [(file.name, file.table) for file in files] == [
        ("3401.dat.gz", "public.person"),
        ("3402.dat.gz", "public.TABLE DATA"),
    ]


@pytest.mark.parametrize(
    ("tables", "files", "message"),
    [
        ([16400, 16403, 16406], ["3401.dat", "3402.dat"], r"left tables of .* out \(public\.late\)"),
        ([16400], ["3401.dat", "3402.dat"], r"does not list, or lacks its file \(3402\.dat\)"),
        ([16400, 16403], ["3401.dat"], r"does not list, or lacks its file \(3402\.dat\)"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(tables: list[int], files: list[str], message: str) -> None:
    schema = DatabaseSchema(
        tables=[Table(oid=oid, schema_name="public", name=OIDS.get(oid, "late"), columns=[]) for oid in tables]
    )
    shipped = {name: ArchiveFile(name=f"{name}.gz", bytes=1, sha256="") for name in files}
    with pytest.raises(BackupFailed, match=message):
        module._named_after_tables(shipped, LISTED, schema, SOURCE)


def test_pg_dump_stands_still_while_the_store_is_behind(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[..., Manifest]
) -> None:
    behind: list[int] = []
    paused: list[bool] = []

    class Watched(shipping.Shipper):
        def look(self) -> int:
            behind.append(super().look())
            return behind[-1]

    class Observed(Program):
        def pause(self, wanted: bool) -> None:
            paused.append(wanted)
            super().pause(wanted)

    class Slow(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            return super().put(key, (time.sleep(0.4) or chunk for chunk in chunks))

    monkeypatch.setattr(module, "Shipper", Watched)
    monkeypatch.setattr(module, "Program", Observed)
    monkeypatch.setattr(module, "BEHIND", 4 * 1024**2)
    monkeypatch.setattr(shipping, "LARGE", 1024**2)
    execute(database, "CREATE TABLE t AS SELECT repeat(md5(g::text), 30) AS text FROM generate_series(1, 60000) g")
    [file] = [file for file in take(store=Slow(tmp_path / "slow")).files if file.table]
    assert (file.rows, file.raw_bytes) == (60_000, 60_000 * 961 + 5)
    assert True in paused
    assert max(behind) < 40 * 1024**2
