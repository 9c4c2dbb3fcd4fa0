import pytest

from etna_pipelines.postgres.schema import read_schema
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, ForeignKey, Table


def schema_of(database: Database, statements: str) -> DatabaseSchema:
    with database.connect() as connection:
        connection.execute(statements)
        return read_schema(connection)


def table_of(database: Database, statements: str) -> Table:
    [table] = schema_of(database, statements).tables
    return table


def names(schema: DatabaseSchema) -> list[str]:
    return [table.qualified for table in schema.tables]


def test_columns_stand_in_copy_order_without_dropped_ones_and_generated_last(database: Database) -> None:
    table = table_of(
        database,
        """CREATE TABLE person (id bigint PRIMARY KEY, size int GENERATED ALWAYS AS (length(email)) STORED, gone text,
                                email varchar(150) NOT NULL, joined timestamptz, tags text[], paid numeric(8, 2));
           ALTER TABLE person DROP COLUMN gone""",
    )
    assert table.columns == [
        Column(name="id", type="bigint", not_null=True, category="N"),
        Column(name="email", type="character varying(150)", not_null=True, category="S"),
        Column(name="joined", type="timestamp with time zone", category="D"),
        Column(name="tags", type="text[]", category="A"),
        Column(name="paid", type="numeric(8,2)", category="N"),
        Column(name="size", type="integer", generated=True, category="N"),
    ]
    assert [column.name for column in table.copied] == ["id", "email", "joined", "tags", "paid"]


def test_a_virtual_column_is_generated(database: Database) -> None:
    table = table_of(database, "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)")
    assert [(column.name, column.generated) for column in table.columns] == [("a", False), ("b", True)]


def test_a_domain_has_the_category_and_not_null_of_what_it_is_made_of(database: Database) -> None:
    table = table_of(
        database,
        """CREATE DOMAIN short AS varchar(10) NOT NULL; CREATE DOMAIN code AS short;
           CREATE TYPE mood AS ENUM ('good'); CREATE TABLE t (c code, m mood)""",
    )
    assert table.columns == [
        Column(name="c", type="public.code", not_null=True, category="S"),
        Column(name="m", type="public.mood", category="E"),
    ]


def test_unique_keys_of_every_kind(database: Database) -> None:
    table = table_of(
        database,
        """CREATE TABLE t (a int, b int, "C d" text, e text, PRIMARY KEY (b, a), UNIQUE ("C d", a));
           CREATE UNIQUE INDEX ON t (lower(e), a) INCLUDE (b);
           CREATE UNIQUE INDEX ON t (e) WHERE a > 0; CREATE INDEX ON t (a)""",
    )
    assert table.primary_key == ["b", "a"]
    assert sorted(table.uniques) == [["C d", "a"], ["e"], ["lower(e)", "a"]]


def test_foreign_keys_stand_between_tables_with_data(database: Database) -> None:
    schema = schema_of(
        database,
        """CREATE TABLE one (a int, b int, PRIMARY KEY (a, b));
           CREATE TABLE two (id int, x int, y int, CONSTRAINT to_one FOREIGN KEY (y, x) REFERENCES one (a, b))
               PARTITION BY LIST (id);
           CREATE TABLE two_1 PARTITION OF two FOR VALUES IN (1)""",
    )
    assert schema.foreign_keys == [
        ForeignKey(
            name="to_one",
            table="public.two_1",
            columns=["y", "x"],
            references="public.one",
            referenced_columns=["a", "b"],
        )
    ]


def test_tables_are_those_whose_data_an_archive_holds(database: Database) -> None:
    schema = schema_of(
        database,
        """CREATE SCHEMA app; CREATE TABLE app.plain (a int); CREATE UNLOGGED TABLE app.unlogged (a int);
           CREATE TABLE app.whole (a int) PARTITION BY LIST (a);
           CREATE TABLE app.leaf PARTITION OF app.whole FOR VALUES IN (1);
           CREATE VIEW app.viewed AS SELECT 1; CREATE MATERIALIZED VIEW app.stored AS SELECT 1;
           CREATE TEMP TABLE t ()""",
    )
    assert names(schema) == ["app.leaf", "app.plain", "app.unlogged"]
    assert schema.schemas == ["app", "public"]


def test_of_an_extension_only_configuration_tables_count(database: Database) -> None:
    schema = schema_of(
        database,
        """CREATE EXTENSION hstore; CREATE TABLE settings (a int); CREATE TABLE inner_workings (a int);
           ALTER EXTENSION hstore ADD TABLE settings; ALTER EXTENSION hstore ADD TABLE inner_workings;
           UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass], extcondition = ARRAY['']
           WHERE extname = 'hstore'""",
    )
    assert names(schema) == ["public.settings"]
    assert schema.extensions == ["hstore"]


def test_what_no_rule_can_name_is_unsupported(database: Database) -> None:
    schema = schema_of(
        database,
        """SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y');
           CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
           CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'geheim');
           CREATE FOREIGN TABLE distant (a int) SERVER far; CREATE FOREIGN DATA WRAPPER own;
           CREATE PUBLICATION everything FOR ALL TABLES;
           CREATE SUBSCRIPTION following CONNECTION 'host=nowhere' PUBLICATION p
               WITH (connect = false, slot_name = NONE);
           CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
           CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION f()""",
    )
    with database.connect() as connection:
        connection.execute("DROP SUBSCRIPTION following")
    assert schema.unsupported == [
        "event trigger watching",
        "foreign server far",
        "foreign table public.distant",
        "foreign-data wrapper own",
        "large objects (2)",
        "publication everything",
        "subscription following",
        "user mapping for public on far",
    ]
    assert names(schema) == []
    assert "geheim" not in schema.model_dump_json()


@pytest.mark.parametrize("major", [15, 18])
def test_an_empty_database_has_nothing(request: pytest.FixtureRequest, major: int) -> None:
    server = request.getfixturevalue("server15" if major == 15 else "server")
    with server.database("template1").connect() as connection:
        assert read_schema(connection) == DatabaseSchema(tables=[], schemas=["public"])
