"""The embedded server: created once, found again by anybody, and never mistaken for somebody else's."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, EtnaError, ProgramError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import installed
from tests.waiting import until

START = "import sys; from pathlib import Path; from etna_pipelines.postgres.embedded import EmbeddedServer; "
START += "EmbeddedServer(Path(sys.argv[1])).ensure_running(); "


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose server was created and stopped, to copy: each test gets its own without another initdb."""
    home = tmp_path_factory.mktemp("created")
    server = EmbeddedServer(home)
    server.ensure_running()
    server.create_database("kept")
    with server.database("kept").connect() as connection:
        connection.execute("CREATE TABLE word AS SELECT 'llechwedd' AS word")
    server.stop()
    return home


@pytest.fixture
def own(created: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of this test's own; it does not run yet."""
    subprocess.run(["/bin/cp", "-a", str(created / "postgres"), str(tmp_path)], check=True)
    server = EmbeddedServer(tmp_path)
    yield server
    server.stop()


def postmaster(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def word(server: EmbeddedServer) -> str:
    with server.database("kept").connect() as connection:
        row = connection.execute("SELECT word FROM word").fetchone()
    assert row
    return str(row[0])


def test_a_running_server_is_left_as_it_is(own: EmbeddedServer) -> None:
    own.ensure_running()
    pid = postmaster(own)
    own.ensure_running()
    assert postmaster(own) == pid
    assert own.is_running
    assert word(own) == "llechwedd"


def test_a_stopped_server_keeps_its_data_its_port_and_its_version(own: EmbeddedServer) -> None:
    own.ensure_running()
    before = own.database("kept")
    own.stop()
    assert not own.is_running
    with pytest.raises(DatabaseUnreachable, match="nothing listens"):
        before.connect()
    own.stop()
    again = EmbeddedServer(own.directory.parent, major=15)
    again.ensure_running()
    assert again.database("kept") == before
    assert again.version == own.version
    assert word(again) == "llechwedd"


def test_what_was_never_started(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "none")
    server.stop()
    assert not server.is_running
    with pytest.raises(DatabaseUnreachable, match="has never been started: run `etna demo`"):
        server.database("x")
    assert not (tmp_path / "none").exists()


def test_how_it_is_set_up(own: EmbeddedServer) -> None:
    expected = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
    }
    own.ensure_running()
    assert_set_up(own, expected)


def test_how_an_older_one_is_set_up(server15: EmbeddedServer) -> None:
    assert server15.version.startswith("15.")
    assert_set_up(server15, {"data_checksums": "on", "server_encoding": "UTF8", "unix_socket_directories": ""})


def assert_set_up(server: EmbeddedServer, expected: dict[str, str]) -> None:
    with server.database("postgres").connect() as connection:
        shown = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(expected),))
        assert dict(shown.fetchall()) == expected
        assert connection.execute("SELECT lower('ŴYDD ÉIRE'), 'a' < 'B'").fetchone() == ("ŵydd éire", False)
        assert connection.execute(
            "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'"
        ).fetchone() == (0,)


def test_only_its_owner_reads_it_and_its_log_quotes_nothing(server: EmbeddedServer) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in server.directory.iterdir()}
    assert {modes[name] for name in ("password", "port", "lock", "server.log")} == {0o600}
    assert modes["data"] == 0o700
    with server.database("postgres").connect() as connection, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connection.execute("SELECT 'tr0ub4dor'::int")
    logged = server.log.read_text()
    assert "ready to accept connections" in logged
    assert "tr0ub4dor" not in logged
    password = server.database("x").password
    assert password and password not in repr(server.database("x"))


def test_databases_are_created_and_dropped_under_open_connections(server: EmbeddedServer) -> None:
    server.create_database('odd "name"', owner="pg_monitor")
    with server.database('odd "name"').connect() as connection:
        shown = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        assert connection.execute(shown).fetchone() == ("pg_monitor",)
        with pytest.raises(DatabaseRefused, match=r"could not create database .*: duplicate database \(42P04\)"):
            server.create_database('odd "name"')
        server.drop_database('odd "name"')
    server.drop_database('odd "name"')


def test_processes_that_start_it_at_once_get_the_same_one(tmp_path: Path) -> None:
    """From nothing: one of them creates it."""
    script = START + "print(EmbeddedServer(Path(sys.argv[1])).database('postgres').url)"
    command = [sys.executable, "-c", script, str(tmp_path / "new" / "home")]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        urls = {starter.communicate(timeout=60)[0] for starter in starters}
        assert [starter.returncode for starter in starters] == [0, 0, 0]
        assert len(urls) == 1
        with EmbeddedServer(tmp_path / "new" / "home").database("postgres").connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        EmbeddedServer(tmp_path / "new" / "home").stop()


def test_it_outlives_a_starter_whose_whole_group_is_killed(own: EmbeddedServer) -> None:
    command = [sys.executable, "-c", START + "print('up', flush=True); sys.stdin.read()", str(own.directory.parent)]
    starter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert starter.stdout
    assert starter.stdout.readline() == b"up\n"
    pid = postmaster(own)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    assert word(own) == "llechwedd"
    own.ensure_running()
    assert postmaster(own) == pid
    assert os.getsid(pid) not in (starter.pid, os.getsid(0))


def test_a_starter_killed_at_any_moment_leaves_a_server_that_starts(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    try:
        for after in (0.5, 0.8, 1.1):
            starter = subprocess.Popen([sys.executable, "-c", START, str(tmp_path)], start_new_session=True)
            time.sleep(after)
            os.killpg(starter.pid, signal.SIGKILL)
            starter.wait()
        server.ensure_running()
        server.create_database("works")
    finally:
        server.stop()


def test_a_killed_server_is_started_again_with_its_data(own: EmbeddedServer) -> None:
    own.ensure_running()
    killed = postmaster(own)
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: not own.is_running)
    own.ensure_running()
    assert postmaster(own) != killed
    assert word(own) == "llechwedd"


def test_a_stale_pid_that_is_another_program_by_now(own: EmbeddedServer) -> None:
    own.ensure_running()
    lines = (own.data / "postmaster.pid").read_text().splitlines()
    own.stop()
    # Of the server's own user, for which PostgreSQL itself would refuse to start.
    stranger = subprocess.Popen(["/bin/sleep", "100"], user=own.data.stat().st_uid if os.geteuid() == 0 else None)
    try:
        (own.data / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert not own.is_running
        own.stop()
        own.ensure_running()
        assert word(own) == "llechwedd"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_another_server_is_never_taken_for_this_one(own: EmbeddedServer, server: EmbeddedServer) -> None:
    """Its process is a postgres, its port is the one kept: its data directory is what tells."""
    lines = (server.data / "postmaster.pid").read_text()
    (own.data / "postmaster.pid").write_text(lines)
    (own.directory / "port").write_text(str(server.database("x").port))
    assert not own.is_running
    own.stop()
    own.ensure_running()
    assert own.database("kept").port != server.database("x").port
    assert word(own) == "llechwedd"
    own.stop()
    assert server.is_running
    with server.database("postgres").connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_port_that_was_taken_meanwhile(own: EmbeddedServer) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        taken = somebody.getsockname()[1]
        (own.directory / "port").write_text(str(taken))
        own.ensure_running()
        assert own.database("kept").port != taken
        assert word(own) == "llechwedd"


def test_a_server_that_cannot_start_says_why(own: EmbeddedServer) -> None:
    with (own.data / "postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = nonsense\n")
    with pytest.raises(ProgramError, match=r"did not start \(.*configuration file.*\): look into .*server\.log"):
        own.ensure_running()
    assert not own.is_running


def test_a_data_directory_whose_version_is_not_installed(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(ProgramError, match="No PostgreSQL 12 server is installed for"):
        server.ensure_running()


needs_root = pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="what root has to do on Linux")


@needs_root
def test_root_runs_it_in_a_tree_that_only_root_can_enter(tmp_path: Path) -> None:
    private = tmp_path / "root" / "clone"
    private.mkdir(parents=True)
    for directory in (private.parent, private):
        directory.chmod(0o700)
    server = EmbeddedServer(private / ".etna")
    server.ensure_running()
    try:
        status = Path(f"/proc/{postmaster(server)}/status").read_text()
        assert "Uid:\t0" not in status
        effective = next(line for line in status.splitlines() if line.startswith("CapEff"))
        assert bin(int(effective.split()[1], 16)).count("1") == 1
        server.create_database("works")
        server.stop()
        server.ensure_running()
        assert [directory.stat().st_mode & 0o777 for directory in (private.parent, private)] == [0o700, 0o700]
    finally:
        server.stop()


@needs_root
def test_a_user_is_told_that_the_server_is_anothers(server: EmbeddedServer, public: Path) -> None:
    visible = EmbeddedServer(public / "roots")
    visible.data.mkdir(parents=True, mode=0o700)
    (visible.directory / "port").touch(mode=0o600)
    for kept_out in (server, visible):  # one in a directory that the user cannot even enter
        for call in (kept_out.ensure_running, kept_out.stop, lambda it=kept_out: it.database("x")):
            assert as_nobody(call).startswith(f"The embedded server in {kept_out.directory} belongs to another user: ")
    assert server.is_running


@needs_root
def test_an_ordinary_user_runs_it_and_root_after_him_as_that_user(public: Path) -> None:
    version = [str(installed()[0].directory / "postgres"), "--version"]
    try:
        subprocess.run(version, user=NOBODY, group=NOBODY, extra_groups=[], check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("this checkout lies where only root can go")
    server = EmbeddedServer(public / "users")
    try:
        assert as_nobody(server.ensure_running) == ""
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid == NOBODY
        with server.database("postgres").connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert as_nobody(server.stop) == ""
        assert not server.is_running
        server.ensure_running()
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid == NOBODY
        server.stop()
        assert as_nobody(server.ensure_running) == ""
    finally:
        server.stop()


NOBODY = 65534


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory where an ordinary user can go: pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="etna-test-") as name:
        path = Path(name)
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o755)
        yield path


def as_nobody(call: Callable[[], object]) -> str:
    """Call something in a process whose user is nobody; returns the message of its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            call()
        except BaseException as error:
            os.write(writing, str(error).encode() if isinstance(error, EtnaError) else repr(error).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()
