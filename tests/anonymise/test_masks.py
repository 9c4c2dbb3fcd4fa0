import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.identities import Identities
from etna_pipelines.anonymise.masks import FAKES, KINDS, MaskSpec, Tools, build, identifies, misfit, parse
from etna_pipelines.anonymise.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from etna_pipelines.postgres.server import Database
from tests.anonymise.nights import column

TEXT_MASKS = ["email", "phone", "file", "hash", "password", "scrub", *(f"fake({kind})" for kind in FAKES)]
WITH_NULLS = ["ann@x.co", None, "", "Ann Lee", "+44 7911 123456", " ", "\t\n\\", "日本 🐑"]


def masked(pseudonyms: Pseudonyms, mask: str, values: list[str | None], type_: str = "text") -> list[str | None]:
    scrubber = Scrubber(pseudonyms, Identities(pseudonyms, Public()), Public())
    apply = build(parse(mask), column("c", type_), Tools(pseudonyms, scrubber))
    return apply(Values.of(values), NoRows()).to_list()


class NoRows:
    """No other columns."""

    first = 0

    def __len__(self) -> int:
        return 0

    def original(self, column: str) -> Values:
        raise KeyError(column)

    masked = original


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("keep", MaskSpec("keep")),
        (" email ", MaskSpec("email")),
        ("fake(first)", MaskSpec("fake", ("first",))),
        ("fake( company )", MaskSpec("fake", ("company",))),
        ("set()", MaskSpec("set", ("",))),
        ("set( a, (b) )", MaskSpec("set", (" a, (b) ",))),
        ("set(two\nlines)", MaskSpec("set", ("two\nlines",))),
    ],
)
def test_a_mask_as_it_is_written(text: str, spec: MaskSpec) -> None:
    assert parse(text) == spec
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mail", "`mail` is not a mask; there are keep, null, set"),
        ("", "`` is not a mask"),
        ("fake(first", "`fake(first` is not a mask"),
        ("Email", "`Email` is not a mask"),
        ("fake", "`fake` takes 1 argument(s), and has 0"),
        ("fake()", "`fake()` is not known; there are first, last"),
        ("fake(first, last)", "`fake` takes 1 argument(s), and has 2"),
        ("fake(shoe)", "`fake(shoe)` is not known; there are first, last"),
        ("email(x)", "`email` takes 0 argument(s), and has 1"),
        ("set", "`set` takes 1 argument(s), and has 0"),
    ],
)
def test_what_is_no_mask_is_said_with_those_that_are(text: str, sentence: str) -> None:
    with pytest.raises(RulesError) as refused:
        parse(text)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("mask", "type_", "facts", "why"),
    [
        ("null", "text", {"not_null": True}, "NOT NULL"),
        ("email", "integer", {}, "makes text and the column is integer"),
        ("hash", "uuid", {}, "makes text and the column is uuid"),
        ("fake(first)", "jsonb", {}, "makes text and the column is jsonb"),
        ("password", "bytea", {}, "makes text"),
        ("phone", "text[]", {}, "makes text"),
        ("scrub", "integer", {}, "reads text and the column is integer"),
        ("scrub", "bytea", {}, "reads text"),
        ("set(x)", "character varying(3)", {}, None),
        ("null", "text", {}, None),
        ("email", "character varying(254)", {}, None),
        ("email", "citext", {}, None),
        ("hash", "public.citext", {}, None),
        ("scrub", "public.hstore", {}, None),
        ("scrub", "jsonb", {}, None),
        ("scrub", "character varying(30)[]", {}, None),
        ("null", "bytea", {}, None),
        ("set(1)", "integer", {}, None),
        ("set(2020-01-01)", "date", {}, None),
        ("set(2020-01-01 00:00:00+00)", "timestamp with time zone", {}, None),
        ("set({})", "jsonb", {}, None),
        ("set(abc)", "integer", {}, "is no value of type integer"),
        ("set()", "date", {}, "is no value of type date"),
        ("set(x)", "bytea", {}, "is no value of type bytea"),
        ("set(long)", "character varying(3)", {}, "needs 4 characters and the column has 3"),
        ("email", "character varying(27)", {}, "needs 28 characters"),
        ("password", "character(40)", {}, "needs 41 characters"),
        ("hash", "character varying(3)", {}, None),
    ],
)
def test_whether_a_mask_fits_a_column(mask: str, type_: str, facts: dict[str, bool], why: str | None) -> None:
    found = misfit(parse(mask), column("c", type_, **facts), unique=False)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")


@pytest.mark.parametrize(
    ("mask", "type_", "why"),
    [
        ("fake(first)", "text", "can give two rows the same value"),
        ("phone", "text", "can give two rows the same value"),
        ("set(x)", "text", "can give two rows the same value"),
        ("hash", "character varying(15)", "needs 16 characters"),
        ("fake(username)", "character varying(15)", "needs 16 characters"),
        ("null", "text", None),
        ("email", "character varying(28)", None),
        ("hash", "character varying(16)", None),
        ("fake(username)", "character varying(16)", None),
    ],
)
def test_whether_a_mask_fits_a_unique_column(mask: str, type_: str, why: str | None) -> None:
    found = misfit(parse(mask), column("c", type_), unique=True)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")


@pytest.mark.parametrize("mask", TEXT_MASKS)
def test_null_stays_null_and_the_empty_string_stays_empty(pseudonyms: Pseudonyms, mask: str) -> None:
    made = masked(pseudonyms, mask, WITH_NULLS)
    assert [value is None for value in made] == [value is None for value in WITH_NULLS]
    if mask != "password":  # an empty password is none that anybody may log in with
        assert made[2] == ""
    assert masked(pseudonyms, mask, []) == []
    assert masked(pseudonyms, mask, [None]) == [None]


@pytest.mark.parametrize("mask", ["null", "set(x)"])
def test_null_and_set_do_not_look_at_the_value(pseudonyms: Pseudonyms, mask: str) -> None:
    assert masked(pseudonyms, mask, ["ann", "", None]) == [None if mask == "null" else "x"] * 3


@pytest.mark.parametrize("mask", ["email", "hash", "password", "fake(username)"])
@given(values=st.lists(st.text(min_size=1, max_size=9), unique_by=lambda value: value.strip().lower(), max_size=20))
def test_unique_values_stay_unique(mask: str, values: list[str], pseudonyms: Pseudonyms) -> None:
    made = masked(pseudonyms, mask, [*values], "character varying(64)")
    assert len(set(made)) == len(values)


@pytest.mark.parametrize("mask", [mask for mask in TEXT_MASKS if mask != "scrub"])
@pytest.mark.parametrize("type_", ["text", "character varying(100)", "character varying(41)"])
def test_nothing_of_the_original_is_left(pseudonyms: Pseudonyms, mask: str, type_: str) -> None:
    originals = ["jane.featherstonehaugh@planted.co.uk", "Jane Featherstonehaugh", "07911 123456"]
    for original, made in zip(originals, masked(pseudonyms, mask, [*originals], type_), strict=True):
        assert made not in (None, original)
        assert "featherstone" not in (made or "").lower()
        assert "7911" not in (made or "")


TYPES = ["text", "character varying(3)", "character varying(20)", "character varying(41)", "character(12)", "citext"]


def test_what_masks_make_loads_into_the_columns_that_they_fit(database: Database, pseudonyms: Pseudonyms) -> None:
    values = ["ann.lee@x.co", "Ann Lee", "+44 7911 123456", "x", None, "", "Ŵ" * 3]
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION citext")
        for type_ in TYPES:
            connection.execute(f"CREATE TEMP TABLE t (mask text, v {type_})")
            for mask in [*TEXT_MASKS, "null", "set(abc)"]:
                if misfit(parse(mask), column("c", type_), unique=False):
                    continue
                short = [value if value is None else value[: 3 if "(3)" in type_ else 12] for value in values]
                made = masked(pseudonyms, mask, [*short], type_)
                connection.cursor().executemany("INSERT INTO t VALUES (%s, %s)", [(mask, value) for value in made])
            [(masks, rows)] = connection.execute("SELECT count(DISTINCT mask), count(*) FROM t").fetchall()
            assert rows == masks * len(values)
            assert masks >= len(TEXT_MASKS) - 2  # email and password need their length
            connection.execute("DROP TABLE t")


def test_every_mask_that_hides_an_identity_says_which() -> None:
    assert {str(spec): identifies(spec) for spec in map(parse, [*TEXT_MASKS, "keep", "null", "set(x)"])} == {
        "email": "email", "phone": "phone", "file": None, "hash": "secret", "password": "secret", "scrub": None,
        "fake(first)": "first", "fake(last)": "last", "fake(name)": "name", "fake(username)": "username",
        **{f"fake({kind})": None for kind in FAKES if kind not in ("first", "last", "name", "username")},
        "keep": None, "null": None, "set(x)": None,
    }  # fmt: skip
    assert {"keep", "null", "set", "fake", "email", "phone", "file", "hash", "password", "scrub"} <= set(KINDS)
