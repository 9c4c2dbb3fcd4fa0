"""A restore drill: a snapshot restored into a database that nobody else may connect to, looked through, and dropped.

It holds real people's data for as long as that takes. So it is done on the embedded server, or where environments.yaml
says under `integrity.drill`, and never on production's own; what a killed drill left is dropped by the next one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from etna_pipelines.environments import filling
from etna_pipelines.environments.guard import refuse_server_of
from etna_pipelines.environments.naming import name_for
from etna_pipelines.environments.preflight import Ground, check_space, preflight
from etna_pipelines.errors import DrillFailed, EtnaError, ProgramError, PushFailed, SnapshotDamaged
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.amcheck import check_indexes
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.progress import Progress, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import Manifest, new_id
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


@dataclass(frozen=True)
class Drilled:
    """What a drill that went well saw."""

    snapshot: str
    seconds: float
    tables: int
    rows: int
    indexes: int | None
    """Those that amcheck looked through; None where the server lacks it, or only a superuser may use it."""

    @property
    def says(self) -> str:
        looked = "amcheck could not be used" if self.indexes is None else f"{self.indexes} indexes fit their tables"
        return (
            f"The snapshot {self.snapshot} was restored in {self.seconds:.0f} s: {self.tables} tables with "
            f"{self.rows:,} rows as its manifest says, all keys valid; {looked}."
        )


@dataclass(frozen=True)
class Drilling:
    """What a drill works with."""

    manifest: Manifest
    target: "Environment"
    """Whose server it is done on; no database of its name is needed or touched."""
    store: Store
    production: Database | None
    """On whose server it is not done; None where that is the embedded one, with invented people."""
    scratch: Path
    jobs: int = 2
    progress: Progress = silent

    def drill(self) -> Drilled:
        """Restore, verify, look through the indexes, drop.

        Raises DrillFailed where the snapshot is not what it says; PushRefused where the server can't take it; LockHeld,
        DatabaseUnreachable, StoreError."""
        id_, begun, live = new_id(), time.monotonic(), self.target.database
        with self._explained(), exclusive(live, f"drill {live.name}") as lock:
            server = lock.connection
            if self.production:
                refuse_server_of(self.production, server, self.target, self.manifest.source)
            ground = preflight(server, self.manifest, self.target, None)
            filling.sweep(server, live.name, "new")
            check_space(server, self.manifest, self.target)
            with self._private_database(id_, ground) as (database, restorer):
                with workspace(self.scratch, f"drill-{id_}") as directory:
                    archive = fetch_archive(self.manifest, self.store, directory, self.progress)
                    restore(archive, self.manifest, restorer, jobs=self.jobs, progress=self.progress)
                reached(FaultPoint.DRILL_RESTORED)
                verify(self.manifest, restorer)
                indexes = check_indexes(database, self.progress)
        tables = len(self.manifest.schema_.tables)
        return Drilled(self.manifest.id, time.monotonic() - begun, tables, self.manifest.rows, indexes)

    @contextmanager
    def _private_database(self, id_: str, ground: Ground) -> Iterator[tuple[Database, Database]]:
        """A new database, as we reach it and as what restores does: a role that is no superuser."""
        live = self.target.database
        database = live.named(name_for("new", live.name, id_))
        with filling.restorer(database, ground, name_for("restorer", live.name, id_)) as restorer:
            try:
                filling.create(database.name, ground, self.manifest)
                reached(FaultPoint.DRILL_CREATED)
                yield database, restorer
            finally:
                # The next drill sweeps what cannot be dropped now.
                with suppress(psycopg.Error, EtnaError), live.maintenance.connect() as connection:
                    filling.drop(connection, database.name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        what = f"The {self.manifest.kind} snapshot {self.manifest.id} failed its restore drill"
        try:
            yield
        except (ProgramError, PushFailed, SnapshotDamaged) as error:
            raise DrillFailed(f"{what}: {str(error).removesuffix(': push again.')}") from None
        except psycopg.Error as error:
            raise DrillFailed(f"{what} ({reason(error)}): run `etna drill {self.manifest.id}`.") from None
