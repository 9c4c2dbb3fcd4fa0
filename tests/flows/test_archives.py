"""A snapshot is a stock archive: the README's own command restores it, on a server that has seen nothing of ours."""

import re

import pytest
from psycopg import sql

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import installed
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import KINDS, Kind
from tests.flows.checkout import Checkout


@pytest.mark.parametrize("kind", KINDS)
def test_pg_restore_alone_restores_it(
    demo_checkout: Checkout, server: EmbeddedServer, database: Database, kind: Kind
) -> None:
    manifest = demo_checkout.catalogue.newest(kind)
    assert manifest is not None
    [written] = re.findall(r"^pg_restore .*$", (demo_checkout.root / "README.md").read_text(), re.MULTILINE)
    command = written.replace("etna_copy", database.name).replace("stripped/<id>", manifest.prefix)
    assert command.count(database.name) == command.count(manifest.prefix) == 1
    newest = str(installed()[0].directory)

    done = demo_checkout.run(
        "bash",
        "-c",
        f"export PATH={newest}:$PATH; {command}",
        PGHOST=database.host,
        PGPORT=str(database.port),
        PGUSER=database.user,
        PGPASSWORD=database.password or "",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _rows(database) == {table.qualified: table.rows for table in manifest.schema_.tables}


def _rows(database: Database) -> dict[str, int]:
    with database.connect() as connection:
        tables = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables").fetchall()
        counted = {}
        for schema, table in tables:
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
            [(counted[f"{schema}.{table}"],)] = connection.execute(count).fetchall()
    return counted
