"""A database of everything that has broken an archive somewhere, and how to compare two databases."""

from psycopg import sql

from etna_pipelines.postgres.server import Database

NASTY = r"""
    CREATE TABLE values_that_bite (id serial PRIMARY KEY, t text, b bytea, a text[], j jsonb, n numeric);
    INSERT INTO values_that_bite (t, b, a, j, n) VALUES
        (E'tab\there', '\x00ff0a5c2e', ARRAY['a', E'b\n', NULL], '{"a": 1.10}', 1.10),
        (E'new\nline\r\n', NULL, '{}', 'null', 'NaN'),
        ('\N', NULL, NULL, NULL, NULL),
        ('\.', '', ARRAY['\N', '\.'], '"\\"', 0), (E'\\.\n\n\n', NULL, NULL, NULL, -1),
        (NULL, NULL, NULL, NULL, NULL), ('', NULL, NULL, NULL, NULL),
        ('Llŷr 🐑 ' || repeat('x', 100000), NULL, NULL, NULL, 1);
    CREATE TABLE empty (a int, b text);
    CREATE TABLE without_columns ();
    INSERT INTO without_columns DEFAULT VALUES;
    INSERT INTO without_columns DEFAULT VALUES;
    CREATE SCHEMA "Other Schema";
    CREATE TABLE "Other Schema"."Quoted ""x"".y" (
        "Col umn" text UNIQUE, gone int, size int GENERATED ALWAYS AS (length("Col umn")) STORED, last text DEFAULT 'z',
        number int GENERATED ALWAYS AS IDENTITY);
    ALTER TABLE "Other Schema"."Quoted ""x"".y" DROP COLUMN gone;
    INSERT INTO "Other Schema"."Quoted ""x"".y" ("Col umn") VALUES ('one'), ('twelve');
    CREATE TABLE by_year (id int, year int, note text, PRIMARY KEY (id, year)) PARTITION BY RANGE (year);
    CREATE TABLE by_year_2025 PARTITION OF by_year FOR VALUES FROM (2025) TO (2026);
    CREATE TABLE by_year_2026 PARTITION OF by_year FOR VALUES FROM (2026) TO (2027);
    INSERT INTO by_year SELECT i, 2025 + i % 2, 'note ' || i FROM generate_series(1, 20) i;
    CREATE TABLE refers (id int PRIMARY KEY, bites int REFERENCES values_that_bite, of_id int, of_year int,
        FOREIGN KEY (of_id, of_year) REFERENCES by_year);
    INSERT INTO refers VALUES (1, 1, 2, 2025), (2, NULL, NULL, NULL);
    CREATE TABLE parent (a int);
    CREATE TABLE child (b int) INHERITS (parent);
    INSERT INTO parent VALUES (1);
    INSERT INTO child VALUES (2, 3), (4, 5);
    CREATE UNLOGGED TABLE unlogged (a int);
    INSERT INTO unlogged VALUES (7);
    CREATE VIEW viewed AS SELECT t FROM values_that_bite WHERE t <> 'x';
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS rows FROM values_that_bite;
    CREATE INDEX lowered ON values_that_bite (lower(left(t, 10))) WHERE t IS NOT NULL;
    CREATE EXTENSION citext;
    CREATE EXTENSION hstore;
    CREATE TABLE extended (e citext, h hstore);
    INSERT INTO extended VALUES ('Someone', 'a=>1, b=>NULL');
    CREATE TABLE large (id int, filler text);
    INSERT INTO large SELECT i, md5(i::text) || repeat('-', i % 50) FROM generate_series(1, 80000) i;
    SELECT setval('values_that_bite_id_seq', 4711);
"""


ROWS = "SELECT coalesce(md5(string_agg(t::text, ';' ORDER BY t::text COLLATE \"C\")), 'empty') FROM ONLY {} t"
SEQUENCE = "SELECT last_value || is_called::text FROM {}"


def contents(database: Database) -> dict[str, str]:
    """A digest of the rows of every table, view and sequence: equal for databases that hold the same."""
    with database.connect() as connection:
        relations = connection.execute(
            "SELECT nspname, relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        digests = {}
        for schema, name, kind in relations:
            query = sql.SQL(SEQUENCE if kind == "S" else ROWS).format(sql.Identifier(schema, name))
            [(found,)] = connection.execute(query).fetchall()
            digests[f"{schema}.{name}"] = str(found)
        return digests


def execute(database: Database, statements: str) -> None:
    with database.connect() as connection:
        connection.execute(statements)
