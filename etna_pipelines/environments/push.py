"""A snapshot into an environment: restored beside the live database, verified, fixed up, swapped in, checked.

Whatever fails before the swap leaves the live database serving and nothing else behind; what fails the check after it
is swapped out again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from etna_pipelines.environments import filling, history
from etna_pipelines.environments.fixups import fix_up
from etna_pipelines.environments.history import Push, Serving
from etna_pipelines.environments.naming import Purpose, name_for, previous_name
from etna_pipelines.environments.preflight import check_space, preflight, refuse_production
from etna_pipelines.errors import EtnaError, ProgramError, PushFailed, PushRefused, PushUnrecorded, StoreError
from etna_pipelines.postgres.handover import comment_of
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.postgres.swap import SwapResult, swap, swap_back, undo_swap
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import Manifest, Table, new_id
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

__all__ = ["Push", "push", "rollback", "sweep"]


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
    """Make `target` serve a published snapshot. Production is only asked whether it is the target.

    Raises PushRefused, PushFailed, SwapFailed, SnapshotDamaged, LockHeld or a database's error: each time the target
    serves what it served before."""
    started, clock, push_id = datetime.now(UTC), time.monotonic(), new_id()
    live = target.database
    with _alone(target), _explained(target), workspace(scratch, f"push-{push_id}") as directory:
        ground = preflight(manifest, target, production)
        _sweep(target, "new")
        check_space(manifest, target)
        new = live.named(name_for("new", live.name, push_id))
        with filling.new_database(new, ground, manifest):
            with filling.restorer(new, ground, name_for("restorer", live.name, push_id)) as restorer:
                _fill(manifest, target, restorer, store, directory, jobs, progress)
            _mark(manifest, target, new, push_id)
            progress(Tick("swap"))
            swapped = _swap_in(manifest, target, new, push_id)
        _sweep_quietly(target)
    done = Push(
        id=push_id,
        environment=target.name,
        snapshot=manifest.id,
        kind=manifest.kind,
        rules=manifest.rules.digest if manifest.rules else None,
        started=started,
        seconds=time.monotonic() - clock,
        outage=swapped.outage,
        rows=manifest.rows,
        previous=previous_name(live.name) if ground.live else None,
    )
    _record(store, done)
    return done


def rollback(target: "Environment", *, store: Store | None = None) -> Push:
    """Exchange what `target` serves and what it served before; a second rollback takes the first one back.

    Raises PushRefused where nothing was kept, SwapFailed, or PushFailed: the target serves what it served before."""
    started, clock, push_id = datetime.now(UTC), time.monotonic(), new_id()
    live, previous = target.database, previous_name(target.database.name)
    with _alone(target), _explained(target):
        with live.maintenance.connect() as connection:
            refuse_production(connection, target)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [previous]).fetchone():
                raise PushRefused(f"{live.label} has no previous database to roll back to: push a snapshot instead.")
            held = history.serving_of(comment_of(connection, previous))
        if held and held.kind == "full" and target.snapshot != "full":
            raise PushRefused(
                f"The previous database of {target.name} holds a full snapshot, and it may only hold stripped ones: "
                "push a stripped snapshot."
            )
        swapped = swap_back(live, previous)
        try:
            live.connect().close()
        except EtnaError as error:
            swap_back(live, previous)
            raise PushFailed(
                f"The previous database of {target.name} is not usable and was put back: {error}"
            ) from None
        serving = history.serving(live)
    done = Push(
        id=push_id,
        action="rollback",
        environment=target.name,
        snapshot=serving.snapshot if serving else None,
        kind=serving.kind if serving else None,
        rules=serving.rules if serving else None,
        started=started,
        seconds=time.monotonic() - clock,
        outage=swapped.outage,
        rows=0,
        previous=previous,
    )
    if store:
        _record(store, done)
    return done


def _record(store: Store, done: Push) -> None:
    """Keep what was done. It is done in any case: to do it again would throw away what a rollback needs."""
    try:
        history.record(store, done)
    except StoreError as error:
        raise PushUnrecorded(
            f"{done.environment} serves {done.snapshot or 'what it served before'} already and only the record of it "
            f"is missing, so nothing is redeployed: {error}"
        ) from None


def sweep(target: "Environment") -> None:
    """Drop what killed pushes to `target` left. Raises LockHeld while one is at work."""
    with _alone(target), _explained(target):
        _sweep(target, "new")


def _fill(
    manifest: Manifest,
    target: "Environment",
    restorer: Database,
    store: Store,
    directory: Path,
    jobs: int,
    progress: Progress,
) -> None:
    archive = fetch_archive(manifest, store, directory, progress)
    restore(archive, manifest, restorer, jobs=jobs, progress=progress)
    verify(manifest, restorer)
    fix_up(restorer, target.hosts)


def _mark(manifest: Manifest, target: "Environment", new: Database, push_id: str) -> None:
    content = Serving(
        push=push_id,
        snapshot=manifest.id,
        kind=manifest.kind,
        rules=manifest.rules.digest if manifest.rules else None,
        pushed=datetime.now(UTC),
    )
    with new.maintenance.connect() as connection:
        history.mark(connection, new.name, content, like=comment_of(connection, target.database.name))


def _swap_in(manifest: Manifest, target: "Environment", new: Database, push_id: str) -> SwapResult:
    """Swap, and swap back unless what serves then is healthy."""
    live = target.database
    previous, retired = previous_name(live.name), name_for("retired", live.name, push_id)
    swapped = swap(live, new.name, previous, retired_name=retired)
    try:
        check_health(manifest, target, push_id)
    except BaseException:
        _swap_out(target, new, previous, retired)
        raise
    return swapped


def _swap_out(target: "Environment", new: Database, previous: str, retired: str) -> None:
    try:
        undo_swap(target.database, new.name, previous, retired_name=retired)
    except (EtnaError, psycopg.Error):
        raise PushFailed(
            f"{target.database.label} serves the new snapshot, which failed its check, and could not be swapped back: "
            f"run `etna rollback {target.name}`."
        ) from None


def check_health(manifest: Manifest, target: "Environment", push_id: str) -> None:
    """Raise PushFailed unless the target, reached by its ordinary name, serves this push and its rows."""
    serving = history.serving(target.database)
    if serving is None or (serving.push, serving.snapshot) != (push_id, manifest.id):
        raise PushFailed(f"{target.database.label} does not serve the push {push_id} after its swap: push again.")
    if (table := _smallest(manifest)) is None:
        return
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table.schema_name, table.name))
    with target.database.connect() as connection:
        [(rows,)] = connection.execute(count).fetchall()
    if not rows:
        raise PushFailed(f"{target.database.label} has no row in {table.qualified} after its swap: push again.")


def _smallest(manifest: Manifest) -> Table | None:
    """The table with the fewest rows that has any."""
    rows = {file.table: file.rows for file in manifest.files if file.table and file.rows}
    filled = [table for table in manifest.schema_.tables if table.qualified in rows]
    return min(filled, key=lambda table: rows[table.qualified] or 0, default=None)


@contextmanager
def _alone(target: "Environment") -> Iterator[None]:
    with exclusive(target.database, f"push {target.database.name}"):
        yield


@contextmanager
def _explained(target: "Environment") -> Iterator[None]:
    """Programs and servers say what failed; people want to know what it means for their environment."""
    try:
        yield
    except ProgramError as error:
        raise PushFailed(f"{target.name} serves what it served before: {error}") from None
    except psycopg.Error as error:
        raise PushFailed(f"{target.name} serves what it served before ({reason(error)}): try again.") from None


def _sweep(target: "Environment", purpose: Purpose) -> None:
    with target.database.maintenance.connect() as connection:
        filling.sweep(connection, target.database.name, purpose)


def _sweep_quietly(target: "Environment") -> None:
    """The push is done: what cannot be dropped now is dropped by the next one."""
    with suppress(psycopg.Error, EtnaError):
        _sweep(target, "retired")
