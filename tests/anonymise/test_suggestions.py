import pytest

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.anonymise.suggestions import suggest
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
