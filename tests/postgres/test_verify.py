import os
from pathlib import Path

import psycopg
import pytest

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.clone import clone
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.verify import verify, verify_clone
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.postgres.nasty import execute

TABLES = """
    CREATE TABLE person (id int PRIMARY KEY, email text UNIQUE);
    INSERT INTO person SELECT i, 'person' || i FROM generate_series(1, 30) i;
    CREATE TABLE "Order" (id int, person int CONSTRAINT of_person REFERENCES person) PARTITION BY LIST (id);
    CREATE TABLE order_1 PARTITION OF "Order" FOR VALUES IN (1);
    INSERT INTO "Order" VALUES (1, 7);
    CREATE TABLE base (a int);
    CREATE TABLE derived () INHERITS (base);
    INSERT INTO derived VALUES (1), (2);
    CREATE TABLE without_columns ();
"""


@pytest.fixture
def manifest(database: Database, tmp_path: Path) -> Manifest:
    """Of the test's database, which a test then changes as a bad restore would have."""
    execute(database, TABLES)
    return backup(database, LocalStore(tmp_path / "store"), environment="production", scratch=tmp_path / "scratch")


def test_a_database_that_holds_it_all_passes(manifest: Manifest, database: Database) -> None:
    verify(manifest, database)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM person WHERE id = 1", r"public\.person has 29 rows, 30 expected"),
        ("INSERT INTO person VALUES (31, 'x')", r"public\.person has 31 rows, 30 expected"),
        ("TRUNCATE derived", r"public\.derived has 0 rows, 2 expected"),
        ("INSERT INTO without_columns DEFAULT VALUES", r"public\.without_columns has 1 rows, 0 expected"),
        ("DROP TABLE derived", r"lacks tables: public\.derived"),
        (
            'ALTER TABLE "Order" DROP CONSTRAINT of_person',
            r"lacks foreign keys: public\.order_1 \(person\) to public\.p",
        ),
    ],
)
def test_what_a_restore_lost_or_doubled_is_named(
    manifest: Manifest, database: Database, change: str, message: str
) -> None:
    execute(database, change)
    with pytest.raises(PushFailed, match=message):
        verify(manifest, database)


def test_a_clone_is_whole_or_what_it_lacks_is_named(
    manifest: Manifest, database: Database, server: EmbeddedServer
) -> None:
    execute(database, "VACUUM ANALYZE")
    copy = clone(database, f"{database.name}_copy", owner=database.user)
    try:
        verify_clone(manifest, copy)
        with copy.connect() as connection:
            connection.execute("CHECKPOINT")
            [(path,)] = connection.execute("SELECT pg_relation_filepath('person_email_key')").fetchall()
        os.truncate(server.data / path, 8192)
        with pytest.raises(PushFailed, match=r"was not cloned whole, it lacks a part of: person_email_key: push again"):
            verify_clone(manifest, copy)
        execute(copy, "DROP TABLE base CASCADE")
        with pytest.raises(PushFailed, match=r"lacks tables: public\.base, public\.derived"):
            verify_clone(manifest, copy)
    finally:
        server.drop_database(copy.name)


def test_many_wrong_tables_make_a_short_message(database: Database, tmp_path: Path) -> None:
    for number in range(8):
        execute(database, f"CREATE TABLE t{number} AS SELECT 1")
    manifest = backup(database, LocalStore(tmp_path / "s"), environment="production", scratch=tmp_path / "scratch")
    for number in range(8):
        execute(database, f"TRUNCATE t{number}")
    with pytest.raises(PushFailed, match=r"public\.t4 has 0 rows, 1 expected and 3 more"):
        verify(manifest, database)


def test_an_invalid_index_is_named(manifest: Manifest, database: Database) -> None:
    execute(database, "INSERT INTO base VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        execute(database, "CREATE UNIQUE INDEX CONCURRENTLY broken ON base (a)")
    with pytest.raises(PushFailed, match=r"has invalid indexes: public\.broken"):
        verify(manifest, database)


def test_a_constraint_not_valid_in_production_may_be_so(manifest: Manifest, database: Database) -> None:
    execute(database, "ALTER TABLE base ADD CONSTRAINT later CHECK (a > 100) NOT VALID")
    verify(manifest, database)


def test_an_extension_fills_its_own_tables(database: Database, tmp_path: Path) -> None:
    execute(
        database,
        """CREATE EXTENSION hstore; CREATE TABLE settings (a int); INSERT INTO settings VALUES (1);
           ALTER EXTENSION hstore ADD TABLE settings;
           UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass], extcondition = ARRAY['']
           WHERE extname = 'hstore'""",
    )
    manifest = backup(database, LocalStore(tmp_path / "s"), environment="production", scratch=tmp_path / "scratch")
    execute(database, "INSERT INTO settings VALUES (2)")
    verify(manifest, database)
    execute(database, "TRUNCATE settings")
    with pytest.raises(PushFailed, match=r"public\.settings has 0 rows, 1 expected"):
        verify(manifest, database)
