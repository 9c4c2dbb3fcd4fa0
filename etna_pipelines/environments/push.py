"""A snapshot into an environment, in steps: begin, fill, check, fix up, swap in.

Each step takes the target's lock, and one that fails drops the new database: the live one goes on serving and nothing
else is left. A step that is run again after a failure fills a new database by itself. What fails the check after the
swap is swapped out again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pydantic import BaseModel, ConfigDict

from etna_pipelines.environments import filling, history
from etna_pipelines.environments.fixups import fix_up
from etna_pipelines.environments.health import check_health
from etna_pipelines.environments.history import Push, Serving
from etna_pipelines.environments.naming import name_for, previous_name
from etna_pipelines.environments.preflight import Ground, check_space, ground_of, preflight
from etna_pipelines.environments.target import alone, exists, explained, record_done, sweep
from etna_pipelines.environments.templates import Template
from etna_pipelines.errors import EtnaError, PushFailed
from etna_pipelines.postgres.clone import clone
from etna_pipelines.postgres.handover import comment_of
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.swap import SwapResult, swap, undo_swap
from etna_pipelines.postgres.verify import verify_clone
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import Kind, Manifest, new_id
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


class Begun(BaseModel):
    """A push under way, as it is handed from step to step."""

    model_config = ConfigDict(frozen=True)

    id: str
    environment: str
    snapshot: str
    kind: Kind
    started: datetime
    template: str | None = None
    """The database that the new one is cloned from; None where it is restored."""


@dataclass(frozen=True)
class Pushing:
    """What the steps of one push work with."""

    manifest: Manifest
    target: "Environment"
    store: Store
    production: Database
    """Only asked whether it is the target."""
    scratch: Path
    jobs: int = 2
    progress: Progress = silent

    def begin(self, template: Template | None = None) -> Begun:
        """Find every reason not to, and sweep what killed pushes left. Raises PushRefused, TargetAsleep, LockHeld.

        With a template of the snapshot the new database is its clone, where that belongs to who has to own it."""
        with alone(self.target), explained(self.target):
            ground = preflight(self.manifest, self.target, self.production)
            sweep(self.target, "new")
            check_space(self.manifest, self.target)
        return Begun(
            id=new_id(),
            environment=self.target.name,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            started=datetime.now(UTC),
            template=template.name if template and template.owner == ground.owner else None,
        )

    def fill(self, begun: Begun) -> None:
        """Restore the archive, or clone its template, into a new database that nobody else may connect to."""
        with self._step(begun) as ground:
            self._fill(begun, ground)

    def check(self, begun: Begun) -> None:
        """Raise PushFailed unless the new database is what the manifest says: tables, rows, keys, indexes."""
        with self._step(begun) as ground:
            self._ensure_filled(begun, ground)
            self._check(begun, ground)

    def fix_up(self, begun: Begun) -> None:
        """Make it the target's own: host names and all that its `fix_ups` ask for. Raises FixUpFailed."""
        with self._step(begun) as ground:
            if self._ensure_filled(begun, ground):
                self._check(begun, ground)
            self._fix_up(begun, ground)

    def swap_in(self, begun: Begun) -> Push:
        """Exchange it for the live one, see that it serves, and record the push. Once more does nothing."""
        live = self.target.database
        with self._step(begun) as ground:
            outage = 0.0
            if not self._serves(begun):
                if self._ensure_filled(begun, ground):
                    self._check(begun, ground)
                    self._fix_up(begun, ground)
                self.progress(Tick("swap"))
                self._mark(begun)
                outage = self._swap_in(begun).outage
            _sweep_quietly(self.target)
        done = Push(
            id=begun.id,
            environment=self.target.name,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            rules=self.manifest.rules.digest if self.manifest.rules else None,
            started=begun.started,
            seconds=(datetime.now(UTC) - begun.started).total_seconds(),
            outage=outage,
            rows=self.manifest.rows,
            previous=previous_name(live.name) if ground.live else None,
        )
        record_done(self.store, done)
        return done

    def _new(self, begun: Begun) -> Database:
        live = self.target.database
        return live.named(name_for("new", live.name, begun.id))

    @contextmanager
    def _step(self, begun: Begun) -> Iterator[Ground]:
        """The lock, and the new database dropped if anything fails."""
        with alone(self.target), explained(self.target):
            try:
                yield ground_of(self.target)
            except BaseException:
                # The next push sweeps what cannot be dropped now.
                with suppress(psycopg.Error, EtnaError), self.target.database.maintenance.connect() as connection:
                    filling.drop(connection, self._new(begun).name)
                raise

    @contextmanager
    def _as_restorer(self, begun: Begun, ground: Ground) -> Iterator[Database]:
        live = self.target.database
        with filling.restorer(self._new(begun), ground, name_for("restorer", live.name, begun.id)) as restorer:
            yield restorer

    def _ensure_filled(self, begun: Begun, ground: Ground) -> bool:
        """Whether the new database had to be filled anew: a failed step before this one dropped it."""
        new = self._new(begun)
        if exists(new):
            return False
        self._fill(begun, ground)
        return True

    def _fill(self, begun: Begun, ground: Ground) -> None:
        new = self._new(begun)
        with new.maintenance.connect() as connection:
            filling.drop(connection, new.name)  # half full, where a killed step left it
        if begun.template:
            self.progress(Tick("clone"))
            clone(new.named(begun.template), new.name, owner=ground.owner)
            return
        with new.maintenance.connect() as connection:
            filling.create(connection, new.name, ground, self.manifest)
        with (
            workspace(self.scratch, f"push-{begun.id}") as directory,
            self._as_restorer(begun, ground) as restorer,
        ):
            archive = fetch_archive(self.manifest, self.store, directory, self.progress)
            restore(archive, self.manifest, restorer, jobs=self.jobs, progress=self.progress)

    def _check(self, begun: Begun, ground: Ground) -> None:
        with self._as_restorer(begun, ground) as restorer:
            if begun.template:
                verify_clone(self.manifest, restorer)
            else:
                verify(self.manifest, restorer)

    def _fix_up(self, begun: Begun, ground: Ground) -> None:
        with self._as_restorer(begun, ground) as restorer:
            fix_up(restorer, self.target.hosts)

    def _mark(self, begun: Begun) -> None:
        new = self._new(begun)
        content = Serving(
            push=begun.id,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            rules=self.manifest.rules.digest if self.manifest.rules else None,
            pushed=datetime.now(UTC),
        )
        with new.maintenance.connect() as connection:
            history.mark(connection, new.name, content, like=comment_of(connection, self.target.database.name))

    def _serves(self, begun: Begun) -> bool:
        """Whether this push was swapped in before, by a step that was killed after it."""
        serving = history.serving(self.target.database)
        return serving is not None and serving.push == begun.id

    def _swap_in(self, begun: Begun) -> SwapResult:
        """Swap, and swap back unless what serves then is healthy."""
        live, new = self.target.database, self._new(begun)
        previous, retired = previous_name(live.name), name_for("retired", live.name, begun.id)
        swapped = swap(live, new.name, previous, retired_name=retired)
        try:
            check_health(self.manifest, self.target, begun.id)
        except BaseException:
            self._swap_out(new, previous, retired)
            raise
        return swapped

    def _swap_out(self, new: Database, previous: str, retired: str) -> None:
        try:
            undo_swap(self.target.database, new.name, previous, retired_name=retired)
        except (EtnaError, psycopg.Error):
            raise PushFailed(
                f"{self.target.database.label} serves the new snapshot, which failed its check, and could not be "
                f"swapped back: run `etna rollback {self.target.name}`."
            ) from None


def push(
    manifest: Manifest,
    target: "Environment",
    *,
    store: Store,
    production: Database,
    scratch: Path,
    jobs: int = 2,
    progress: Progress = silent,
) -> Push:
    """Make `target` serve a published snapshot: every step of it.

    Raises PushRefused, PushFailed, SwapFailed, SnapshotDamaged, LockHeld or a database's error: each time the target
    serves what it served before."""
    pushing = Pushing(manifest, target, store, production, scratch, jobs, progress)
    begun = pushing.begin()
    pushing.fill(begun)
    pushing.check(begun)
    pushing.fix_up(begun)
    return pushing.swap_in(begun)


def _sweep_quietly(target: "Environment") -> None:
    """The push is done: what cannot be dropped now is dropped by the next one."""
    with suppress(psycopg.Error, EtnaError):
        sweep(target, "retired")
