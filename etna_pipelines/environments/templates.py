"""Templates: databases on the server of the test environments, which those are cloned from.

Each holds one stripped snapshot, restored and verified once. It gets its name when it is complete, so that what a
killed run left is never cloned; and from then on it takes no connections, so that it stays what was verified.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from etna_pipelines.environments import filling
from etna_pipelines.environments.naming import Purpose, is_name_for, name_for
from etna_pipelines.environments.preflight import Ground, check_space, ground_of, preflight
from etna_pipelines.environments.target import explained
from etna_pipelines.errors import EtnaError, PushRefused
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.handover import Connection, set_comment
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Progress, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import SUBSET, Manifest
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

KEPT = 2
"""How many templates there are: of the newest snapshots."""


@dataclass(frozen=True)
class Template:
    """A database to clone, and the role that owns it and all that is in it."""

    name: str
    owner: str


def make_template(
    manifest: Manifest,
    test: "Environment",
    *,
    store: Store,
    production: Database,
    scratch: Path,
    jobs: int = 2,
    progress: Progress = silent,
) -> Template | None:
    """The template of a stripped snapshot, made unless it is there; those of old snapshots are dropped. None where it
    would itself be one of the old.

    `test` stands for all test environments; its database is the beginning of their databases' names. Whoever comes
    while the template is being made waits for it. Raises PushRefused, PushFailed, SnapshotDamaged: there is none."""
    if manifest.kind != "stripped":
        raise PushRefused(f"The {manifest.kind} snapshot {manifest.id} gets no template: strip it first.")
    with explained(test):
        with test.database.maintenance.connect() as server:
            template = Template(_named("template", test, manifest), ground_of(server, test).owner)
            if _is_there(server, template):
                return template
            if _is_old(server, template, test):
                return None
        with exclusive(test.database, f"templates {test.database.name}", wait=True, progress=progress) as lock:
            server = lock.connection
            if _is_there(server, template):  # made by whom we waited for
                return template
            ground = preflight(server, manifest, test, production)
            filling.sweep(server, test.database.name, "new")
            check_space(server, manifest, test)
            new = test.database.named(_named("new", test, manifest))
            try:
                with workspace(scratch, f"template-{manifest.id}") as directory:
                    archive = fetch_archive(manifest, store, directory, progress)
                    role = _named("restorer", test, manifest)
                    _fill(archive, manifest, new, ground, role, jobs, progress)
                _publish(server, manifest, template, new)
                reached(FaultPoint.TEMPLATE_PUBLISHED)
            except BaseException:
                # By a session of its own: this one may be what failed. The next one sweeps what cannot be dropped now.
                with suppress(psycopg.Error, EtnaError), test.database.maintenance.connect() as connection:
                    filling.drop(connection, new.name)
                raise
            _drop_old(server, test)
        return template


def _named(purpose: Purpose, test: "Environment", manifest: Manifest) -> str:
    """A subset's id is one of its own, and says after it what it is a subset of."""
    return name_for(purpose, test.database.name, manifest.id.partition(SUBSET)[0])


def _is_there(connection: Connection, template: Template) -> bool:
    """Whether it is ours and complete, and not half dropped (then Postgres sets its connection limit to -2)."""
    found = connection.execute(
        "SELECT FROM pg_database WHERE datname = %s AND pg_get_userbyid(datdba) = %s AND NOT datallowconn"
        " AND datconnlimit <> -2",
        [template.name, template.owner],
    )
    return found.fetchone() is not None


def _is_old(connection: Connection, template: Template, test: "Environment") -> bool:
    return template.name not in sorted({*_templates(connection, test), template.name})[-KEPT:]


def _fill(
    archive: Path, manifest: Manifest, new: Database, ground: Ground, role: str, jobs: int, progress: Progress
) -> None:
    filling.create(new.name, ground, manifest)
    reached(FaultPoint.TEMPLATE_CREATED)
    with filling.restorer(new, ground, role) as restorer:
        restore(archive, manifest, restorer, jobs=jobs, progress=progress)
        verify(manifest, restorer)
        with restorer.connect() as connection:
            # Else the first readers of every clone would have to write, and where blocks are shared each takes space.
            connection.execute("VACUUM (FREEZE)")
    reached(FaultPoint.TEMPLATE_VERIFIED)


def _publish(server: Connection, manifest: Manifest, template: Template, new: Database) -> None:
    database = sql.Identifier(new.name)
    filling.drop(server, template.name)  # of another owner, or left half dropped
    with server.transaction():
        set_comment(server, new.name, f"The stripped snapshot {manifest.id}, to clone test environments from")
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database))
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(database, sql.Identifier(template.name)))


def _templates(connection: Connection, test: "Environment") -> list[str]:
    names = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
    return [name for name in names if is_name_for("template", test.database.name, name)]


def _drop_old(server: Connection, test: "Environment") -> None:
    """All but the newest. One that is being cloned is dropped another time."""
    server.execute("SET lock_timeout = '500ms'")
    for name in sorted(_templates(server, test))[:-KEPT]:
        with suppress(psycopg.errors.LockNotAvailable):
            filling.drop(server, name)
