"""A small production to do bad things to, and what to search afterwards."""

import re
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from tests.flows.checkout import NIGHTLY, Checkout

ROWS = ["Xylophonist", "planted-mail", "Tregaron Quay", "07700 900461"]
PASSWORD, MASKING_KEY, SIGNING_KEY = "tr0ub4dor-planted", "5e" * 32, "a7" * 32
KEYS = {"ETNA_MASKING_KEY": MASKING_KEY, "ETNA_SIGNING_KEY": SIGNING_KEY}

PRODUCTION = """
CREATE TABLE town (id int PRIMARY KEY, name text);
CREATE TABLE person (id int PRIMARY KEY, name text, email text, town int REFERENCES town);
CREATE TABLE note (id int PRIMARY KEY, person int REFERENCES person, body text, at text);
INSERT INTO town VALUES (1, 'Tregaron Quay');
INSERT INTO person VALUES (1, 'Gwenllian Xylophonist', 'gwenllian@planted-mail.org.uk', 1);
INSERT INTO note VALUES (1, 1, 'Ring Gwenllian Xylophonist on 07700 900461', 'Tregaron Quay');
"""
RULES = """\
tables:
  town: {keep: [id, name]}
  person: {keep: [id, town], columns: {name: fake(name), email: email}}
  note: {keep: [id, person, at], columns: {body: {mask: scrub, checked: true}}}
"""
LOOKS = 5
"""At a process's arguments: it may start other programs in its first moments."""

SETTINGS = "development: {owner: etna_app}\nintegrity: {drill: false}\n"


@dataclass(frozen=True)
class Ended:
    """A program that has ended, and whatever was an argument of any process meanwhile."""

    code: int
    out: str
    err: str
    arguments: bytes


class Bench:
    """A checkout with a small production, after one good night."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.home = checkout.root / ".etna"
        self.temporary = checkout.root / "tmp"
        self.temporary.mkdir()
        self.said = ""
        self.settings(SETTINGS)
        self.rules(RULES)
        checkout.server.ensure_running()
        checkout.server.create_database("etna_production")
        with checkout.database("production").connect() as connection:
            connection.execute(PRODUCTION)
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}-the-right-one' IN ROLE pg_read_all_data")
        night = self.nightly()
        assert night.code == 0, night.err
        self.arguments = night.arguments

    def settings(self, text: str) -> None:
        (self.checkout.root / "environments.yaml").write_text(text)

    def rules(self, text: str) -> None:
        (self.checkout.root / "anonymisation_rules/demo.yaml").write_text(text)

    @property
    def variables(self) -> dict[str, str]:
        """Of its programs; those that are compiled once start in half the time."""
        return {"PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "", "TMPDIR": str(self.temporary), **KEYS}

    def nightly(self, **variables: str) -> Ended:
        return self.run(sys.executable, *NIGHTLY, **variables)

    def materialise(self, asset: str) -> Ended:
        """One asset from what stands before it, as the UI's button does."""
        command = ("-m", "dagster", "asset", "materialize", "-m", "etna_pipelines.definitions", "--select", asset)
        return self.run(sys.executable, *command, "--config-json", '{"loggers": {"console": {}}}')

    def etna(self, *arguments: str, **variables: str) -> Ended:
        return self.run(str(Path(sys.executable).with_name("etna")), *arguments, **variables)

    def run(self, *command: str, **variables: str) -> Ended:
        with _arguments_of_all() as arguments:
            done = self.checkout.run(*command, **self.variables | variables)
        self.said += done.stderr
        return Ended(done.returncode, done.stdout, done.stderr, b"\n".join(arguments))

    @contextmanager
    def started(self) -> Iterator["subprocess.Popen[str]"]:
        """A night that goes on meanwhile, with the terminal to itself."""
        environment = self.checkout.environment | self.variables
        command = [sys.executable, *NIGHTLY]
        with subprocess.Popen(
            command, cwd=self.checkout.root, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def production_has(self, statement: str, undo: str) -> Iterator[None]:
        with self.checkout.database("production").connect() as connection:
            connection.execute(statement)
            try:
                yield
            finally:
                connection.execute(undo)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.checkout.store, bytes.fromhex(SIGNING_KEY))

    def newest(self, kind: str) -> Manifest:
        newest = self.catalogue.newest("full" if kind == "full" else "stripped")
        assert newest
        return newest

    def state(self) -> dict[str, object]:
        """What must not change: what the databases serve, and which there are."""
        rows = {}
        for name in ("production", "development"):
            with self.checkout.database(name).connect() as connection:
                for table in ("town", "person", "note"):
                    query = sql.SQL("SELECT * FROM {} ORDER BY id").format(sql.Identifier(table))
                    rows[name, table] = connection.execute(query).fetchall()
                databases = connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
                roles = connection.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall()
        return {"rows": rows, "databases": databases, "roles": roles}

    def listed(self) -> dict[str, int]:
        """How many snapshots there are of a kind, each with a manifest that is signed."""
        return Counter(manifest.kind for manifest in self.catalogue.list())

    def wait_for_session(self, wait_event: str) -> None:
        """Until a session of ours hangs there."""
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = %s AND application_name ~ 'etna'"
        deadline = time.monotonic() + 120
        with self.checkout.database("postgres").named("postgres").connect() as connection:
            while not connection.execute(query, [wait_event]).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def leftovers(self) -> list[str]:
        """What a run may not leave: half snapshots, scratch, temporary files, processes and sessions."""
        found = [str(path) for path in (*(self.home / "scratch").glob("*"), *self.temporary.iterdir())]
        for snapshot in (*self.home.glob("store/full/*"), *self.home.glob("store/stripped/*")):
            names = {path.name for path in snapshot.iterdir()}
            found += [] if names == {"archive", "manifest.json"} else [f"{snapshot}: {names}"]
        with self.checkout.database("postgres").named("postgres").connect() as connection:
            sessions = "SELECT application_name FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> %s"
            found += [f"session {name}" for (name,) in connection.execute(sessions, [connection.info.backend_pid])]
        return found + [
            line.decode(errors="replace")
            for line in _arguments(_processes())
            if str(self.checkout.root).encode() in line and not re.search(rb"postgres\0-D", line)
        ]

    def secrets(self) -> list[bytes]:
        password = (self.home / "postgres/password").read_text()
        return [secret.encode() for secret in (*ROWS, PASSWORD, MASKING_KEY, SIGNING_KEY, password)]

    def leaks(self) -> list[str]:
        """Files outside the databases and the archives that hold a row's value or a secret."""
        found = []
        for path in (path for path in self.home.rglob("*") if path.is_file()):
            place = path.relative_to(self.home)
            if place.parts[:2] == ("postgres", "data") or place.parts[3:4] == ("archive",):
                continue
            if place == Path("postgres/password"):
                assert path.stat().st_mode & 0o077 == 0
                continue
            content = path.read_bytes() + (b"".join(packed(path)) if path.name == "runs.db" else b"")
            found += [f"{place} holds {secret!r}" for secret in self.secrets() if secret in content]
        return found


def assert_one_sentence(bench: Bench, ended: Ended, step: str, says: str) -> None:
    """The night ended at `step` with a sentence, and nobody was told anything else."""
    assert_sentences(bench, ended, {step: says})


def assert_sentences(bench: Bench, ended: Ended, says: dict[str, str]) -> None:
    """The same of a night that failed in several steps that have nothing to do with each other."""
    *lines, last = ended.err.splitlines()
    assert ended.code == 1
    assert re.fullmatch(r"Error: (Run [-\w]+ resulted in failure|Materialization failed)\.", last)
    assert [line for line in lines if line[0] not in "→✓↻✗"] == []
    failures = [line for line in lines if line.startswith("✗")]
    assert len(failures) == len(says)
    for failure, (step, sentence) in zip(failures, says.items(), strict=True):
        assert re.fullmatch(f"✗ {step}: {sentence}", failure)
    assert_nothing_told(bench, ended)


def assert_nothing_told(bench: Bench, ended: Ended) -> None:
    told = (ended.out + ended.err).encode() + ended.arguments
    assert [secret for secret in bench.secrets() if secret in told] == []
    assert "Traceback" not in ended.out + ended.err


@contextmanager
def _arguments_of_all() -> Iterator[set[bytes]]:
    """The arguments of every process of the machine, looked at again and again: they are there for everybody."""
    seen: set[bytes] = set()
    known: Counter[str] = Counter()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            young = [process for process in _processes() if known[process] < LOOKS]
            known.update(young)
            seen.update(_arguments(young))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield seen
    finally:
        ended.set()
        looker.join()


def _processes() -> list[str]:
    return [path.name for path in Path("/proc").glob("[0-9]*")]


def _arguments(processes: Iterable[str]) -> Iterator[bytes]:
    for process in processes:
        with suppress(OSError):
            yield Path(f"/proc/{process}/cmdline").read_bytes()


def packed(database: Path) -> Iterator[bytes]:
    """What Dagster keeps compressed in its history."""
    with closing(sqlite3.connect(database)) as connection:
        for (body,) in connection.execute("SELECT snapshot_body FROM snapshots"):
            yield zlib.decompress(body)
