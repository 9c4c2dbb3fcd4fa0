"""A snapshot restored, looked through and dropped: nothing of it stays, however it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from etna_pipelines.environments import drill as drill_module
from etna_pipelines.environments.drill import Drilled, Drilling
from etna_pipelines.environments.naming import name_for
from etna_pipelines.errors import DrillFailed, PushRefused
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest, new_id
from tests.environments.conftest import OWNER, Published

NEW, RESTORER = "etna_drill_new_%", "etna_drill_restorer_%"


def drilling(published: Published, scratch: Path, **changes: Any) -> Drilling:
    target = Environment("drill", published.production.named("etna_drill"), "full", owner=OWNER)
    working = {"manifest": published.full, "target": target, "store": published.store, "production": None}
    return Drilling(**{**working, "scratch": scratch, **changes})


def left(server: Database) -> list[str]:
    """Databases and roles of drills."""
    with server.maintenance.connect() as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s"
            " UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE %s",
            ["etna_drill%", RESTORER],
        )
        return [name for (name,) in found]


def of_rows(manifest: Manifest, table: str, rows: int) -> Manifest:
    files = [file.model_copy(update={"rows": rows}) if file.table == table else file for file in manifest.files]
    return manifest.model_copy(update={"files": files})


@pytest.mark.parametrize("name", ["published", "published15"])
def test_what_was_seen_is_told_and_nothing_stays(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    published: Published = request.getfixturevalue(name)

    done = drilling(published, tmp_path).drill()

    assert done == Drilled(published.full.id, done.seconds, 3, 504, 4)
    assert done.says.endswith(
        "3 tables with 504 rows as its manifest says, all keys valid; 4 indexes fit their tables."
    )
    assert left(published.production) == []
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_that_is_not_what_it_says_fails_and_goes(published: Published, tmp_path: Path) -> None:
    wrong = of_rows(published.full, "public.page", 501)
    with pytest.raises(DrillFailed, match=rf"{wrong.id} failed its restore drill: .*page has 500 rows, 501 expected$"):
        drilling(published, tmp_path, manifest=wrong).drill()
    assert left(published.production) == []


def test_what_the_indexes_are_found_to_be_counts(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked through in the restored database itself."""
    seen: list[str] = []

    def look(database: Database, progress: object) -> None:
        with database.connect() as connection:
            connection.execute("SELECT FROM page LIMIT 1")
        seen.append(database.name)

    monkeypatch.setattr(drill_module, "check_indexes", look)
    assert drilling(published, tmp_path).drill().says.endswith("all keys valid; amcheck could not be used.")
    assert seen[0].startswith("etna_drill_new_")


def test_what_a_killed_drill_left_is_dropped_by_the_next_one(published: Published, tmp_path: Path) -> None:
    id_ = new_id()
    with published.production.maintenance.connect() as connection:
        for statement, purpose in (("CREATE DATABASE {}", "new"), ("CREATE ROLE {}", "restorer")):
            name = name_for("new" if purpose == "new" else "restorer", "etna_drill", id_)
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    assert len(left(published.production)) == 2

    drilling(published, tmp_path).drill()

    assert left(published.production) == []


def test_it_is_never_done_on_productions_own_server(published: Published, tmp_path: Path) -> None:
    itself = published.production
    elsewhere = Database("no-such-host.invalid", 5432, "etna", "etna_production", "pw")
    for production in (itself, elsewhere):  # by its address, and by what the snapshot says of its source
        with pytest.raises(PushRefused, match="is production's own server: correct the database of drill"):
            drilling(published, tmp_path, production=production).drill()
    assert left(published.production) == []


@pytest.fixture
def ordinary(published: Published) -> Iterator[Database]:
    """A role as one that pushes has it."""
    with published.production.connect() as connection:
        connection.execute("CREATE ROLE drills LOGIN CREATEDB PASSWORD 'pw' IN ROLE pg_signal_backend")
    server = published.production
    yield Database(server.host, server.port, "drills", "etna_drill", "pw")
    with published.production.connect() as connection:
        connection.execute("DROP ROLE drills")


def test_it_takes_no_superuser(published: Published, tmp_path: Path, ordinary: Database) -> None:
    done = drilling(published, tmp_path, target=Environment("drill", ordinary, "full", makes_owner=True)).drill()
    assert (done.rows, done.indexes) == (504, None)
    assert left(published.production) == []
