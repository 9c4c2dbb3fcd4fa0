"""Does an environment serve what was pushed to it?"""

from typing import TYPE_CHECKING

from psycopg import sql

from etna_pipelines.environments import history
from etna_pipelines.errors import PushFailed
from etna_pipelines.snapshots.manifest import Manifest, Table

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


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
