"""All fix-ups of an environment: in one transaction, then its commands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from etna_pipelines.environments.fixups.commands import run_commands
from etna_pipelines.environments.fixups.hosts import rewrite_column, rewrite_inside, rewrite_sites
from etna_pipelines.environments.fixups.neutralise import sessions_and_queues, silence
from etna_pipelines.environments.fixups.rows import empty, keep
from etna_pipelines.environments.fixups.sequences import advance_sequences
from etna_pipelines.environments.fixups.sql_files import run_file
from etna_pipelines.environments.fixups.superuser import make_superuser, password_of
from etna_pipelines.environments.fixups.tables import PLAIN, Connection, Table, Tables
from etna_pipelines.errors import FixUpFailed
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.snapshots.manifest import Kind

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


def fix_up(
    new: Database,
    target: "Environment",
    *,
    push: str,
    kind: Kind,
    live: Database | None,
    home: Path,
    version: str | None = None,
) -> None:
    """Make a restored database the target's own, all or nothing, and run the target's commands on it.

    `kind` is the snapshot's, `live` the database that serves now, if there is one. Both are reached as a role that can
    do no more than their owner. `new` was filled and nothing else: hosts that change places would change back at a
    second time. Raises FixUpFailed."""
    with new.connect(autocommit=False) as connection:
        connection.execute(PLAIN)
        _FixUps(connection, Tables.read(connection), target, kind, live, home).apply()
    reached(FaultPoint.PUSH_FIX_UPS_COMMITTED)
    with _told(target, "commands"):
        run_commands(new, target, push=push, version=version, home=home)


@dataclass(frozen=True)
class _FixUps:
    connection: Connection
    tables: Tables
    target: "Environment"
    kind: Kind
    live: Database | None
    home: Path

    def apply(self) -> None:
        wanted, hosts = self.target.fix_ups, self.target.hosts
        with self._fixing("keep"):
            kept = self._tables(wanted.keep)
        with self._fixing("empty"):
            emptied = self._tables(wanted.empty)
        neutral = wanted.neutralise and self.kind == "full"
        if neutral:
            emptied += [table for table in sessions_and_queues(self.tables) if table not in (*kept, *emptied)]
        with self._fixing("empty"):
            empty(self.connection, self.tables, [*kept, *emptied])
        with self._fixing("hosts"):
            rewrite_sites(self.connection, self.tables, hosts)
        for column, changes in wanted.rewrite.items():
            with self._fixing("rewrite"):
                rewrite_column(self.connection, self.tables, column, changes)
        for column in wanted.hosts_in:
            with self._fixing("hosts_in"):
                rewrite_inside(self.connection, self.tables, column, hosts)
        if kept and self.live:
            with self._fixing("keep"):
                keep(self.connection, self.tables, kept, self.live)
        if neutral:
            with self._fixing("neutralise"):
                silence(self.connection, self.tables)
        if wanted.superuser:
            with self._fixing("superuser"):
                password = password_of(self.target, self.home)
                make_superuser(self.connection, self.tables, wanted.superuser, password)
        for file in wanted.sql:
            with self._fixing("sql"):
                run_file(self.connection, Path(file))
        with self._fixing("sequences"):
            advance_sequences(self.connection, None if wanted.sequences else kept)

    def _tables(self, names: Sequence[str]) -> list[Table]:
        """In the order of their names, each once."""
        return list(dict.fromkeys(self.tables.find(name) for name in names))

    @contextmanager
    def _fixing(self, what: str) -> Iterator[None]:
        """Errors name the fix-up, and deferred constraints are checked at its end."""
        with _told(self.target, what):
            yield
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self.connection.execute("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def _told(target: "Environment", what: str) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, FixUpFailed) as error:
        why = f"{reason(error)}." if isinstance(error, psycopg.Error) else str(error)
        raise FixUpFailed(f"{target.name} serves what it served before: the fix-up `{what}` failed, {why}") from None
