from collections.abc import Iterator

import pytest

from etna_pipelines.errors import BackupFailed
from etna_pipelines.postgres.readable import refuse_unreadable
from etna_pipelines.postgres.server import Database


@pytest.fixture
def reader(database: Database) -> Iterator[Database]:
    """A role that may read whatever it is granted."""
    run(database, "CREATE ROLE a_reader LOGIN PASSWORD 'pw'")
    yield Database(database.host, database.port, "a_reader", database.name, "pw")
    run(database, "DROP OWNED BY a_reader; DROP ROLE a_reader")


def run(database: Database, statements: str) -> None:
    with database.connect() as connection:
        connection.execute(statements)


def refusal(reader: Database) -> str | None:
    with reader.connect() as connection:
        try:
            refuse_unreadable(connection, reader)
        except BackupFailed as error:
            return str(error).replace(reader.label, "DB")
    return None


def test_what_may_not_be_read_is_named(database: Database, reader: Database) -> None:
    run(database, "CREATE SCHEMA s; CREATE TABLE s.a (); CREATE TABLE b (n serial); CREATE VIEW v AS SELECT 1")
    run(database, "CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p DEFAULT")
    fix = "GRANT pg_read_all_data TO a_reader."

    assert refusal(reader) == (
        f"Role a_reader may not read 5 objects of DB (public.b, public.b_n_seq, public.p and 2 more): {fix}"
    )
    run(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public, s TO a_reader")
    assert refusal(reader) == f"Role a_reader may not read 2 objects of DB (public.b_n_seq, s.a): {fix}"
    run(database, "GRANT SELECT ON b_n_seq TO a_reader; GRANT USAGE ON SCHEMA s TO a_reader")
    assert refusal(reader) is None


def test_rows_that_are_hidden(database: Database, reader: Database) -> None:
    run(database, "CREATE TABLE t (); ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT pg_read_all_data TO a_reader")

    says = "Row-level security hides rows of DB from role a_reader (public.t): ALTER ROLE a_reader BYPASSRLS."
    assert refusal(reader) == says
    run(database, "ALTER ROLE a_reader BYPASSRLS")
    assert refusal(reader) is None
