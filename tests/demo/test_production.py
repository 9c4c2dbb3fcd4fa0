"""Tests of etna_pipelines/demo/production.py."""

import psycopg
import pytest
from psycopg import sql

from etna_pipelines.demo.people import private_values
from etna_pipelines.demo.production import DemoFailed, seed
from etna_pipelines.postgres.server import Database
from tests.demo.conftest import SCALE

EMPTY = {
    "auth_user_user_permissions",
    "socialaccount_socialapp_sites",
    "wagtailadmin_admin",
    "wagtailcore_collectionviewrestriction",
    "wagtailcore_collectionviewrestriction_groups",
    "wagtailcore_groupsitepermission",
    "wagtailcore_pageviewrestriction_groups",
    "wagtailcore_referenceindex",
    "wagtailcore_workflowcontenttype",
    "wagtailsearchpromotions_searchpromotion",
}
"""What an ordinary site has no rows in either."""


def _tables(database: Database) -> list[str]:
    with database.connect() as connection:
        rows = connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY relname").fetchall()
    return [name for (name,) in rows]


def _fingerprints(database: Database) -> dict[str, tuple[object, ...]]:
    """Of every table its number of rows and a hash of them all."""
    query = "SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")) FROM {} t"
    with database.connect() as connection:
        found = {}
        for table in _tables(database):
            row = connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = row
    return found


def _written(database: Database) -> dict[str, tuple[object, ...]]:
    """Of every table the places of its rows and the transactions that put them there."""
    query = "SELECT array_agg((ctid, xmin) ORDER BY ctid) FROM {}"
    with database.connect() as connection:
        found = {}
        for table in _tables(database):
            row = connection.execute(sql.SQL(query).format(sql.Identifier(table))).fetchone()
            assert row is not None
            found[table] = row
    return found


def test_two_seedings_make_the_same_rows(seeded: tuple[Database, Database]) -> None:
    one, other = seeded
    assert _fingerprints(one) == _fingerprints(other)


def test_every_table_that_a_site_uses_has_rows(production: Database) -> None:
    counts = _fingerprints(production)
    assert {table for table, (rows, _) in counts.items() if rows == 0} == EMPTY
    assert counts["auth_user"][0] == 45
    assert counts["wagtailcore_page"][0] == 60
    assert counts["wagtailcore_revision"][0] == 295


def test_a_second_call_finds_it_done(production: Database) -> None:
    before = _fingerprints(production)
    written = _written(production)
    seed(production, scale=1)
    assert _written(production) == written
    assert _fingerprints(production) == before


def test_everything_belongs_to_a_role_that_is_no_superuser(production: Database) -> None:
    with production.connect() as connection:
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchall()
        role = connection.execute("SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'etna_app'").fetchone()
    assert owners == [("etna_app",)]
    assert role == (False, True)


def test_the_site_goes_on_where_the_seed_ended(production: Database) -> None:
    with production.connect(autocommit=False) as connection:
        highest = connection.execute("SELECT max(id) FROM wagtailcore_revision").fetchone()
        made = connection.execute(
            "INSERT INTO wagtailcore_revision (content_type_id, base_content_type_id, object_id, created_at, content, "
            "object_str) VALUES (1, 1, '2', '2026-03-02', '{}', '') RETURNING id"
        ).fetchone()
        connection.rollback()
    assert highest is not None
    assert made == (highest[0] + 1,)


def test_constraints_hold_that_were_checked_late(production: Database) -> None:
    with production.connect() as connection, connection.transaction():
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        pairs = connection.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text, a.attname, b.attname FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1] "
            "JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE contype = 'f'"
        ).fetchall()
        assert len(pairs) > 80
        for table, parent, column, key in pairs:
            orphans = sql.SQL(
                "SELECT count(*) FROM {} t WHERE {} IS NOT NULL AND NOT EXISTS (SELECT FROM {} p WHERE p.{} = t.{})"
            ).format(*map(sql.Identifier, (table, column, parent, key, column)))
            assert connection.execute(orphans).fetchone() == (0,), (table, column)


def test_every_private_value_is_somewhere_in_it(production: Database) -> None:
    with production.connect() as connection:
        held = ""
        for table in _tables(production):
            row = connection.execute(
                sql.SQL("SELECT string_agg(t::text, ' ') FROM {} t").format(sql.Identifier(table))
            ).fetchone()
            held += str(row)
    held = held.casefold().replace("''", "'")
    missing = [value for value in private_values(SCALE) if value.casefold() not in held]
    assert len(missing) < 0.2 * len(list(private_values(SCALE)))


def test_a_database_of_somebody_else_is_left_alone(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE ledger AS SELECT 1 AS page")
    with pytest.raises(DemoFailed, match="holds tables that the demo did not make"):
        seed(database, scale=SCALE)
    assert _tables(database) == ["ledger"]


def test_a_user_who_may_not_make_it_is_told_so(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS demo_nobody")
        connection.execute("CREATE ROLE demo_nobody LOGIN PASSWORD 'nobody'")
    nobody = Database(database.host, database.port, "demo_nobody", "demo_of_nobody", "nobody")
    with pytest.raises(DemoFailed, match="must be a superuser"):
        seed(nobody, scale=SCALE)
    with database.connect() as connection:
        connection.execute("DROP ROLE demo_nobody")


def test_an_unfinished_one_is_taken_up_again(production: Database) -> None:
    """A seed that was killed left no rows, only the mark: the next one may not take it for a stranger's."""
    again = production.named("demo_unfinished")
    with production.maintenance.connect() as connection:
        connection.execute("CREATE DATABASE demo_unfinished")
        connection.execute("COMMENT ON DATABASE demo_unfinished IS 'etna demo: being made'")
    with again.connect() as connection:
        connection.execute("CREATE TABLE django_migrations (oddly text)")
    with pytest.raises(DemoFailed, match="could not migrate demo_unfinished"):
        seed(again, scale=SCALE)
    with production.maintenance.connect() as connection:
        connection.execute("DROP DATABASE demo_unfinished WITH (FORCE)")
        with pytest.raises(psycopg.errors.InvalidCatalogName):
            connection.execute("DROP DATABASE demo_unfinished")
