from decimal import Decimal

import pytest

from etna_pipelines.anonymise.masks.types import in_numeric, misfit_of, takes
from tests.anonymise.masks.masking import SAMPLES, column_of


@pytest.mark.parametrize(
    ("type_", "right", "wrong"),
    [
        ("smallint", "-32768", "32768"),
        ("bigint", "9223372036854775807", "9223372036854775808"),
        ("integer", "7", "7.5"),
        ("numeric(5,2)", "999.99", "1000"),
        ("numeric(5,2)", "999.994", "999.995"),
        ("double precision", "1.5", "x"),
        ("date", "2020-02-29", "29/02/2020"),
        ("boolean", "t", "maybe"),
        ("mood", "so so", "angry"),
        ("bytea", "\\xff00", "ff00"),
        ("inet", "2001:db8::1/64", "1.2.3"),
        ("cidr", "10.0.0.0/8", "10.0.0.1/8"),
        ("macaddr", "02:00:00:00:00:01", "02:00"),
        ("interval", "3 days", "soon"),
        ("time without time zone", "23:59", "25:00"),
        ("uuid", "00000000-0000-0000-0000-000000000000", "0"),
        ("jsonb", '{"a": [1]}', "{a}"),
        ("xml", "plain", "<a>"),
        ("tsvector", "", "ann"),
        ("daterange", "empty", "x"),
        ("text[]", "{}", "x"),
        ("address", "(1,x)", "1"),
        ("character varying(3)", "Ŵŵ日", "four"),
        ("citext", "anything", None),
    ],
)
def test_what_a_type_surely_takes(type_: str, right: str, wrong: str | None) -> None:
    assert takes(right, column_of(type_))
    assert wrong is None or not takes(wrong, column_of(type_))


def test_a_value_that_does_not_fit_is_said_with_what_would() -> None:
    assert misfit_of("x", "set(x)", column_of("text")) is None
    assert misfit_of("angry", "set(angry)", column_of("mood")) == (
        "`set(angry)` is no label of mood: there are happy, sad, so so"
    )
    assert "needs 4 characters and the column has 3" in str(
        misfit_of("four", "set()", column_of("character varying(3)"))
    )
    assert "is no value of type date" in str(misfit_of("x", "set(x)", column_of("date")))


def test_numbers_that_a_numeric_column_holds() -> None:
    column = column_of("numeric(5,2)")
    assert all(in_numeric(Decimal(value), column) for value in SAMPLES["numeric(5,2)"])
    assert in_numeric(Decimal("999.994"), column)
    assert not in_numeric(Decimal("-999.995"), column)  # the server would make it 1000.00
    assert in_numeric(Decimal("1e500"), column_of("numeric"))
