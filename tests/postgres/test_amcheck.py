import pytest

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.amcheck import check_indexes
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from tests.postgres.nasty import execute

TABLES = """
    CREATE FUNCTION folded(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
    CREATE TABLE person (id int PRIMARY KEY, email text);
    INSERT INTO person SELECT i, 'Person' || i || '@example.org' FROM generate_series(1, 500) i;
    CREATE INDEX by_email ON person (folded(email));
    CREATE TABLE part (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE INDEX ON part (at);
    CREATE INDEX of_another_kind ON person USING hash (email);
"""


def test_indexes_that_fit_are_counted(database: Database) -> None:
    execute(database, TABLES)
    assert check_indexes(database) == 3
    assert check_indexes(database) == 3  # also where the extension is there


def test_an_index_that_lacks_rows_is_named_without_their_values(database: Database) -> None:
    """What it is made of says something else by now, as collations of another libc do."""
    execute(database, TABLES)
    execute(database, "CREATE OR REPLACE FUNCTION folded(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'")
    with pytest.raises(PushFailed, match=r"^Index public.by_email of .* does not fit its table") as failure:
        check_indexes(database)
    assert "@example.org" not in str(failure.value)


def test_who_may_not_use_it_is_told_so(database: Database, server: EmbeddedServer) -> None:
    execute(database, f"{TABLES} CREATE ROLE checks LOGIN PASSWORD 'pw'")
    try:
        assert check_indexes(Database(database.host, database.port, "checks", database.name, "pw")) is None
    finally:
        execute(database, "DROP ROLE checks")
