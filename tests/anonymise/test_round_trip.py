"""Every type of value, and texts as nasty as they come: out of a real server, through the masks, and in again."""

import json
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.anonymise.masks import Mask
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.kernels.test_copytext import TEXTS
from tests.anonymise.masks.masking import Block, column_of, made
from tests.anonymise.nights import Night, copied_in, copied_out, cut_anew, rewritten

TYPES = """
    CREATE EXTENSION hstore;
    CREATE EXTENSION citext;
    CREATE TYPE mood AS ENUM ('so so', 'sad "really"', E'\\\\', '');
    CREATE TYPE address AS (house text, number int, more text[]);
    CREATE DOMAIN code AS varchar(9);
"""
LISTS = st.one_of(st.none(), st.lists(TEXTS, max_size=4))
JSON = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(-(10**25), 10**25), st.floats(allow_nan=False, allow_infinity=False)),
    lambda values: st.one_of(
        st.lists(values, max_size=3),
        st.dictionaries(TEXTS.filter(bool), values, max_size=3),
        values.map(json.dumps),
    ),
    max_leaves=6,
).map(json.dumps)
DAYS = st.sampled_from(
    ["0001-01-01", "9999-12-31", "infinity", "-infinity", "0044-03-15 BC", "2024-02-29", "5874897-12-31"]
)
COLUMNS: dict[str, tuple[str, st.SearchStrategy[object]]] = {
    "text": ("%s", TEXTS),
    "citext": ("%s", TEXTS),
    "character varying(7)": ("left(%s, 7)", TEXTS),
    "character(7)": ("left(%s, 7)", TEXTS),
    "code": ("left(%s, 9)", TEXTS),
    "name": ("%s", TEXTS),
    "mood": ("%s::mood", st.sampled_from(["so so", 'sad "really"', "\\", "", None])),
    "mood[]": ("%s::mood[]", st.lists(st.sampled_from(["so so", 'sad "really"', "\\", "", None]), max_size=3)),
    "smallint": ("%s", st.integers(-(2**15), 2**15 - 1)),
    "bigint": ("%s", st.integers(-(2**63), 2**63 - 1)),
    "numeric": ("%s", st.one_of(st.decimals(allow_infinity=False, allow_nan=False), st.just(Decimal("NaN")))),
    "double precision": ("%s", st.floats()),
    "real": ("%s", st.floats(width=32)),
    "money": ("%s::numeric::money", st.integers(-(10**14), 10**14)),
    "boolean": ("%s", st.sampled_from([True, False, None])),
    "date": ("%s::date", DAYS),
    "timestamp with time zone": ("least(%s::date, '200000-01-01')::timestamptz", DAYS),
    "interval": ("make_interval(secs => %s)", st.integers(-(10**9), 10**9)),
    "uuid": ("%s", st.uuids()),
    "inet": ("%s", st.one_of(st.integers(0, 2**32 - 1), st.integers(2**64, 2**128 - 1)).map(ip_address)),
    "bytea": ("%s", st.binary(max_size=9)),
    "bit varying": ("%s::int::bit(7)::bit varying", st.integers(0, 127)),
    "json": ("%s::json", JSON),
    "jsonb": (r"replace(%s, '\u0000', ' ')::jsonb", JSON.filter(lambda text: "\\u0000" not in text)),
    "text[]": ("%s::text[]", LISTS),
    "integer[]": ("%s::int[]", st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), max_size=2)),
    "hstore": (
        "hstore(%s::text[], %s::text[])",
        st.lists(st.tuples(TEXTS.map(lambda text: text or ""), TEXTS), max_size=3),
    ),
    "address": ("ROW(%s, 1, ARRAY['a,b', NULL])::address", TEXTS),
    "int4range": ("int4range(%s, NULL)", st.integers(0, 9)),
    "tstzrange": ("tstzrange(NULL, %s::date, '[]')", st.sampled_from(["2024-02-29", "0001-01-01"])),
    "tsvector": ("to_tsvector('simple', %s)", TEXTS),
    "point": ("point(%s, -1)", st.floats(allow_nan=False)),
}
"""Each type, with the SQL that makes a value of the parameters."""

PLACES = ", ".join(sql for sql, _ in COLUMNS.values())
ROWS = st.lists(st.tuples(*(strategy for _, strategy in COLUMNS.values())), min_size=1, max_size=4)
UNCHANGING = {
    **dict.fromkeys(["json", "jsonb", "text[]", "hstore"], 'each(replace("x{99}", y))'),
}
"""Masks that look at every value inside and change none."""
SET = "a\"b\\c,d {e} (f)\n\té=>'g'"


LEAVES = """
    SELECT each FROM inside, unnest(t) AS each UNION ALL SELECT each FROM inside, unnest(avals(h)) AS each
    UNION ALL SELECT each#>>'{}' FROM inside, jsonb_path_query(j, 'strict $.** ? (@.type() == "string")') AS each
    WHERE left(each#>>'{}', 1) NOT IN ('[', '{')
"""
"""Every text inside, but those that hold JSON again."""


def parameters(row: tuple[object, ...]) -> list[object]:
    """A row's values as the SQL takes them: hstore's keys and values apart."""
    given: list[object] = []
    for type_, value in zip(COLUMNS, row, strict=True):
        if type_ == "hstore":
            assert isinstance(value, list)
            given += [[key for key, _ in value], [each for _, each in value]]
        else:
            given.append(value)
    return given


def masked(mask: Mask, block: bytes) -> bytes:
    """A block of one column with its values masked."""
    fields = copytext.split(block, 1)
    values = fields.values(0)
    return fields.written({0: mask(values, Block(values))}).tobytes()


def test_all_types_come_through_byte_for_byte_and_what_is_set_inside_them_loads(database: Database) -> None:
    names = {type_: f"c{number}" for number, type_ in enumerate(COLUMNS)}
    with database.connect() as connection:
        connection.execute(TYPES)
        columns = ", ".join(f"{name} {type_}" for type_, name in names.items())
        connection.execute(f"CREATE TABLE every ({columns}); CREATE TABLE again (LIKE every)")
        connection.execute("CREATE TABLE inside (j jsonb, t text[], h hstore)")

        unchanging = {type_: made(mask, column_of(type_)) for type_, mask in UNCHANGING.items()}
        setting = {type_: made(f"each(set({SET}))", column_of(type_)) for type_ in ("jsonb", "text[]", "hstore")}

        @settings(max_examples=25, suppress_health_check=list(HealthCheck))
        @given(ROWS)
        def check(rows: list[tuple[object, ...]]) -> None:
            connection.execute("TRUNCATE every, again, inside")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO every VALUES ({PLACES})", [parameters(row) for row in rows])
            block = copied_out(connection, "every")
            assert rewritten(block, len(COLUMNS)) == block
            for type_, mask in unchanging.items():
                column = copied_out(connection, f"(SELECT {names[type_]} FROM every)")
                assert masked(mask, column) == column
            copied_in(connection, "again", rewritten(block, len(COLUMNS)))
            assert copied_out(connection, "again") == block
            for type_, name in (("jsonb", "j"), ("text[]", "t"), ("hstore", "h")):
                column = copied_out(connection, f"(SELECT {names[type_]} FROM every)")
                copied_in(connection, f"inside ({name})", masked(setting[type_], column))
            assert {each for (each,) in connection.execute(LEAVES) if each is not None} <= {SET}

        check()


RULES = """
tables:
  thing:
    keep: [id]
    columns:
      names: each(fake(name))
      facts: {mask: scrub, $.by: email, $..phone: phone, "$.people[*].name": fake(name), $.n: noise(10%)}
      extra: {mask: keep, $.*~: hash}
      born: {mask: "shift(30, id)", unless: id = 3}
      number: serial
      other: shuffle
"""


@pytest.fixture
def night(database: Database, tmp_path: Path) -> Night:
    return Night(database, LocalStore(tmp_path / "store"), tmp_path)


def test_blocks_of_any_size_and_any_number_of_workers_make_the_same(night: Night) -> None:
    night.execute(
        """
        CREATE EXTENSION hstore;
        CREATE TABLE thing (id int, names text[], facts jsonb, extra hstore, born date, number int, other text);
        INSERT INTO thing SELECT i, ARRAY['Ann ' || i, NULL], jsonb_build_object('by', 'p' || i || '@x.co',
            'said', 'Ring Bob at p' || i || '@x.co', 'phone', '07911 12345' || i % 10, 'n', i * 1.50,
            'people', jsonb_build_array(jsonb_build_object('name', 'Bob ' || i)),
            'inner', jsonb_build_object('phone', '07911 12345' || i % 7)::text),
            hstore('k' || i, 'v'), date '2000-01-01' + i, i, 'o' || i % 9 FROM generate_series(1, 60) i
        """
    )
    full = night.backup()
    made_at_once = night.raw(night.stripped(RULES, full, workers=1).draft, "public.thing")
    assert made_at_once != night.raw(full, "public.thing")
    for size, workers in ((1, 3), (7, 2), (59, 4)):
        cut = cut_anew(night, full, size, [b"\\.\n\n\n"])
        assert night.raw(night.stripped(RULES, cut, workers=workers).draft, "public.thing") == made_at_once
