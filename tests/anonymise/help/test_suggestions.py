import polars as pl
import pytest

from etna_pipelines.anonymise.help.signs import NOTHING, look
from etna_pipelines.anonymise.help.suggestions import classify, mask_for, suggest
from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.snapshots.manifest import Column
from tests.anonymise.nights import column


@pytest.mark.parametrize(
    ("name", "type_", "mask"),
    [
        ("email", "character varying(254)", "email"),
        ("user_e_mail", "text", "email"),
        ("first_name", "character varying(150)", "fake(first)"),
        ("surname", "text", "fake(last)"),
        ("username", "text", "fake(username)"),
        ("password", "character varying(128)", "password"),
        ("mobile", "text", "phone"),
        ("api_token", "text", "hash"),
        ("body", "text", "scrub"),
        ("name", "public.citext", "fake(name)"),
        ("data", "jsonb", "scrub"),
        ("tags", "text[]", "scrub"),
        ("ip", "inet", "null"),
        ("count", "integer", "keep"),
        ("email", "integer", "keep"),
    ],
)
def test_a_mask_to_begin_with(name: str, type_: str, mask: str) -> None:
    assert suggest(column(name, type_)) == mask


@pytest.mark.parametrize("type_", ["text", "jsonb", "text[]", "bytea", "inet", "integer", "uuid", "tsvector", "xml"])
@pytest.mark.parametrize("name", ["email", "password", "name", "x"])
@pytest.mark.parametrize("not_null", [True, False])
def test_what_is_suggested_fits(name: str, type_: str, not_null: bool) -> None:
    suggested = column(name, type_, not_null=not_null)
    assert misfit(parse(suggest(suggested)), suggested, unique=False) is None


@pytest.mark.parametrize(
    ("name", "type_", "values", "mask", "why"),
    [
        ("x", "text", ["ann@x.co", "ben@x.co", "none"], "email", "67 % of 3 sampled values are e-mail addresses"),
        ("x", "text", ["01632 960123"] * 4, "phone", "100 % of 4 sampled values are phone numbers"),
        ("x", "text", ["Margaret Hughes", "Ann Lee", "???"], "fake(name)", "names of people"),
        ("owner_id", "text", [f"jsmith{number}" for number in range(9)], "fake(username)", "user names"),
        ("x", "text", ["$2b$12$abcdefghijklmnopqrstuv"], "password", "password hashes"),
        ("x", "text", ["nothing"] * 99 + ["write to ann@x.co"], "scrub", "1 % of 100 sampled values hold an e-mail"),
        ("x", "text", ["to whom it may concern"], "scrub", "they may mention people"),
        ("x", "jsonb", ['{"a": "b"}'], "scrub", "are JSON"),
        ("x", "text", ["cv/hughes.pdf", "scan.png"], "file", "names of files"),
        ("slug", "text", ["notes-on-margaret-hughes"], "scrub", "several words with hyphens"),
        ("born", "date", [], "null", "its name says when a person was born"),
        ("d", "date", [f"19{year}-05-01" for year in range(50, 90)], "null", "dates on which people may be born"),
        ("last_login", "timestamp with time zone", [], "null", "when a person was there"),
        ("phone", "bigint", [], "null", "a number of a person's own"),
    ],
)
def test_what_is_sensitive_and_why(name: str, type_: str, values: list[str], mask: str, why: str) -> None:
    classified = column(name, type_)
    found = classify(classified, look(pl.Series(values, dtype=pl.String)))

    assert found.sensitive
    assert mask_for(found, classified) == mask
    assert why in found.why


@pytest.mark.parametrize(
    ("name", "type_", "values", "why"),
    [
        ("status", "text", ["approved", "rejected"] * 50, "a program chooses its values"),
        ("x", "text", ["draft", "live"] * 50, "labels: 2 distinct among 100 sampled values"),
        ("object_id", "text", [str(number) for number in range(100)], "a program chooses"),
        ("x", "text", [str(number) for number in range(100)], "digits alone"),
        ("x", "text", ["1f0c9a3e-7e64-41c9-a45f-23722e5fde18"], "UUIDs"),
        ("x", "text", [f"wagtail.action_{number}" for number in range(100)], "codes"),
        ("file_hash", "text", ["917be319de031bd13e4e7ddd7ba5d089965fbbf1"], "checksums"),
        ("name", "text", [f"Venue {number}" for number in range(100)], "names of things: none of 100 sampled values"),
        ("birthday_party", "boolean", [], "boolean: names nobody"),
        ("theme", "text", [], "none were sampled"),
        ("x", "integer[]", [], "numbers"),
        ("x", "character varying(3)", [], "too short"),
    ],
)
def test_what_is_not_and_why(name: str, type_: str, values: list[str], why: str) -> None:
    found = classify(column(name, type_), look(pl.Series(values, dtype=pl.String)))

    assert not found.sensitive
    assert why in found.why


def test_an_enum_holds_what_it_was_made_with() -> None:
    assert not classify(Column(name="name", type="public.title", category="E", labels=["Ms", "Mr"]), NOTHING).sensitive


def test_a_unique_column_gets_what_keeps_it_unique() -> None:
    assert suggest(column("first_name"), unique=True) == "hash"


def test_bytes_that_may_not_be_null_are_hashed() -> None:
    avatar = column("avatar", "bytea", not_null=True)

    assert classify(avatar).sensitive
    assert suggest(avatar) == "hash"
