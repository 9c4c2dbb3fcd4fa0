"""Client programs: found by version, run to their end or stopped without leaving anything, reported without values."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, ProgramError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import Installation, Program, find, installed, run
from etna_pipelines.postgres.server import Database
from tests.waiting import until

SECRET = "tr0ub4dor"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a directory of programs that say they are of a version, and names it in ETNA_POSTGRES_BIN."""
    directories: list[str] = []

    def make(version: str) -> Path:
        directory = tmp_path / version
        directory.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (directory / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
            (directory / name).chmod(0o755)
        directories.append(str(directory))
        monkeypatch.setenv("ETNA_POSTGRES_BIN", os.pathsep.join(directories))
        return directory

    return make


def pids_of(marker: str) -> list[int]:
    """Every process that has `marker` in its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def sessions(database: Database) -> int:
    with database.maintenance.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (database.name,)
        ).fetchone()
    assert row
    return int(row[0])


def fill(database: Database, tables: int = 2) -> None:
    with database.connect() as connection:
        for number in range(tables):
            connection.execute(f"CREATE TABLE person{number} (id int PRIMARY KEY, name text)".encode())
            connection.execute(f"INSERT INTO person{number} SELECT n, '{SECRET}' FROM generate_series(1, 5) n".encode())


def test_the_exact_major_is_found_first_then_the_closest_newer(fake: Callable[[str], Path]) -> None:
    old, newer, newest = fake("97.3"), fake("98.1"), fake("99.0")
    patched = fake("97.10")
    assert find("pg_dump", 97) == patched / "pg_dump"
    assert find("pg_dump", 98) == newer / "pg_dump"
    (newer / "pg_dump").unlink()
    assert find("pg_dump", 98) == newest / "pg_dump"
    assert [one.version for one in installed()][:4] == ["99.0", "98.1", "97.10", "97.3"]
    assert Installation(old, "97.3") in installed()


def test_a_beta_comes_before_its_release() -> None:
    names = ["18.0", "19beta1", "18.10", "18.9", "19.0"]
    ordered = sorted((Installation(Path(), name) for name in names), key=lambda one: one.order)
    assert [one.version for one in ordered] == ["18.0", "18.9", "18.10", "19beta1", "19.0"]


def test_the_bundled_programs_are_found() -> None:
    assert b"PostgreSQL" in run(find("pg_dump", 15), ["--version"])
    assert all(one.major >= 9 and one.has("pg_restore") for one in installed())


def test_a_program_that_no_installation_has(fake: Callable[[str], Path]) -> None:
    fake("99.0")
    with pytest.raises(ProgramError, match=r"pg_dump 100 or newer is not installed \(99\.0 in .*postgresql-client-100"):
        find("pg_dump", 100)


def test_what_a_program_prints_comes_back(database: Database) -> None:
    fill(database)
    heard: list[str] = []
    dumped = run(find("pg_dump", 18), ["--table=person1", "--verbose"], database, on_line=heard.append)
    assert b"COPY public.person1 (id, name) FROM stdin" in dumped
    assert 'pg_dump: dumping contents of table "public.person1"' in heard


def test_a_program_never_sees_secrets_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ETNA_SIGNING_KEY", SECRET)
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    database = Database("h", 5433, "u", "d", "pass:w\\rd" + SECRET, (("sslmode", "require"), ("options", "-c a=b")))
    script = 'env; tr "\\0" " " </proc/$$/cmdline; echo; stat -c "%a %h" "$PGPASSFILE"; umask; cat "$PGPASSFILE" >&2'
    heard: list[str] = []
    said = run(Path("/bin/sh"), ["-c", script], database, pgoptions="-c c=d", on_line=heard.append).decode()
    assert {
        "PGHOST=h",
        "PGPORT=5433",
        "PGUSER=u",
        "PGDATABASE=d",
        "PGSSLMODE=require",
        "PGOPTIONS=-c a=b -c c=d",
        "LC_ALL=C",
        "600 1",
        "0077",
    } <= set(said.splitlines())
    assert SECRET not in said
    assert "PGSERVICE" not in said
    assert heard == ["*:*:*:*:pass\\:w\\\\rd" + SECRET]
    assert list(tmp_path.glob("etna-pass-*")) == []


def test_a_program_gets_through_with_an_awkward_password(database: Database) -> None:
    awkward = "a:b\\c'd e"
    with database.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS awkward")
        connection.execute("CREATE ROLE awkward LOGIN PASSWORD 'a:b\\c''d e'")
        assert run(find("pg_dump", 18), [], replace(database, user="awkward", password=awkward))
        connection.execute("DROP ROLE awkward")


def test_connections_that_fail(database: Database) -> None:
    pg_dump = find("pg_dump", 18)
    with pytest.raises(DatabaseRefused, match="password of role postgres is wrong") as refused:
        run(pg_dump, [], replace(database, password=SECRET))
    assert SECRET not in str(refused.value)
    with pytest.raises(DatabaseRefused, match=r"not_there on .*: there is no such database"):
        run(pg_dump, [], database.named("not_there"))
    with pytest.raises(DatabaseUnreachable, match="nothing listens there"):
        run(pg_dump, [], replace(database, port=1))


def test_a_connection_that_is_lost(database: Database) -> None:
    fill(database)
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE person0")
        with Program(find("pg_dump", 18), [], database) as dump:
            assert until(lambda: sessions(database) == 2)
            holder.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with pytest.raises((DatabaseUnreachable, ProgramError), match=r"terminating connection|shutting down|lost"):
                dump.wait()


def test_a_client_that_is_too_old(server: EmbeddedServer, database: Database) -> None:
    older = [one for one in installed() if one.major < int(server.version.split(".")[0])]
    if not older:
        pytest.skip("no older PostgreSQL is installed")
    with pytest.raises(
        ProgramError, match=rf"pg_dump 15\.\d+ is too old for {database.name} on .*: install postgresql-client-18"
    ):
        run(older[0].directory / "pg_dump", [], database)


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (
            "id int PRIMARY KEY, name text",
            'at TABLE DATA person0 postgres: duplicate key value violates unique constraint "person0_pkey"',
        ),
        ("id int, name int", "at TABLE DATA person0 postgres: invalid input syntax for type integer"),
        ("id int, name varchar(3)", "at TABLE DATA .*: value too long for type character varying"),
        ("id int, name text CHECK (name < 'a')", 'at TABLE DATA .*: new row for relation "person0" violates check'),
        ("id int", 'at TABLE DATA .*: column "name" of relation "person0" does not exist'),
        ("id int, name text CHECK (refuse(name))", "at TABLE DATA .*: what the server said may quote rows"),
    ],
)
def test_a_failing_restore_names_the_object_and_no_value(
    server: EmbeddedServer, database: Database, tmp_path: Path, definition: str, says: str
) -> None:
    fill(database, tables=1)
    run(find("pg_dump", 18), ["-Fd", f"--file={tmp_path}/archive"], database)
    server.create_database("other")
    other = server.database("other")
    try:
        with other.connect() as connection:
            connection.execute(
                "CREATE FUNCTION refuse(value text) RETURNS bool LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'no % here', value USING DETAIL = value, HINT = E'a\\n' || value; END $$"
            )
            connection.execute(f"CREATE TABLE person0 ({definition})".encode())
            if "PRIMARY KEY" in definition:
                connection.execute("INSERT INTO person0 (id) VALUES (1)")
        arguments = ["--data-only", "--exit-on-error", "--dbname=other", "--jobs=2", "--verbose", f"{tmp_path}/archive"]
        with pytest.raises(ProgramError, match=f"pg_restore failed with exit code 1 on other on .* {says}") as caught:
            run(find("pg_restore", 18), arguments, other)
    finally:
        server.drop_database("other")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_program_that_is_given_nonsense() -> None:
    with pytest.raises(ProgramError, match=r"pg_restore failed with exit code 1: could not open input file"):
        run(find("pg_restore", 18), ["-l", f"/nowhere/{SECRET}"])
    with pytest.raises(ProgramError, match="pg_dump cannot be started"):
        run(Path("/nowhere/pg_dump"), [])


def test_a_program_that_is_killed() -> None:
    with pytest.raises(ProgramError, match="sh was stopped by SIGKILL"):
        run(Path("/bin/sh"), ["-c", "kill -9 $$"])


def test_nothing_is_left_of_a_program_that_is_given_up(database: Database, tmp_path: Path) -> None:
    fill(database)
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE person1 IN ROW EXCLUSIVE MODE")
        with (
            pytest.raises(KeyboardInterrupt),
            Program(
                find("pg_dump", 18), ["-Fd", "-j2", f"--file={tmp_path}/x"], database, pgoptions="-c a.b=given_up"
            ) as dump,
        ):
            assert until(lambda: sessions(database) >= 2)
            assert dump.running
            assert len(pids_of("a.b=given_up")) >= 2
            raise KeyboardInterrupt
        assert until(lambda: sessions(database) == 1)
    assert pids_of("a.b=given_up") == []


def test_nothing_is_left_of_a_program_whose_starter_is_killed(database: Database, tmp_path: Path) -> None:
    fill(database, tables=4)
    starter = f"""
from pathlib import Path
from etna_pipelines.postgres.programs import find, run
from etna_pipelines.postgres.server import Database
from tests.waiting import until
import os
database = Database.from_url({database.url!r}, os.environ["THE_PASSWORD"])
run(find("pg_dump", 18), ["-Fd", "-j2", "--file={tmp_path}/x"], database, pgoptions="-c a.b=orphaned")
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "THE_PASSWORD": database.password or ""}
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE person0 IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen([sys.executable, "-c", starter], env=environment)
        assert until(lambda: sessions(database) >= 2)
        assert list(tmp_path.glob("etna-pass-*")) != []
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert until(lambda: pids_of("a.b=orphaned") == [])
        assert until(lambda: sessions(database) == 1)
    assert list(tmp_path.glob("etna-pass-*")) == []


def test_a_listener_that_fails_does_not_stop_the_reading() -> None:
    def listener(line: str) -> None:
        raise RuntimeError("the listener")

    with pytest.raises(RuntimeError, match="the listener"):
        run(Path("/bin/sh"), ["-c", "seq 1 100000 >&2"], on_line=listener)


def test_an_endless_error_is_kept_short() -> None:
    with pytest.raises(ProgramError, match="could not uncompress data"):
        run(
            Path("/bin/sh"),
            ["-c", "seq 1 99 >&2; echo 'x: error: could not uncompress data' >&2; seq 1 99999 >&2; exit 1"],
        )


def test_a_program_stands_still_and_goes_on_and_ends_in_either_case() -> None:
    def state(process: Path) -> str:
        try:
            return (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return "Z"  # it has ended, and whoever had to was quick to take note of it

    sleep = Path(shutil.which("sleep") or "")
    with Program(sleep, ["61.5"]) as running:
        while not (found := [it.parent for it in Path("/proc").glob("[0-9]*/cmdline") if _is(it, b"61.5")]):
            time.sleep(0.01)
        running.pause(True)
        assert until(lambda: state(found[0]) == "T")
        running.pause(False)
        assert until(lambda: state(found[0]) == "S")
        running.pause(True)
    assert until(lambda: state(found[0]) == "Z")


def test_a_program_ends_where_termination_is_ignored() -> None:
    """As all do that are started by one who ignores it."""
    code = (
        "import signal, sys; from pathlib import Path; from etna_pipelines.postgres.programs import Program\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "with Program(Path(sys.argv[1]), ['600']): pass"
    )
    subprocess.run([sys.executable, "-c", code, shutil.which("sleep") or ""], check=True, timeout=120)


def _is(cmdline: Path, argument: bytes) -> bool:
    """Whether it is the program's own, not its supervisor's."""
    try:
        return cmdline.read_bytes().split(b"\0")[1:-1] == [argument]
    except OSError:
        return False
