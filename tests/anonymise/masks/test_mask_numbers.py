from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import misfit, parse
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError, ValueMalformed
from tests.anonymise.masks.masking import OTHER_KEY, Block, column_of, made, masked

MANY = [str(number) for number in range(500)]


def test_random_numbers_lie_between_their_ends() -> None:
    drawn = masked("random(1, 6)", MANY, "integer")
    assert set(drawn) == set("123456")
    assert drawn != masked("random(1, 6)", MANY, "integer", key=OTHER_KEY)
    assert set(masked("random(0.25, 0.5)", MANY, "numeric")) == {f"0.{cents}" for cents in range(25, 51)}
    assert set(masked("random(-1, 1)", MANY, "double precision")) == {"-1", "0", "1"}


def test_random_dates_lie_between_their_ends() -> None:
    drawn = masked("random(2000-02-28, 2000-03-01)", MANY, "date")
    assert set(drawn) == {"2000-02-28", "2000-02-29", "2000-03-01"}
    times = masked("random(2000-01-01, 2000-01-01 00:00:09)", MANY, "timestamp without time zone")
    assert set(times) == {f"2000-01-01 00:00:0{second}" for second in range(10)}
    assert masked("random(1950-01-01, 2000-01-01)", ["x"], "timestamp with time zone")[0][-3:] == "+00"  # type: ignore[index]


@pytest.mark.parametrize(
    ("mask", "type_", "why"),
    [
        ("random(9, 1)", "integer", "ends before it begins"),
        ("random(2000-01-02, 2000-01-01)", "date", "ends before it begins"),
        ("random(1, 99999)", "smallint", "is no value of type smallint"),
        ("random(1, 2)", "date", "is no value of type date"),
        ("random(2000-02-30, 2000-03-01)", "date", "is not a span"),
        ("noise(100000)", "smallint", "is no value of type smallint"),
        ("round(month)", "integer", "does not fit integer"),
        ("round(10)", "date", "does not fit date"),
        ("round(1)", "integer", "has to be a multiple of 1, and more"),
        ("round(1.5)", "bigint", "has to be a multiple of 1, and more"),
        ("round(0.01)", "numeric(10,2)", "has to be a multiple of 0.01, and more"),
        ("round(10)", "numeric(5,-2)", "has to be a multiple of 100, and more"),
        ("round(day)", "date", "changes no date: use round(month)"),
        ("round(day)", "daterange", "changes no daterange"),
        ("noise(0.5)", "integer", "is too little to change a column of integer: use noise(1)"),
        ("noise(0.005)", "numeric(10,2)", "is too little"),
        ("shift(3)", "text", "the column is text"),
        ("noise(5)", "text", "the column is text"),
    ],
)
def test_spans_and_amounts_have_to_fit_the_column(mask: str, type_: str, why: str) -> None:
    assert why in str(misfit(parse(mask), column_of(type_), unique=False))


@pytest.mark.parametrize(
    ("mask", "type_"),
    [
        ("round(2)", "integer"),
        ("round(0.05)", "numeric(10,2)"),
        ("round(1)", "numeric"),
        ("round(0.1)", "real"),
        ("round(day)", "timestamp with time zone"),
        ("noise(1)", "integer"),
        ("noise(0.01)", "numeric(10,2)"),
    ],
)
def test_what_changes_some_value_fits(mask: str, type_: str) -> None:
    assert misfit(parse(mask), column_of(type_), unique=False) is None


@pytest.mark.parametrize(
    "mask",
    [
        "noise(x)",
        "noise(0)",
        "noise(101%)",
        "noise(-5)",
        "round(0)",
        "round(week)",
        "shift(0)",
        "shift(40000)",
        "shift(x)",
    ],
)
def test_what_is_no_amount_is_refused(mask: str) -> None:
    with pytest.raises(RulesError, match="write "):
        parse(mask)


NUMERICS = st.decimals(-(10**30), 10**30, allow_nan=False, allow_infinity=False)


@given(value=NUMERICS)
def test_noise_stays_near_and_keeps_the_decimals(value: Decimal) -> None:
    [noisy] = masked("noise(10%)", [format(value, "f")], "numeric")
    exponent = int(value.as_tuple().exponent)
    assert abs(Fraction(str(noisy)) - Fraction(value)) <= abs(Fraction(value)) / 10 + Fraction(10) ** exponent
    assert Decimal(str(noisy)).as_tuple().exponent == min(exponent, 0)


@pytest.mark.parametrize("type_", ["smallint", "integer", "bigint"])
def test_noise_stays_in_the_type(type_: str) -> None:
    limit = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}[type_]
    values = [str(sign * (limit - offset)) for offset in range(1, 90) for sign in (1, -1)]
    for mask in ("noise(50%)", "noise(1000)"):
        noisy = [int(str(value)) for value in masked(mask, values, type_)]
        assert all(-limit <= value < limit for value in noisy)
        assert len(set(noisy)) > 80


@given(value=NUMERICS, step=st.sampled_from(["0.05", "1", "7", "1000"]))
def test_rounding_is_exact_and_towards_zero(value: Decimal, step: str) -> None:
    [rounded] = masked(f"round({step})", [format(value, "f")], "numeric")
    made = Fraction(str(rounded))
    assert made % Fraction(step) == 0
    assert abs(made) <= abs(Fraction(value)) < abs(made) + Fraction(step)


def test_what_is_not_finite_stays_and_what_is_no_number_is_malformed() -> None:
    assert masked("noise(5)", ["NaN", "Infinity", "-Infinity"], "numeric") == ["NaN", "Infinity", "-Infinity"]
    with pytest.raises(ValueMalformed) as malformed:
        masked("round(5)", ["1", "x"], "integer")
    assert (malformed.value.position, malformed.value.what) == (1, "is not a number")


def days_between(first: str | None, second: str | None) -> int:
    return (date.fromisoformat(str(second)[:10]) - date.fromisoformat(str(first)[:10])).days


class OfUsers(Block):
    """Rows of the users 1, 1, 2 and none."""

    def original(self, column: str) -> Values:
        assert column == "user_id"
        return Values.of(["1", "1", "2", None])


def test_shift_moves_all_dates_of_one_subject_by_the_same() -> None:
    values = Values.of(["2020-01-01", "2020-03-01", "2020-01-01", "2020-01-01"])
    moved = made("shift(90, user_id)", column_of("date"))(values, OfUsers(values)).to_list()
    assert days_between(moved[0], moved[1]) == 60
    assert days_between("2020-01-01", moved[0]) != days_between("2020-01-01", moved[2])
    assert moved[3] == masked("shift(90)", ["2020-01-01"], "date")[0]
    assert parse("shift(90, user_id)").arguments == ("90", "user_id")


def test_shift_moves_every_value_by_at_most_so_many_days_and_never_by_none() -> None:
    values = [f"20{year:02}-05-17" for year in range(100)]
    by = {days_between(*pair) for pair in zip(values, masked("shift(3)", values, "date"), strict=True)}
    assert by == {-3, -2, -1, 1, 2, 3}
