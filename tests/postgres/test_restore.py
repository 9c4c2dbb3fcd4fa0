import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from etna_pipelines.errors import ProgramError, PushRefused, SnapshotDamaged
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick, silent
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.postgres.nasty import NASTY, contents, execute

numbers = itertools.count()


@dataclass(frozen=True)
class Snapshot:
    manifest: Manifest
    root: Path
    contents: dict[str, str]

    @property
    def archive(self) -> Path:
        return self.root / self.manifest.prefix / "archive"


def snapshot_of(server: EmbeddedServer, root: Path, statements: str = NASTY) -> Snapshot:
    name = f"of_{next(numbers)}"
    server.create_database(name)
    try:
        source = server.database(name)
        execute(source, statements)
        manifest = backup(source, LocalStore(root), environment="production", scratch=root / ".scratch")
        return Snapshot(manifest, root, contents(source))
    finally:
        server.drop_database(name)


@pytest.fixture(scope="module")
def nasty(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot for every test to read."""
    return snapshot_of(server, tmp_path_factory.mktemp("nasty"))


@pytest.fixture
def ours(nasty: Snapshot, tmp_path: Path) -> Snapshot:
    """A copy of it for one test to damage."""
    shutil.copytree(nasty.root, tmp_path / "store")
    return Snapshot(nasty.manifest, tmp_path / "store", nasty.contents)


@pytest.fixture
def owner(database: Database, server: EmbeddedServer) -> Iterator[Database]:
    """The test's database, as its owner, who is no superuser."""
    execute(database, f"CREATE ROLE owner LOGIN PASSWORD 'pw'; ALTER DATABASE {database.name} OWNER TO owner")
    yield Database(database.host, database.port, "owner", database.name, "pw")
    execute(database, "REASSIGN OWNED BY owner TO postgres; DROP OWNED BY owner; DROP ROLE owner")


# Fetching


def test_what_pg_restore_gets_is_a_checked_copy(ours: Snapshot, tmp_path: Path) -> None:
    """Nobody can change it between the check and the restore, a store's directory may be changed at any time."""
    before = {path.name: path.read_bytes() for path in ours.archive.iterdir()}
    ticks: list[Tick] = []

    archive = fetch_archive(ours.manifest, LocalStore(ours.root), tmp_path, ticks.append)
    for path in ours.archive.iterdir():
        flip(path)

    assert {path.name: path.read_bytes() for path in archive.iterdir()} == before
    assert archive.stat().st_mode & 0o777 == 0o700
    assert ticks[-1] == Tick("verify", ours.manifest.bytes, ours.manifest.bytes)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def lengthen(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")


def swap(file: Path) -> None:
    other = next(path for path in file.parent.iterdir() if path != file)
    ours, theirs = file.read_bytes(), other.read_bytes()
    file.write_bytes(theirs)
    other.write_bytes(ours)


def add_one_that_pg_restore_prefers(file: Path) -> None:
    file.with_suffix("").with_suffix(".dat").write_bytes(b"\\.\n\n\n") if file.suffix == ".gz" else (
        file.with_name("1.dat").write_bytes(b"x")
    )


@pytest.mark.parametrize("table", ["public.large", "public.empty", None])
@pytest.mark.parametrize("damage", [flip, cut, empty, lengthen, Path.unlink, swap, add_one_that_pg_restore_prefers])
def test_a_damaged_file_is_refused(
    ours: Snapshot, tmp_path: Path, table: str | None, damage: Callable[[Path], None]
) -> None:
    damage(ours.archive / next(file.name for file in ours.manifest.files if file.table == table))
    with pytest.raises(SnapshotDamaged, match=r"archive/\w+\.dat") as failure:
        fetch_archive(ours.manifest, LocalStore(ours.root), tmp_path, silent)
    assert ours.manifest.id in str(failure.value)


# Restoring


@pytest.mark.parametrize("server_name", ["server", "server15"])
def test_everything_comes_back(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_name: str
) -> None:
    server: EmbeddedServer = request.getfixturevalue(server_name)
    snapshot = snapshot_of(server, tmp_path_factory.mktemp("whole"), NASTY + "SELECT lo_from_bytea(4242, '\\x00ff0a')")
    server.create_database("whole_again")
    try:
        target = server.database("whole_again")
        restore(fetch_archive(snapshot.manifest, LocalStore(snapshot.root), snapshot.root), snapshot.manifest, target)
        verify(snapshot.manifest, target)
        assert contents(target) == snapshot.contents
        with target.connect() as connection:
            assert connection.execute("SELECT lo_get(4242)").fetchall() == [(b"\x00\xff\x0a",)]
            assert connection.execute(
                "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'm') AND reltuples < 0 AND relnamespace"
                " <> 'pg_catalog'::regnamespace AND relnamespace <> 'information_schema'::regnamespace"
            ).fetchall() == [(0,)]  # tables that were never analysed
    finally:
        server.drop_database("whole_again")


def test_an_owner_who_is_no_superuser_can_restore(nasty: Snapshot, owner: Database, database: Database) -> None:
    restore(nasty.archive, nasty.manifest, owner)
    verify(nasty.manifest, owner)
    assert contents(database) == nasty.contents


def test_an_extension_that_is_there_already_is_kept(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, owner: Database, database: Database
) -> None:
    """dblink takes a superuser to make, and so does a comment on it."""
    snapshot = snapshot_of(
        server,
        tmp_path_factory.mktemp("extension"),
        """CREATE SCHEMA ext; CREATE EXTENSION dblink SCHEMA ext; CREATE TABLE t AS SELECT 1 AS a;
           COMMENT ON EXTENSION dblink IS 'ours'; CREATE PUBLICATION p FOR ALL TABLES""",
    )
    with pytest.raises(ProgramError, match="permission denied to create extension"):
        restore(snapshot.archive, snapshot.manifest, owner)
    execute(database, "DROP SCHEMA ext; CREATE SCHEMA ext; CREATE EXTENSION dblink SCHEMA ext")
    restore(snapshot.archive, snapshot.manifest, owner)
    verify(snapshot.manifest, owner)
    with database.connect() as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM pg_publication").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "statements",
    [
        "DROP SCHEMA public; CREATE SCHEMA public; CREATE TABLE t AS SELECT 1 AS a",
        "COMMENT ON SCHEMA public IS 'ours'; CREATE TABLE t AS SELECT 1 AS a",
        "DROP SCHEMA public; CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS a",
    ],
)
def test_whatever_production_made_of_its_public_schema(
    server: EmbeddedServer, tmp_path: Path, owner: Database, statements: str
) -> None:
    snapshot = snapshot_of(server, tmp_path, statements)
    restore(snapshot.archive, snapshot.manifest, owner)
    verify(snapshot.manifest, owner)
    assert contents(owner) == snapshot.contents


def test_owners_and_privileges_of_production_stay_there(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, database: Database
) -> None:
    execute(database, "CREATE ROLE of_production")
    try:
        statements = "CREATE TABLE t (); ALTER TABLE t OWNER TO of_production; GRANT SELECT ON t TO PUBLIC"
        snapshot = snapshot_of(server, tmp_path_factory.mktemp("owned"), statements)
    finally:
        execute(database, "DROP ROLE of_production")
    restore(snapshot.archive, snapshot.manifest, database)
    with database.connect() as connection:
        assert connection.execute(
            "SELECT tableowner, relacl FROM pg_tables JOIN pg_class ON relname = tablename WHERE tablename = 't'"
        ).fetchall() == [("postgres", None)]


def test_progress_ends_with_everything(nasty: Snapshot, database: Database) -> None:
    ticks: list[Tick] = []
    restore(nasty.archive, nasty.manifest, database, progress=ticks.append)
    raw = sum(file.raw_bytes or 0 for file in nasty.manifest.files)
    assert ticks[0] == Tick("restore", 0, raw, 0, 12)
    assert list(dict.fromkeys(tick.stage for tick in ticks)) == ["restore", "index", "analyze"]
    assert [tick for tick in ticks if tick.stage == "restore"][-1] == Tick("restore", raw, raw, 12, 12)
    indexes = [tick for tick in ticks if tick.stage == "index"][-1]
    assert indexes.tables_done == indexes.tables > 0
    assert ticks[-1].tables_done == ticks[-1].tables >= 12


@pytest.mark.parametrize("name", ["with space", "quo'te\\", "dbname=other", 'dou"ble'])
def test_a_name_is_never_taken_for_a_connection_string(nasty: Snapshot, server: EmbeddedServer, name: str) -> None:
    server.create_database(name)
    try:
        restore(nasty.archive, nasty.manifest, server.database(name))
        verify(nasty.manifest, server.database(name))
    finally:
        server.drop_database(name)


@pytest.mark.parametrize("statement", ["CREATE TABLE t ()", "CREATE VIEW v AS SELECT 1", "CREATE SEQUENCE s"])
def test_a_database_with_something_in_it_is_refused(nasty: Snapshot, database: Database, statement: str) -> None:
    execute(database, statement)
    before = contents(database)
    with pytest.raises(PushRefused, match="is not empty"):
        restore(nasty.archive, nasty.manifest, database)
    assert contents(database) == before


def test_an_older_server_than_the_source_is_refused(nasty: Snapshot, server15: EmbeddedServer) -> None:
    with pytest.raises(PushRefused, match="runs PostgreSQL 15 and the snapshot is of 18"):
        restore(nasty.archive, nasty.manifest, server15.database("template1"))


def test_an_archive_of_a_newer_pg_dump_is_refused_by_an_old_server(nasty: Snapshot, server15: EmbeddedServer) -> None:
    source = nasty.manifest.source.model_copy(update={"server_version": "15.18"})
    with pytest.raises(PushRefused, match="install postgresql-client-15"):
        restore(nasty.archive, nasty.manifest.model_copy(update={"source": source}), server15.database("template1"))


def test_a_newer_server_takes_an_older_archive(
    server15: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, database: Database
) -> None:
    snapshot = snapshot_of(server15, tmp_path_factory.mktemp("older"))
    restore(snapshot.archive, snapshot.manifest, database)
    verify(snapshot.manifest, database)
    assert contents(database) == snapshot.contents


def test_a_failure_names_the_object_and_no_value(
    server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, database: Database
) -> None:
    snapshot = snapshot_of(
        server,
        tmp_path_factory.mktemp("failing"),
        """CREATE TABLE t (v text); INSERT INTO t VALUES ('geheim');
           CREATE FUNCTION fits(text) RETURNS bool LANGUAGE plpgsql AS
               'BEGIN RETURN current_database() LIKE ''of_%''; END';
           ALTER TABLE t ADD CONSTRAINT fitting CHECK (fits(v))""",
    )
    with pytest.raises(ProgramError, match="pg_restore") as failure:
        restore(snapshot.archive, snapshot.manifest, database)
    assert "geheim" not in str(failure.value)
    assert "fitting" in str(failure.value)
