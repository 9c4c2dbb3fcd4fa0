import pytest

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.anonymise.masks.fixed import constant_default
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from tests.anonymise.masks.masking import Block, column_of, made, masked

VALUES = ["ann", "", None, "bob"]


@pytest.mark.parametrize(
    ("mask", "instead"),
    [("keep", VALUES), ("null", [None] * 4), ("set(x)", ["x"] * 4), ("set()", [""] * 4), ("default", [None] * 4)],
)
def test_masks_that_do_not_look_at_the_value(mask: str, instead: list[str | None]) -> None:
    assert masked(mask, VALUES) == instead


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("'it''s'::character varying", "it's"),
        (r"E'a\\b'::text", r"a\b"),
        ("'{}'::jsonb", "{}"),
        ("0", "0"),
        ("(-1.50)", "-1.50"),
        ("'-1'::integer", "-1"),
        ("true", "t"),
        ("NULL::character varying(20)", None),
        ("", None),
    ],
)
def test_a_constant_default_is_its_value(sql: str, value: str | None) -> None:
    assert constant_default(column_of("text", default=sql)) == value


@pytest.mark.parametrize(
    "sql", ["now()", "nextval('a_id_seq'::regclass)", "('a'::text || 'b'::text)", "'a'::text || f()"]
)
def test_a_computed_default_is_refused(sql: str) -> None:
    assert "this column's DEFAULT is computed" in str(
        misfit(parse("default"), column_of("text", default=sql), unique=False)
    )


def test_null_and_an_absent_default_do_not_fit_not_null() -> None:
    assert "does not fit a NOT NULL column" in str(
        misfit(parse("null"), column_of("text", not_null=True), unique=False)
    )
    assert "would be NULL" in str(misfit(parse("default"), column_of("text", not_null=True), unique=False))


def test_copy_takes_what_the_other_column_has_become() -> None:
    assert made("copy(name)", column_of("character varying(2)"))(
        Values.of(["x"]), Block(Values.of(["Kim"]))
    ).to_list() == ["Ki"]


def test_serial_counts_the_rows_of_the_table() -> None:
    assert masked("serial", ["7", None, "9"], "integer", blocks=2) == ["1", None, "3"]
    assert masked("serial(case-)", VALUES) == ["case-1", "", None, "case-4"]


def test_serial_stops_where_the_type_ends() -> None:
    block = Block(Values.of(["1"]), first=32766)
    assert made("serial", column_of("smallint"))(Values.of(["1"]), block).to_list() == ["32767"]
    with pytest.raises(RulesError, match="counts further than c can hold, which is smallint"):
        made("serial", column_of("smallint"))(Values.of(["1"]), Block(Values.of(["1"]), first=32767))


def test_serial_with_a_prefix_is_text_and_needs_room() -> None:
    assert "makes text and the column is integer" in str(misfit(parse("serial(a)"), column_of("integer"), unique=False))
    assert "needs 14 characters" in str(misfit(parse("serial(a)"), column_of("character varying(9)"), unique=False))
