import pytest

from etna_pipelines.postgres.schema import read_schema
from etna_pipelines.postgres.server import Database

PLANTED = "ann@planted.example"

PLANTS = {
    "comment on table public.t": "COMMENT ON TABLE t IS '{}'",
    "comment on column public.t.email": "COMMENT ON COLUMN t.email IS '{}'",
    "comment on schema public": "COMMENT ON SCHEMA public IS '{}'",
    "comment on database": "COMMENT ON DATABASE {database} IS '{}'",
    "default of public.t.email": "ALTER TABLE t ALTER email SET DEFAULT '{}'",
    "generation of public.t.made": "ALTER TABLE t ADD made bool GENERATED ALWAYS AS (email = '{}') STORED",
    "check constraint not_ann on public.t": "ALTER TABLE t ADD CONSTRAINT not_ann CHECK (email <> '{}')",
    "check constraint tidy on public.address": "CREATE DOMAIN address AS text CONSTRAINT tidy CHECK (VALUE <> '{}')",
    "default of type public.home": "CREATE DOMAIN home AS text DEFAULT '{}'",
    "index public.those": "CREATE INDEX those ON t (email) WHERE email <> '{}'",
    "index public.ann@planted.example": 'CREATE INDEX "{}" ON t (email)',
    "index public.whether": "CREATE INDEX whether ON t ((email = '{}'))",
    "view public.seen": "CREATE VIEW seen AS SELECT * FROM t WHERE email = '{}'",
    "materialised view public.kept": "CREATE MATERIALIZED VIEW kept AS SELECT '{}' AS who",
    "rule turned on public.t": "CREATE RULE turned AS ON DELETE TO t DO INSTEAD UPDATE t SET email = '{}'",
    "function public.f(integer)": "CREATE FUNCTION f(int) RETURNS text LANGUAGE sql RETURN '{}'",
    "procedure public.p()": "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT ''{}'''",
    "initial value of aggregate public.joined(text)": (
        "CREATE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '{}')"
    ),
    "enum public.people": "CREATE TYPE people AS ENUM ('nobody', '{}')",
    "partition bound of public.hers": (
        "CREATE TABLE whole (email text) PARTITION BY LIST (email);"
        "CREATE TABLE hers PARTITION OF whole FOR VALUES IN ('{}')"
    ),
    "partition key of public.halves": "CREATE TABLE halves (email text) PARTITION BY LIST ((email = '{}'))",
    "policy own on public.t": "CREATE POLICY own ON t USING (email = '{}')",
    "policy put on public.t": "CREATE POLICY put ON t FOR INSERT WITH CHECK (email = '{}')",
    "trigger told on public.t": (
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER told AFTER INSERT ON t EXECUTE FUNCTION tell('{}')"
    ),
    "statistics public.guessed": "CREATE STATISTICS guessed ON (email = '{}'), id FROM t",
    "text search dictionary public.words": (
        "CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);"
        "UPDATE pg_ts_dict SET dictinitoption = 'x = ''{}''' WHERE dictname = 'words'"
    ),
    "setting of the database: app.admin": "ALTER DATABASE {database} SET app.admin = '{}'",
    "setting of role postgres in the database: app.me": (
        "ALTER ROLE postgres IN DATABASE {database} SET app.me = '{}'"
    ),
}  # fmt: skip


def texts_after(database: Database, statements: str) -> dict[str, str]:
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int, email text)")
        connection.execute(statements)
        return read_schema(connection).texts


def planting(what: str, database: Database) -> str:
    return PLANTS[what].replace("{}", PLANTED).replace("{database}", database.name)


@pytest.mark.parametrize("what", PLANTS)
def test_every_place_in_the_schema_that_quotes_a_value_is_read(database: Database, what: str) -> None:
    texts = texts_after(database, planting(what, database))
    assert PLANTED in texts[what]


def test_members_of_extensions_are_left_out(database: Database) -> None:
    texts = texts_after(database, "CREATE EXTENSION citext; COMMENT ON EXTENSION citext IS 'our own'")
    assert texts == {"comment on extension citext": "our own"}


def test_an_ordinary_role_reads_as_much(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE t (id int, email text)")
        for what in PLANTS:
            connection.execute(planting(what, database))
        texts = read_schema(connection).texts
        connection.execute("CREATE ROLE somebody")
        try:
            connection.execute("SET ROLE somebody")
            assert read_schema(connection).texts == texts
        finally:
            connection.execute("RESET ROLE")
            connection.execute("DROP ROLE somebody")
