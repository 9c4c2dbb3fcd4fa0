"""A release's migrations on a copy of production's data, so that going live holds no surprise.

The newest snapshot that staging may hold is restored beside it, on its server, into a database that nobody else may
connect to and that is dropped at the end, whatever happens; what a killed rehearsal left is dropped by the next one.
Production is not asked for anything, and what staging serves is not touched.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from etna_pipelines.environments import filling
from etna_pipelines.environments.naming import name_for
from etna_pipelines.environments.preflight import Ground, check_space, preflight
from etna_pipelines.errors import EtnaError, ProgramError, PushFailed, ReleaseFailed
from etna_pipelines.own_program import Ended, environment_of, run_program
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.releases.changes import TableState, changes, read_tables
from etna_pipelines.releases.rehearsal import Migration, Rehearsal, Statements, keep
from etna_pipelines.releases.watching import Watch, watching
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import Manifest, new_id
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

TAIL = 64 * 1024
"""Bytes at the end of what the program said in which the database's refusal is looked for."""

# Tracebacks of Psycopg (Django's too), psql's \set VERBOSITY verbose, and what most other programs write.
_SQLSTATE = re.compile(r"psycopg2?\.errors\.([A-Z]\w+)|ERROR:  ([0-9A-Z]{5}):|SQLSTATE[\s:=\[(]*([0-9A-Z]{5})\b")


@dataclass(frozen=True)
class State:
    """The database at a moment."""

    tables: Mapping[int, TableState]
    bytes: int
    applied: Mapping[tuple[str, str], datetime]
    """Django's migrations, by app and name."""


@dataclass(frozen=True)
class Rehearsing:
    """What a rehearsal works with."""

    manifest: Manifest
    target: "Environment"
    """Beside which it is done."""
    version: str
    migrate: Sequence[str]
    """The program that migrates, as its list of arguments; `{version}` is filled in."""
    store: Store
    home: Path
    longest: timedelta = timedelta(hours=4)
    """How long the program may take."""
    jobs: int = 2
    progress: Progress = silent
    passed: Sequence[str] = ()
    """Variables of ours that the program finds all the same."""

    def rehearse(self) -> Rehearsal:
        """Restore, migrate, look, drop; keep what was found in the store, `rehearsals/<id>.json`.

        Migrations that fail are a finding, told by `failure`. Raises ReleaseFailed where it did not come to them,
        PushRefused where staging may not hold the snapshot, LockHeld."""
        id_, name = new_id(), self.target.database.name
        with _explained(self.version), exclusive(self.target.database, f"rehearse {name}") as lock:
            server = lock.connection
            ground = preflight(server, self.manifest, self.target, None)
            filling.sweep(server, name, "rehearsal")
            check_space(server, self.manifest, self.target)
            with self._private_database(id_, ground) as (database, role):
                found = self._rehearsed(id_, database, role)
        keep(found, self.store)
        return found

    def _rehearsed(self, id_: str, database: Database, role: Database) -> Rehearsal:
        started, clock = datetime.now(UTC), time.monotonic()
        self._restore(id_, role)
        restored = time.monotonic() - clock
        before = _state(role)
        self.progress(Tick("migrate"))
        began, clock = datetime.now(UTC), time.monotonic()
        log = self.home.absolute() / "rehearsals" / f"{self.version}-{id_}.log"
        with watching(database) as watch:
            ended = self._migrate(id_, role, log)
            seconds = time.monotonic() - clock
        after = _state(role)
        return Rehearsal(
            id=id_,
            version=self.version,
            environment=self.target.name,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            started=started,
            restored=restored,
            seconds=seconds,
            failure=ended.failure,
            sqlstate=_sqlstate(log) if ended.failure else None,
            log=str(log),
            migrations=_migrations(before, after, began),
            statements=_by_kind(watch),
            tables=changes(before.tables, after.tables, watch.locks),
            bytes_before=before.bytes,
            bytes_after=after.bytes,
            looks=watch.looks,
        )

    def _restore(self, id_: str, role: Database) -> None:
        with workspace(self.home / "scratch", f"rehearse-{id_}") as directory:
            archive = fetch_archive(self.manifest, self.store, directory, self.progress)
            restore(archive, self.manifest, role, jobs=self.jobs, progress=self.progress)
        verify(self.manifest, role)

    def _migrate(self, id_: str, role: Database, log: Path) -> Ended:
        command = [argument.replace("{version}", self.version) for argument in self.migrate]
        given = environment_of(self.target.name, id_, role, self.home, self.passed)
        try:
            return run_program(command, given, log, self.longest.total_seconds())
        except OSError as error:
            raise ReleaseFailed(
                f"{self.version} was not rehearsed: {command[0]} cannot be started ({error.strerror}); correct "
                "`releases.migrate` in environments.yaml."
            ) from None

    @contextmanager
    def _private_database(self, id_: str, ground: Ground) -> Iterator[tuple[Database, Database]]:
        """A new database, as we reach it and as the program does: a role that is no superuser."""
        live = self.target.database
        database = live.named(name_for("rehearsal", live.name, id_))
        with filling.restorer(database, ground, name_for("rehearser", live.name, id_)) as role:
            try:
                filling.create(database.name, ground, self.manifest)
                yield database, role
            finally:
                # The next rehearsal sweeps what cannot be dropped now.
                with suppress(psycopg.Error, EtnaError), live.maintenance.connect() as connection:
                    filling.drop(connection, database.name)


@contextmanager
def _explained(version: str) -> Iterator[None]:
    try:
        yield
    except (ProgramError, PushFailed) as error:
        raise ReleaseFailed(f"{version} was not rehearsed: {error}") from None
    except psycopg.Error as error:
        raise ReleaseFailed(f"{version} was not rehearsed ({reason(error)}): try again.") from None


def _state(database: Database) -> State:
    with database.connect() as connection:
        [(size,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
        return State(read_tables(connection), size, _applied(connection))


def _applied(connection: Connection) -> Mapping[tuple[str, str], datetime]:
    try:
        found = connection.execute("SELECT app, name, applied FROM django_migrations").fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):  # it is no Django's
        return {}
    return {(app, name): applied for app, name, applied in found}


def _migrations(before: State, after: State, began: datetime) -> list[Migration]:
    """Those that were applied since, in order: each was done when Django wrote it down."""
    made = sorted((applied, *key) for key, applied in after.applied.items() if key not in before.applied)
    times = [began, *(applied for applied, *_ in made)]
    return [
        Migration(app=app, name=name, seconds=max((applied - last).total_seconds(), 0.0))
        for (applied, app, name), last in zip(made, times, strict=False)
    ]


def _by_kind(watch: Watch) -> list[Statements]:
    """The kinds of statements, the one that took longest first."""
    kinds: dict[str, list[float]] = defaultdict(list)
    for what, seconds in watch.statements.values():
        kinds[what].append(seconds)
    found = [
        Statements(what=what, seen=len(each), seconds=sum(each), longest=max(each)) for what, each in kinds.items()
    ]
    return sorted(found, key=lambda statements: -statements.seconds)


def _sqlstate(log: Path) -> str | None:
    """The last refusal of the database's that the program tells of."""
    with log.open("rb") as said:
        said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
        found = list(_SQLSTATE.finditer(said.read().decode(errors="replace")))
    if not found:
        return None
    name, *codes = found[-1].groups()
    error = getattr(psycopg.errors, name, None) if name else None
    return getattr(error, "sqlstate", None) or next(filter(None, codes), None)
