"""Migrations by psql, on a small production's full snapshot beside staging."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from etna_pipelines.environments.naming import name_for
from etna_pipelines.errors import LockHeld, PushRefused, ReleaseFailed
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.programs import find
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick
from etna_pipelines.releases.rehearsal import page, read_rehearsals, refuse_failed
from etna_pipelines.releases.rehearsing import Rehearsing
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import new_id
from tests.environments.conftest import OWNER, Published, databases, titles

SECRET = "planted.person@example.net"


@pytest.fixture
def rehearsing(published: Published, staging: Environment, tmp_path: Path) -> Callable[[str], Rehearsing]:
    def rehearsing(migrations: str) -> Rehearsing:
        script = tmp_path / "migrations.sql"
        script.write_text(f"\\set ON_ERROR_STOP 1\n\\set VERBOSITY verbose\n{migrations}")
        command = ["sh", "-c", f'exec "{find("psql", 15)}" -Xq -f "{script}" "$ETNA_DATABASE_URL"', "{version}"]
        return Rehearsing(published.full, staging, "26.08.21.2215", command, published.store, tmp_path)

    return rehearsing


def tables(database: Database) -> list[tuple[str, str]]:
    with database.connect() as connection:
        return connection.execute("SELECT hostname, port::text FROM wagtailcore_site ORDER BY id").fetchall()


def test_what_a_release_does_to_the_tables(
    rehearsing: Callable[[str], Rehearsing], staging: Environment, published: Published
) -> None:
    before, ordinary = tables(published.production), as_ordinary_role(staging)
    migrating = rehearsing(f"""
        BEGIN;
        LOCK TABLE wagtailcore_site IN ACCESS EXCLUSIVE MODE;
        SELECT pg_sleep(0.6);
        UPDATE wagtailcore_site SET hostname = '{SECRET}' || id;
        COMMIT;
        CREATE INDEX page_title ON page (title);
        ALTER TABLE django_site ALTER COLUMN id TYPE bigint;
        CREATE TABLE page_tag (id int);
        CREATE TABLE django_migrations (app text, name text, applied timestamptz);
        INSERT INTO django_migrations VALUES ('pages', '0001_initial', clock_timestamp());
        SELECT pg_sleep(0.2);
        INSERT INTO django_migrations VALUES ('pages', '0002_tags', clock_timestamp());
    """)
    found = replace(migrating, target=ordinary).rehearse()
    refuse_failed(found)
    changed = {change.table.removeprefix("public."): change for change in found.tables}
    assert next(iter(changed)) == "wagtailcore_site"

    site = changed["wagtailcore_site"]
    assert (site.lock, site.blocks, site.updated, site.what) == ("ACCESS EXCLUSIVE", "reads and writes", 3, "")
    assert 0.4 < site.held < 5
    assert found.blocked == site.held < found.seconds
    assert changed["page"].indexes_made == ["page_title"]
    assert changed["page"].bytes_after > changed["page"].bytes_before
    assert changed["django_site"].what == "altered, rewritten"
    assert (changed["page_tag"].what, changed["django_migrations"].inserted) == ("made", 2)
    assert [(each.app, each.name) for each in found.migrations] == [("pages", "0001_initial"), ("pages", "0002_tags")]
    assert 0.2 < found.migrations[1].seconds < 5
    assert ("SELECT", True) in [(each.what, each.longest > 0.4) for each in found.statements]
    assert found.looks > 5

    assert read_rehearsals(published.store)[0] == found
    assert SECRET not in found.model_dump_json() + page(found)
    assert "| public.wagtailcore_site |  | ACCESS EXCLUSIVE | reads and writes |" in page(found)

    assert tables(published.production) == before
    assert titles(staging.database) == ["By hand"]
    assert databases(staging.database) == [staging.database.name]
    assert roles(staging.database) == []


def test_a_migration_that_fails_midway_is_a_finding(
    rehearsing: Callable[[str], Rehearsing], staging: Environment, tmp_path: Path
) -> None:
    found = rehearsing(f"""
        ALTER TABLE page ADD COLUMN kept int;
        BEGIN;
        TRUNCATE page;
        INSERT INTO wagtailcore_site VALUES (1, '{SECRET}', 1);
    """).rehearse()
    assert (found.failure, found.sqlstate) == ("exit code 3", "23505")
    assert [change.what for change in found.tables if change.table == "public.page"] == ["altered"]
    with pytest.raises(
        ReleaseFailed, match=r"26\.08\.21\.2215 fail on the full .*exit code 3, SQLSTATE 23505"
    ) as error:
        refuse_failed(found)
    assert SECRET not in str(error.value) + found.model_dump_json()
    assert "duplicate key value" in Path(found.log).read_text()
    assert Path(found.log).stat().st_mode & 0o077 == 0
    assert databases(staging.database) == [staging.database.name]
    assert titles(staging.database) == ["By hand"]


def test_one_that_is_interrupted_leaves_nothing(rehearsing: Callable[[str], Rehearsing], staging: Environment) -> None:
    def interrupt(tick: Tick) -> None:
        if tick.stage == "migrate":
            assert len(databases(staging.database)) == 2
            assert len(roles(staging.database)) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(rehearsing(""), progress=interrupt).rehearse()
    assert databases(staging.database) == [staging.database.name]
    assert roles(staging.database) == []


def test_a_killed_rehearsal_is_swept_and_one_under_way_is_left_alone(
    rehearsing: Callable[[str], Rehearsing], staging: Environment
) -> None:
    left, role = (name_for(purpose, staging.database.name, new_id()) for purpose in ("rehearsal", "rehearser"))
    with staging.database.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{left}"')
        connection.execute(f'CREATE ROLE "{role}"')
    with exclusive(staging.database, f"rehearse {staging.database.name}"), pytest.raises(LockHeld):
        rehearsing("").rehearse()
    assert left in databases(staging.database)
    with pytest.raises(ReleaseFailed, match=r"/nowhere cannot be started \(No such file or directory\)"):
        replace(rehearsing(""), migrate=["/nowhere"]).rehearse()
    assert databases(staging.database) == [staging.database.name]
    assert roles(staging.database) == []


def test_real_peoples_data_goes_only_where_that_is_declared(
    rehearsing: Callable[[str], Rehearsing], staging: Environment, published: Published
) -> None:
    with pytest.raises(PushRefused, match="may only hold stripped ones"):
        replace(rehearsing(""), target=replace(staging, snapshot="stripped")).rehearse()
    with pytest.raises(PushRefused, match="is production itself"):
        replace(rehearsing(""), target=replace(staging, database=published.production)).rehearse()


def as_ordinary_role(staging: Environment) -> Environment:
    """Reached by a role that may create databases and is a member of the owner: no superuser."""
    database, name = staging.database, f"rehearses_{staging.database.name}"
    with database.maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD 'secret of the test'")
        connection.execute(f"GRANT {OWNER}, pg_signal_backend TO {name}")
    return replace(staging, database=replace(database, user=name, password="secret of the test"))


def roles(live: Database) -> list[str]:
    with live.maintenance.connect() as connection:
        found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{live.name}_reh%"])
        return [name for (name,) in found]
