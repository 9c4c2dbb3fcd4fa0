"""Does an environment serve what was pushed to it?"""

from typing import TYPE_CHECKING

from psycopg import sql

from etna_pipelines.environments import history
from etna_pipelines.errors import PushFailed
from etna_pipelines.snapshots.manifest import Manifest, Table

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

LOOKED_INTO = 20


def check_health(manifest: Manifest, target: "Environment", push_id: str) -> None:
    """Raise PushFailed unless the target, reached by its ordinary name, serves this push and answers with rows."""
    serving = history.serving(target.database)
    if serving is None or (serving.push, serving.snapshot) != (push_id, manifest.id):
        raise PushFailed(f"{target.database.label} does not serve the push {push_id} after its swap: push again.")
    tables = _largest(manifest)
    if not tables:
        return
    # In any of them: fix-ups may have emptied some.
    each = [sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(it.schema_name, it.name)) for it in tables]
    with target.database.connect() as connection:
        [(filled,)] = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(" OR ").join(each))).fetchall()
    if not filled:
        raise PushFailed(f"{target.database.label} has no rows after its swap: push again.")


def _largest(manifest: Manifest) -> list[Table]:
    rows = {file.table: file.rows for file in manifest.files if file.table and file.rows}
    filled = [table for table in manifest.schema_.tables if table.qualified in rows]
    return sorted(filled, key=lambda table: -(rows[table.qualified] or 0))[:LOOKED_INTO]
