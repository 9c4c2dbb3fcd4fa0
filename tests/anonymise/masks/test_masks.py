from pathlib import Path

import pytest

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import length_of
from etna_pipelines.anonymise.masks import KINDS, MaskSpec, catalogue, identifies, misfit, parse
from etna_pipelines.errors import RulesError
from etna_pipelines.postgres.server import Database
from tests.anonymise.masks.masking import OTHER_KEY, SAMPLES, USES, column_of, masked

README = Path(__file__).parents[3] / "anonymisation_rules" / "README.md"
UNIQUE_WORDS = {"preserved": "yes", "likely": "most likely", "lossy": "no"}


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("keep", MaskSpec("keep")),
        (" email ", MaskSpec("email")),
        ("fake( company )", MaskSpec("fake", ("company",))),
        ("set()", MaskSpec("set", ("",))),
        ("set( a, (b) )", MaskSpec("set", (" a, (b) ",))),
        ("set(two\nlines)", MaskSpec("set", ("two\nlines",))),
        ('pick("Lee, Ann", O\'Brien)', MaskSpec("pick", ("Lee, Ann", "O'Brien"))),
    ],
)
def test_a_mask_as_it_is_written(text: str, spec: MaskSpec) -> None:
    assert parse(text) == spec
    assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mail", "`mail` is not a mask; there are keep, null, default, set"),
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


def test_every_kind_of_mask_is_tried_here() -> None:
    assert {parse(use).name for use in USES} == set(KINDS)


@pytest.mark.parametrize("use", USES)
def test_what_every_mask_promises(use: str) -> None:
    spec = parse(use)
    kind = KINDS[spec.name]
    taking = [type_ for type_ in SAMPLES if misfit(spec, column_of(type_), unique=False) is None]
    assert taking
    for type_ in taking:
        column = column_of(type_)
        values = [SAMPLES[type_][0], None, *SAMPLES[type_], *SAMPLES[type_]]
        once = masked(use, values, type_)
        assert len(once) == len(values)
        assert once == masked(use, values, type_, blocks=3)
        assert masked(use, [], type_) == []
        if kind.empties == "stay":
            assert [made is None for made in once] == [value is None for value in values]
            assert all(made == "" for made, value in zip(once, values, strict=True) if value == "")
        filled = {value: made for value, made in zip(values, once, strict=True) if value}
        if kind.uniqueness(spec) == "preserved" and spec.name != "null":
            folded = {value.strip().lower() if kind.folds(spec) else value for value in filled}
            assert len(set(filled.values())) == len(folded)
        if (length := length_of(column)) is not None:
            assert all(len(made) <= length for made in filled.values() if made is not None)


@pytest.mark.parametrize(
    ("use", "type_"),
    [
        ("email", "text"), ("fake(username)", "text"), ("hash", "text"), ("token", "text"), ("password", "text"),
        ("fake(uuid)", "uuid"), ("fake(url)", "text"), ("fake(mac)", "macaddr"), ("token", "bigint"),
        ("token", "bytea"), ("fake(domain)", "text"), ("fake(card)", "text"), ("fake(iban)", "text"),
        ("password(django, letmein)", "text"),
    ],
)  # fmt: skip
def test_two_keys_share_no_token(use: str, type_: str) -> None:
    values = [value for value in SAMPLES[type_] if value not in ("", "\\x")]
    assert not set(masked(use, values, type_)) & set(masked(use, values, type_, key=OTHER_KEY))


KEEPS_SOMETHING = ("keep", "copy", "mask", "replace", "map", "shuffle", "scrub", "call", "each")


@pytest.mark.parametrize("use", [use for use in USES if parse(use).name not in KEEPS_SOMETHING])
@pytest.mark.parametrize("type_", ["text", "character varying(41)"])
def test_nothing_of_the_original_is_left(use: str, type_: str) -> None:
    if misfit(parse(use), column_of(type_), unique=False):
        return
    originals = ["jane.featherstonehaugh@planted.co.uk", "Jane Featherstonehaugh", "07911 123456"]
    for original, made in zip(originals, masked(use, originals, type_), strict=True):
        assert made != original
        assert "featherstone" not in (made or "").lower()
        assert "7911" not in (made or "")


def test_what_masks_make_loads_into_every_type_that_they_fit(database: Database) -> None:
    loaded = 0
    with database.connect() as connection:
        connection.execute(
            "CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('happy', 'sad', 'so so');"
            "CREATE DOMAIN words AS text; CREATE TYPE address AS (number integer, street text)"
        )
        for type_, values in SAMPLES.items():
            if type_ == "xml":  # the embedded server has none
                continue
            connection.execute(f"CREATE TEMP TABLE t (v {type_})")
            for use in USES:
                if misfit(parse(use), column_of(type_), unique=False) is None:
                    rows = masked(use, [*values, None], type_)
                    connection.execute(f"INSERT INTO t SELECT v::{type_} FROM unnest(%s::text[]) v", [rows])
                    loaded += 1
            connection.execute("DROP TABLE t")
    assert loaded > 400


@pytest.mark.parametrize(
    ("use", "type_", "why"),
    [
        (
            "email",
            "integer",
            "makes text and the column is integer: use serial, token, random(1, 99), noise(10%), round(10), shuffle",
        ),
        ("hash", "uuid", "`hash` makes text and the column is uuid: use fake(uuid), token, shuffle, null"),
        ("fake(first)", "jsonb", "makes text and the column is jsonb"),
        ("phone", "text[]", "makes text and the column is text[]: use shuffle, each(fake(first)), null"),
        ("scrub", "integer", "reads text and the column is integer"),
        ("scrub", "bytea", "reads text"),
        ("fake(ip)", "uuid", "`fake(ip)` is for text, inet, cidr and the column is uuid"),
        ("fake(uuid)", "character varying(20)", "needs 36 characters and the column has 20"),
        ("email", "character varying(27)", "needs 28 characters"),
        ("password", "character(40)", "needs 41 characters"),
        ("password(django, letmein)", "character varying(90)", "`password` needs 96 characters"),
        ("email", "character varying(254)", None),
        ("email", "citext", None),
        ("hash", "public.citext", None),
        ("hash", "character varying(3)", None),
        ("scrub", "public.hstore", None),
        ("scrub", "jsonb", None),
        ("scrub", "character varying(30)[]", "use each(scrub)"),
    ],
)
def test_whether_a_mask_fits_a_column(use: str, type_: str, why: str | None) -> None:
    found = misfit(parse(use), column_of(type_), unique=False)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")


@pytest.mark.parametrize(
    ("use", "type_", "why"),
    [
        ("fake(first)", "text", "can give two rows the same value and the column is unique: use"),
        ("fake(first)", "text", "or say `unique: true`"),
        ("phone", "text", "can give two rows the same value"),
        ("set(x)", "text", "can give two rows the same value"),
        ("noise(5)", "integer", "use serial, token, shuffle, null, set(...) or keep"),
        ("hash", "character varying(15)", "needs 16 characters"),
        ("token", "character varying(15)", "needs 16 characters"),
        ("fake(username)", "character varying(15)", "needs 16 characters"),
        ("null", "text", None),
        ("email", "character varying(28)", None),
        ("hash", "character varying(16)", None),
        ("token", "bigint", None),
        ("fake(username)", "character varying(16)", None),
    ],
)
def test_whether_a_mask_fits_a_unique_column(use: str, type_: str, why: str | None) -> None:
    found = misfit(parse(use), column_of(type_), unique=True)
    assert (found is None) == (why is None), found
    assert (why or "") in (found or "")


def test_identity_columns_take_what_keeps_integers_apart() -> None:
    column = column_of("integer").model_copy(update={"identity": True})
    assert [use for use in ("token", "serial", "keep") if misfit(parse(use), column, unique=True)] == []
    for use in ("set(1)", "shuffle", "noise(5)", "random(1, 9)"):
        assert "does not fit an identity column: use keep, token, serial" in str(
            misfit(parse(use), column, unique=True)
        )


def test_every_mask_that_hides_an_identity_says_which() -> None:
    hidden = {use: identifies(parse(use)) for use in USES}
    assert {use: kind for use, kind in hidden.items() if kind} == {
        "email": "email", "phone": "phone", "hash": "secret", "token": "secret",
        "password": "secret", "password(django, letmein)": "secret",
        "fake(first)": "first", "fake(last)": "last", "fake(name)": "name", "fake(username)": "username",
        "fake(card)": "secret", "fake(iban)": "secret", "fake(uuid)": "secret",
    }  # fmt: skip


def test_the_table_in_the_readme_is_what_the_masks_say() -> None:
    heads = ("mask", "what a value becomes", "for", "two rows stay two", "NULL and ''", "cost")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|"]
    for kind in catalogue():
        assert kind.examples, kind.name
        for written, becomes in kind.examples:
            spec = parse(written)
            cells = (", ".join(masks.types_of(spec)), UNIQUE_WORDS[masks.uniqueness(spec)], kind.empties, kind.cost)
            lines.append(f"| `{written}` | {becomes} | {' | '.join(cells)} |")
    table = "\n".join(lines)
    assert table in README.read_text(encoding="utf-8"), table
