from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.masks import calendar
from etna_pipelines.anonymise.values import Values

DAYS = st.dates(date(1, 1, 2), date(9999, 12, 30))


def shifted(values: list[str | None], days: list[int]) -> list[str | None]:
    return calendar.shifted(Values.of(values), np.array(days, np.int64)).to_list()


@given(dates=st.lists(DAYS, max_size=20), days=st.integers(-36_500, 36_500))
def test_dates_move_as_the_calendar_has_them(dates: list[date], days: int) -> None:
    moved = [min(max(day.toordinal() + days, 1), date.max.toordinal()) for day in dates]
    assert shifted([str(day) for day in dates], [days] * len(dates)) == [str(date.fromordinal(day)) for day in moved]


@pytest.mark.parametrize(
    ("value", "later"),
    [
        ("2020-02-28", "2020-02-29"),
        ("2020-12-31 23:59:59.5+00", "2021-01-01 23:59:59.5+00"),
        ("[2020-01-01,2020-02-01)", "[2020-01-02,2020-02-02)"),
        ('["1999-12-31 10:00:00+01","2000-01-01 10:00:00+01"]', '["2000-01-01 10:00:00+01","2000-01-02 10:00:00+01"]'),
        ("[0001-01-01,2020-01-01)", "[0001-01-01,2020-01-02)"),
        ("9999-12-31", "9999-12-31"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 BC", "0044-03-15 BC"),
        ("12020-01-01", "12020-01-01"),
        ("empty", "empty"),
        ("2020-1-01", "2020-1-01"),
        ("", ""),
        (None, None),
    ],
)
def test_a_day_later(value: str | None, later: str | None) -> None:
    assert shifted([value], [1]) == [later]


@pytest.mark.parametrize(
    ("unit", "value", "rounded"),
    [
        ("day", "2020-02-29 23:59:59.123456+05:30", "2020-02-29 00:00:00.000000+05:30"),
        ("month", "2020-02-29", "2020-02-01"),
        ("year", "2020-02-29 10:11:12", "2020-01-01 00:00:00"),
        ("month", "[2020-01-15,2020-02-15)", "[2020-01-01,2020-02-01)"),
        ("year", '["2020-05-05 10:00:00+01",)', '["2020-01-01 00:00:00+01",)'),
        ("year", "9999-12-31", "9999-12-31"),
        ("year", "infinity", "infinity"),
    ],
)
def test_rounding_down(unit: str, value: str, rounded: str) -> None:
    assert calendar.rounded(Values.of([value, None]), unit).to_list() == [rounded, None]


def test_values_may_stand_anywhere_in_their_buffer() -> None:
    values = Values.of(["2020-01-01", "x", "2021-01-01"]).at(np.array([2, 0]))
    assert calendar.shifted(values, np.array([1, 2])).to_list() == ["2021-01-02", "2020-01-03"]
