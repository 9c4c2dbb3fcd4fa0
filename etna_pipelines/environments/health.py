"""Does an environment serve what was pushed to it?"""

import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from etna_pipelines.environments import history
from etna_pipelines.errors import DatabaseBusy, DatabaseUnreachable, PushFailed
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.snapshots.manifest import Manifest, Table

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

LOOKED_INTO = 20
TABLES = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN ('r', 'p')"""
PATIENCE = 30.0
"""Seconds for which a connection is tried for: applications come back all at once after a swap."""
PAUSE = 0.5


def check_health(manifest: Manifest, target: "Environment", push_id: str, *, patience: float = PATIENCE) -> None:
    """Raise PushFailed unless the target, reached by its ordinary name, serves this push and answers with rows. One
    whose connections are all in use after `patience` seconds serves those who use them.

    Raises DatabaseUnreachable or psycopg.OperationalError where it does not answer in that time."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _check(manifest, target, push_id)
            return
        except (DatabaseBusy, DatabaseUnreachable, psycopg.OperationalError) as error:
            if time.monotonic() >= deadline:
                if isinstance(error, DatabaseBusy):
                    return
                raise
        time.sleep(PAUSE)


def _check(manifest: Manifest, target: "Environment", push_id: str) -> None:
    serving = history.serving(target.database)
    if serving is None or (serving.push, serving.snapshot) != (push_id, manifest.id):
        raise PushFailed(f"{target.database.label} does not serve the push {push_id} after its swap: push again.")
    with target.database.connect() as connection:
        tables = _largest(manifest, connection)
        if not tables:
            return
        # In any of them: fix-ups may have emptied some.
        each = [sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(it.schema_name, it.name)) for it in tables]
        [(filled,)] = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(" OR ").join(each))).fetchall()
    if not filled:
        raise PushFailed(f"{target.database.label} has no rows after its swap: push again.")


def _largest(manifest: Manifest, connection: Connection) -> list[Table]:
    """Those that came with rows, and that no migration has renamed or dropped since."""
    rows = {file.table: file.rows for file in manifest.files if file.table and file.rows}
    there = set(connection.execute(TABLES))
    filled = [it for it in manifest.schema_.tables if it.qualified in rows and (it.schema_name, it.name) in there]
    return sorted(filled, key=lambda table: -(rows[table.qualified] or 0))[:LOOKED_INTO]
