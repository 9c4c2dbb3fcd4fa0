"""A snapshot into an environment, in steps: begin, fill, check, fix up, swap in.

Each step takes the target's lock, and one that fails drops the new database: the live one goes on serving and nothing
else is left. A step that is run again, after a failure or a kill, does by itself what is missing before it. What fails
the check after the swap is swapped out again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pydantic import BaseModel, ConfigDict

from etna_pipelines.environments import filling, history, stages
from etna_pipelines.environments.awake import await_awake
from etna_pipelines.environments.fixups import fix_up
from etna_pipelines.environments.guard import refuse_production, refuse_snapshot
from etna_pipelines.environments.health import check_health
from etna_pipelines.environments.history import Push, Serving
from etna_pipelines.environments.naming import name_for, previous_name
from etna_pipelines.environments.preflight import Ground, check_space, ground_of, preflight
from etna_pipelines.environments.stages import Stage
from etna_pipelines.environments.target import alone, exists, explained, recording
from etna_pipelines.environments.templates import Template
from etna_pipelines.errors import EnvironmentGone, EtnaError, PushFailed, PushRefused
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.clone import clone
from etna_pipelines.postgres.handover import Connection, comment_of
from etna_pipelines.postgres.locks import Lock, exclusive
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.space import refuse_restore
from etna_pipelines.postgres.swap import SwapResult, swap, undo_swap
from etna_pipelines.postgres.verify import verify_clone
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import Kind, Manifest
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


KEPT_FRESH = timedelta(minutes=10)
"""How long after the fix-ups rows that are kept may still be swapped in; later they are taken over anew."""


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
    version: str | None = None
    """The version of the application that it is for; None for whichever is there."""


def always() -> bool:
    """For environments that stay."""
    return True


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
    records: Store | None = None
    """Where what was done is recorded; None for beside the snapshots."""
    still_wanted: Callable[[], bool] = always
    """Asked when the push begins and right before its swap."""
    home: Path = Path(".etna")
    """Where passwords that are made up and logs of commands are kept."""
    version: Callable[[], str | None] = lambda: None
    """Finds out which version of the application will run: asked once, so that what migrates is what serves."""

    def begin(self, template: Template | None = None) -> Begun:
        """Find every reason not to, and the version that it is for; sweep what killed pushes left. Waits for a server
        that is switched off. With a template of the snapshot the new database is its clone, where that belongs to who
        has to own it.

        Raises PushRefused, EnvironmentGone, TargetAsleep, LockHeld."""
        await_awake(self.target, self.progress)
        with alone(self.target) as lock, explained(self.target):
            server = lock.connection
            self._refuse_unwanted()
            ground = preflight(server, self.manifest, self.target, self.production)
            filling.sweep(server, self.target.database.name, "new")
            cloned = template.name if template and template.owner == ground.owner else None
            check_space(server, self.manifest, self.target, cloned)
            serving = self._serving(server)
            if not cloned:
                refuse_restore(self.manifest, self.scratch)
        reached(FaultPoint.PUSH_BEGUN)
        return Begun(
            id=history.next_id(self._records, self.target.name, *([serving.push] if serving else [])),
            environment=self.target.name,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            started=datetime.now(UTC),
            template=cloned,
            version=self.version(),
        )

    def fill(self, begun: Begun) -> None:
        """Restore the archive, or clone its template, into a new database that nobody else may connect to."""
        with self._step(begun) as (ground, _):
            self._bring_to("filled", begun, ground)

    def check(self, begun: Begun) -> None:
        """Raise PushFailed unless the new database is what the manifest says: tables, rows, keys, indexes."""
        with self._step(begun) as (ground, _):
            self._bring_to("checked", begun, ground)

    def fix_up(self, begun: Begun) -> None:
        """Make it the target's own: host names and all that its `fix_ups` ask for. Raises FixUpFailed."""
        with self._step(begun) as (ground, _):
            self._bring_to("fixed up", begun, ground)

    def swap_in(self, begun: Begun) -> Push:
        """Exchange it for the live one, see that it serves, and record the push. Once more does nothing."""
        if known := history.find(self._records, self.target.name, begun.id):
            return known.push
        with self._step(begun) as (ground, lock):
            outage = 0.0
            if not self._serves(begun, ground.server):
                self._forget_old(begun, ground)
                self._bring_to("fixed up", begun, ground)
                outage = self._swap(begun, lock).outage
            self._see_healthy(begun)
            reached(FaultPoint.PUSH_HEALTHY)
            self._sweep_quietly(ground.server)
        return self._record(begun, outage)

    def _record(self, begun: Begun, outage: float) -> Push:
        """It is done: what fails from here on costs the record alone."""
        previous = previous_name(self.target.database.name)
        with recording(self.target.name, self.manifest.id):
            done = Push(
                id=begun.id,
                environment=self.target.name,
                snapshot=self.manifest.id,
                kind=self.manifest.kind,
                rules=self._rules,
                started=begun.started,
                seconds=(datetime.now(UTC) - begun.started).total_seconds(),
                outage=outage,
                rows=self.manifest.rows,
                previous=previous if exists(self.target.database.named(previous)) else None,
                version=begun.version,
            )
            history.record(self._records, done)
        reached(FaultPoint.PUSH_RECORDED)
        return done

    @property
    def _records(self) -> Store:
        return self.records or self.store

    @property
    def _rules(self) -> str | None:
        return self.manifest.rules.digest if self.manifest.rules else None

    def _new(self, begun: Begun) -> Database:
        live = self.target.database
        return live.named(name_for("new", live.name, begun.id))

    @contextmanager
    def _step(self, begun: Begun) -> Iterator[tuple[Ground, Lock]]:
        """The lock, and the new database dropped if anything fails."""
        with alone(self.target) as lock, explained(self.target):
            try:
                self._refuse_overtaken(begun, lock.connection)
                refuse_snapshot(self.manifest.kind, self.manifest.id, self.target)
                yield ground_of(lock.connection, self.target), lock
            except BaseException:
                # By a session of its own: the step's may be what failed. The next push sweeps what cannot be dropped.
                with suppress(psycopg.Error, EtnaError), self.target.database.maintenance.connect() as connection:
                    filling.drop(connection, self._new(begun).name)
                raise

    def _refuse_unwanted(self) -> None:
        if not self.still_wanted():
            raise EnvironmentGone(f"{self.target.name} is not wanted any more: nothing is pushed to it.")

    def _refuse_overtaken(self, begun: Begun, server: Connection) -> None:
        """A push that is resumed late would replace what a newer one brought, or a rollback brought back."""
        serving = self._serving(server)
        if serving and serving.push > begun.id:
            raise PushRefused(
                f"{self.target.name} serves the push {serving.push}, which is newer than {begun.id}: begin a new push."
            )
        if serving and serving.push == begun.id:
            return
        last = history.last(self._records, self.target.name)
        if last and last.push.id > begun.id:
            raise PushRefused(
                f"{self.target.name} had a {last.push.action} since the push {begun.id} began: begin a new push."
            )

    def _bring_to(self, wanted: Stage, begun: Begun, ground: Ground) -> None:
        """Do what is missing up to a stage: a step that failed dropped the database, one that was killed left it where
        the step before had brought it."""
        work = {"filled": self._fill, "checked": self._check, "fixed up": self._fix_up}
        if self._serves(begun, ground.server):
            return  # it was swapped in, and all of that done: its database has another name now
        new = self._new(begun).name
        for stage in stages.missing(ground.server, new, wanted):
            work[stage](begun, ground)
            stages.reach(ground.server, new, stage)

    def _forget_old(self, begun: Begun, ground: Ground) -> None:
        """What was taken over from the live database, long ago, would lose what was written there since."""
        new = self._new(begun).name
        since = stages.fixed_up_at(ground.server, new) if self.target.fix_ups.keep else None
        if since and since < datetime.now(UTC) - KEPT_FRESH:
            stages.reach(ground.server, new, None)

    @contextmanager
    def _as_restorer(self, begun: Begun, ground: Ground) -> Iterator[Database]:
        live = self.target.database
        with filling.restorer(self._new(begun), ground, name_for("restorer", live.name, begun.id)) as restorer:
            yield restorer

    def _template(self, begun: Begun, server: Connection) -> Database | None:
        """What the new database is cloned from; None where it is restored, also because newer templates drove that one
        out before a push was resumed."""
        there = server.execute("SELECT FROM pg_database WHERE datname = %s", [begun.template])
        return self.target.database.named(begun.template) if begun.template and there.rowcount else None

    def _fill(self, begun: Begun, ground: Ground) -> None:
        new = self._new(begun)
        filling.drop(ground.server, new.name)  # half full, where a killed step left it
        if template := self._template(begun, ground.server):
            self.progress(Tick("clone"))
            clone(template, new.name, owner=ground.owner)
            reached(FaultPoint.PUSH_CLONED)
            return
        with exclusive(new, "room", wait=True):  # others on this server may have begun to fill it since
            check_space(ground.server, self.manifest, self.target)
            filling.create(new.name, ground, self.manifest)
        reached(FaultPoint.PUSH_CREATED)
        with (
            workspace(self.scratch, f"push-{begun.id}") as directory,
            self._as_restorer(begun, ground) as restorer,
        ):
            archive = fetch_archive(self.manifest, self.store, directory, self.progress)
            reached(FaultPoint.PUSH_FETCHED)
            restore(archive, self.manifest, restorer, jobs=self.jobs, progress=self.progress)
            reached(FaultPoint.PUSH_RESTORED)

    def _check(self, begun: Begun, ground: Ground) -> None:
        with self._as_restorer(begun, ground) as restorer:
            if self._template(begun, ground.server):
                verify_clone(self.manifest, restorer)
            else:
                verify(self.manifest, restorer, self.progress)
        reached(FaultPoint.PUSH_VERIFIED)

    def _fix_up(self, begun: Begun, ground: Ground) -> None:
        # Killed in here, it is filled anew: fix-ups are made once.
        stages.reach(ground.server, self._new(begun).name, None)
        with self._as_restorer(begun, ground) as restorer:
            fix_up(
                restorer,
                self.target,
                push=begun.id,
                kind=begun.kind,
                live=restorer.named(self.target.database.name) if ground.live else None,
                home=self.home,
                version=begun.version,
            )
        reached(FaultPoint.PUSH_FIXED_UP)

    def _serving(self, server: Connection) -> Serving | None:
        return history.serving_of(comment_of(server, self.target.database.name))

    def _serves(self, begun: Begun, server: Connection) -> bool:
        """Whether this push was swapped in before, by a step that was killed after it."""
        serving = self._serving(server)
        return serving is not None and serving.push == begun.id

    def _swap(self, begun: Begun, lock: Lock) -> SwapResult:
        """Swap, having asked once more what may have changed since the push began."""
        self.progress(Tick("swap"))
        self._refuse_unwanted()
        refuse_production(lock.connection, self.target, self.production, self.manifest.source)
        self._mark(begun, lock.connection)
        reached(FaultPoint.SWAP_MARKED)
        new, previous, retired = self._names(begun)
        lock.see_held()
        return swap(self.target.database, new, previous, retired_name=retired)

    def _mark(self, begun: Begun, server: Connection) -> None:
        content = Serving(
            push=begun.id,
            snapshot=self.manifest.id,
            kind=self.manifest.kind,
            rules=self._rules,
            pushed=datetime.now(UTC),
            environment=self.target.name,
        )
        history.mark(server, self._new(begun).name, content, like=comment_of(server, self.target.database.name))

    def _see_healthy(self, begun: Begun) -> None:
        """Swap back unless what serves now is healthy."""
        try:
            check_health(self.manifest, self.target, begun.id)
        except BaseException:
            self._swap_out(begun)
            raise

    def _swap_out(self, begun: Begun) -> None:
        new, previous, retired = self._names(begun)
        try:
            undo_swap(self.target.database, new, previous, retired_name=retired)
        except (EtnaError, psycopg.Error):
            raise PushFailed(
                f"{self.target.database.label} serves the new snapshot, which failed its check, and could not be "
                f"swapped back: run `etna rollback {self.target.name}`."
            ) from None

    def _names(self, begun: Begun) -> tuple[str, str, str]:
        """Of the new database, of the one that is kept, and of the one that was kept until now."""
        live = self.target.database.name
        return name_for("new", live, begun.id), previous_name(live), name_for("retired", live, begun.id)

    def _sweep_quietly(self, server: Connection) -> None:
        """The push is done: what cannot be dropped now is dropped by the next one."""
        with suppress(psycopg.Error):
            filling.sweep(server, self.target.database.name, "retired")
