from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import kept_apart, misfit, parse, uniqueness
from etna_pipelines.postgres.server import Database
from tests.anonymise.masks.masking import column_of, masked

STORED = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9)
FOLDED = ["email", "fake(username)"]
LOSSY = ["fake(first)", "phone", "set(x)", "mask(1, 1)", "pick(a, b)", "scramble"]
ALIKE = ["ann@x.co", "Ann@x.co", "ANN@X.CO", " ann@x.co", "ann@x.co ", "josé", "José", "", None]


@pytest.mark.parametrize("mask", [*FOLDED, *LOSSY, "hash", "token", "password"])
@given(values=st.lists(STORED, unique=True, max_size=9))
def test_unique_values_stay_unique(mask: str, values: list[str]) -> None:
    for type_ in ("text", "character varying(30)", "character varying(60)"):
        spec = replace(parse(mask), unique=True)
        if misfit(spec, column_of(type_), unique=True) is None:
            assert len(set(masked(mask, values, type_, unique=True))) == len(values)


def test_what_is_in_lower_case_has_the_pseudonym_that_it_has_everywhere() -> None:
    for mask in FOLDED:
        assert masked(mask, ["ann@x.co"], unique=True) == masked(mask, ["Ann@x.co"])


def test_in_citext_case_tells_nothing_apart() -> None:
    plain, capital, spaced = masked("email", ["ann@x.co", "ANN@x.co", " ann@x.co"], "citext", unique=True)
    assert plain == capital != spaced


def test_rows_that_differ_in_case_alone_load_into_a_unique_column(database: Database) -> None:
    with database.connect() as connection:
        for type_ in ("text", "character varying(100)"):
            for mask in [*FOLDED, *LOSSY]:
                connection.execute(f"CREATE TEMP TABLE t (v {type_} UNIQUE)")
                rows = masked(mask, ALIKE, type_, unique=True)
                connection.execute("INSERT INTO t SELECT unnest(%s::text[])", [rows])
                connection.execute("DROP TABLE t")


def test_keys_get_it_without_asking() -> None:
    assert [kept_apart(parse(mask)).unique for mask in ("email", "fake(username)", "hash", "fake(first)")] == [
        True,
        True,
        False,
        False,
    ]
    assert uniqueness(replace(parse("fake(first)"), unique=True)) == "preserved"


@pytest.mark.parametrize(
    ("mask", "type_", "why"),
    [
        ("set(x)", "character varying(16)", "needs 17 characters and the column has 16"),
        ("noise(5)", "integer", "makes text and the column is integer: use token"),
        ("set(x)", "character varying(17)", None),
        ("email", "citext", None),
        ("token", "integer", None),
    ],
)
def test_where_values_can_not_be_kept_apart(mask: str, type_: str, why: str | None) -> None:
    found = misfit(replace(parse(mask), unique=True), column_of(type_), unique=True)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")
