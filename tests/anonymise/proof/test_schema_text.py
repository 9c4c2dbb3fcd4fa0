import subprocess
from collections.abc import Iterator

import pytest

from etna_pipelines.anonymise.proof.schema_text import personal_schema, refuse_personal_schema
from etna_pipelines.anonymise.public import Public
from etna_pipelines.errors import RulesError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import find
from etna_pipelines.snapshots import toc

PLANTED = "ann.{}@planted.co.uk"

PLANTS = {
    "COMMENT public.TABLE t": "COMMENT ON TABLE t IS '{}'",
    "COMMENT public.COLUMN t.email": "COMMENT ON COLUMN t.email IS '{}'",
    "COMMENT SCHEMA public": "COMMENT ON SCHEMA public IS '{}'",
    "COMMENT DATABASE planted": "COMMENT ON DATABASE planted IS '{}'",
    "TABLE public.t": "ALTER TABLE t ALTER email SET DEFAULT '{}'",
    "TABLE public.generated": (
        "CREATE TABLE generated (a text, b bool GENERATED ALWAYS AS (a = '{}') STORED)"
    ),
    "TABLE public.checked": "CREATE TABLE checked (a text CONSTRAINT not_ann CHECK (a <> '{}'))",
    "DOMAIN public.address": "CREATE DOMAIN address AS text CONSTRAINT tidy CHECK (VALUE <> '{}')",
    "DOMAIN public.home": "CREATE DOMAIN home AS text DEFAULT '{}'",
    "INDEX public.those": "CREATE INDEX those ON t (email) WHERE email <> '{}'",
    "INDEX public.{}": 'CREATE INDEX "{}" ON t (email)',
    "VIEW public.seen": "CREATE VIEW seen AS SELECT * FROM t WHERE email = '{}'",
    "MATERIALIZED VIEW public.kept": "CREATE MATERIALIZED VIEW kept AS SELECT '{}' AS who",
    "RULE public.t turned": "CREATE RULE turned AS ON DELETE TO t DO INSTEAD UPDATE t SET email = '{}'",
    "FUNCTION public.f(integer)": "CREATE FUNCTION f(int) RETURNS text LANGUAGE sql RETURN '{}'",
    "PROCEDURE public.p()": "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT ''{}'''",
    "AGGREGATE public.joined(text)": "CREATE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '{}')",
    "TYPE public.people": "CREATE TYPE people AS ENUM ('nobody', '{}')",
    "TABLE ATTACH public.hers": (
        "CREATE TABLE whole (email text) PARTITION BY LIST (email);"
        "CREATE TABLE hers PARTITION OF whole FOR VALUES IN ('{}')"
    ),
    "TABLE public.halves": "CREATE TABLE halves (email text) PARTITION BY LIST ((email = '{}'))",
    "POLICY public.t own": "CREATE POLICY own ON t USING (email = '{}')",
    "TRIGGER public.t told": (
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER told AFTER INSERT ON t EXECUTE FUNCTION tell('{}')"
    ),
    "STATISTICS public.guessed": "CREATE STATISTICS guessed ON (email = '{}'), id FROM t",
    "DATABASE PROPERTIES planted": "ALTER DATABASE planted SET app.admin = '{}'",
}  # fmt: skip


@pytest.fixture(scope="module")
def entries(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[toc.Entry]]:
    """The table of contents of a database with something planted wherever a schema can quote a value."""
    server.create_database("planted")
    database = server.database("planted")
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int, email text)")
        for number, statement in enumerate(PLANTS.values()):
            connection.execute(statement.replace("{}", PLANTED.format(number)))
    archive = tmp_path_factory.mktemp("planted") / "archive"
    arguments = ["-Fd", "--schema-only", "-f", str(archive), "-h", database.host, "-p", str(database.port)]
    environment = {"PGPASSWORD": database.password or ""}
    subprocess.run(  # the password goes by environment
        [find("pg_dump", 18), *arguments, "-U", database.user, "planted"], check=True, env=environment
    )
    yield toc.read((archive / "toc.dat").read_bytes())
    server.drop_database("planted")


@pytest.mark.parametrize("what", PLANTS)
def test_every_place_in_the_schema_that_quotes_a_value_is_found(entries: list[toc.Entry], what: str) -> None:
    address = PLANTED.format(list(PLANTS).index(what))
    holders = [entry for entry in entries if address in entry.sql]
    assert what.replace("{}", address) in [entry.name for entry in holders]
    assert personal_schema(holders, Public()) != []


def test_a_schema_that_quotes_people_is_refused_without_quoting_them(entries: list[toc.Entry]) -> None:
    without_names = [entry for entry in entries if "@" not in entry.name]
    with pytest.raises(RulesError) as refused:
        refuse_personal_schema(without_names, Public())
    message = str(refused.value)
    assert "COMMENT public.COLUMN t.email (email)" in message
    assert "@" not in message
    assert "planted.co.uk" not in message


def test_an_object_that_is_named_after_a_person_is_not_quoted_either(entries: list[toc.Entry]) -> None:
    with pytest.raises(RulesError) as refused:
        refuse_personal_schema(entries, Public())
    assert "@" not in str(refused.value)


def test_public_addresses_may_stand_in_the_schema(entries: list[toc.Entry]) -> None:
    assert personal_schema(entries, Public(domains=["planted.co.uk"])) == []
    refuse_personal_schema(entries, Public(domains=["planted.co.uk"]))


def entry(sql: str) -> toc.Entry:
    return toc.Entry(1, 1, "TABLE t", "COMMENT", "public", sql, "", "")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("COMMENT ON TABLE t IS 'ask 07911 123456'", "phone"),
        ("COMMENT ON TABLE t IS 'paid by 4111 1111 1111 1111'", "card"),
        ("COMMENT ON TABLE t IS 'see AB 12 34 56 C'", "national insurance"),
    ],
)
def test_numbers_of_people_are_found_too(sql: str, kind: str) -> None:
    with pytest.raises(RulesError, match=rf"COMMENT public.TABLE t \({kind}\)"):
        refuse_personal_schema([entry(sql)], Public())


def test_an_ordinary_schema_passes() -> None:
    refuse_personal_schema([entry("CREATE TABLE t (a int DEFAULT 12345678, b text DEFAULT '10.0.0.1')")], Public())
    refuse_personal_schema([], Public())
