"""Masks for what can be counted, numbers and dates: random, noise, round, shift."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

import numpy as np
import polars as pl

from etna_pipelines.anonymise.column_types import base_type
from etna_pipelines.anonymise.masks import calendar
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, on_filled
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import (
    holds_moments,
    in_numeric,
    integer_limit,
    is_moment,
    is_number,
    misfit_of,
    unit_of,
)
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ValueMalformed
from etna_pipelines.snapshots.manifest import Column

_EXACT = Context(prec=150_000, rounding=ROUND_HALF_EVEN)  # PostgreSQL's numeric has 147,455 digits at most
_LARGEST = {"real": Decimal("3.4e38"), "double precision": Decimal("1.79e308")}
_FARTHEST = 36_500
_PARTS = 1_000_000


def _random(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    draw = _random_moments(spec, column) if is_moment(column) else _random_numbers(spec)
    return on_filled(lambda values: Values.of(draw(pl.Series(tools.pseudonyms.numbers(values, "random")))))


def _random_numbers(spec: MaskSpec) -> Callable[[pl.Series], pl.Series]:
    low, high = map(Decimal, spec.arguments)
    digits = max(_decimals(low), _decimals(high))
    first, last = int(low.scaleb(digits)), int(high.scaleb(digits))

    def draw(numbers: pl.Series) -> pl.Series:
        steps = (first + number % (last - first + 1) for number in numbers)
        return pl.Series([format(Decimal(step).scaleb(-digits), "f") for step in steps], dtype=pl.String)

    return draw


def _random_moments(spec: MaskSpec, column: Column) -> Callable[[pl.Series], pl.Series]:
    is_date = base_type(column) == "date"
    step = 86_400 if is_date else 1
    low, high = (int(_moment(argument).timestamp()) // step for argument in spec.arguments)
    form = "%Y-%m-%d" if is_date else "%Y-%m-%d %H:%M:%S+00" if "with time zone" in column.type else "%Y-%m-%d %H:%M:%S"

    def draw(numbers: pl.Series) -> pl.Series:
        seconds = (low + (numbers % (high - low + 1)).cast(pl.Int64)) * step
        return pl.from_epoch(seconds, time_unit="s").dt.strftime(form)

    return draw


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse_random(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    for argument in spec.arguments:
        if why := misfit_of(argument, str(spec), column):
            return why
    try:
        low, high = (_moment(end).timestamp() if is_moment(column) else Decimal(end) for end in spec.arguments)
    except (ValueError, ArithmeticError):
        return f"`{spec}` is not a span of type {base_type(column)}: write random(lowest, highest)"
    return None if low <= high else f"`{spec}` ends before it begins: write random(lowest, highest)"


def _noise(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    amount, is_share = _amount(spec)

    def changed(value: Decimal, drawn: int) -> Decimal:
        part = Decimal(drawn % (2 * _PARTS + 1) - _PARTS).scaleb(-6)  # between -1 and 1
        by = part * amount * (abs(value).scaleb(-2) if is_share else 1)
        exponent = value.as_tuple().exponent
        by = by.quantize(Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0))
        return value + by if _holds(value + by, column) else value - by

    def mask(values: Values) -> Values:
        return _each_number(values, changed, tools.pseudonyms.numbers(values, "noise").tolist())

    return on_filled(mask)


def _amount(spec: MaskSpec) -> tuple[Decimal, bool]:
    """How much noise, and whether that is a percentage of the value."""
    return Decimal(spec.arguments[0].rstrip(" %")), spec.arguments[0].endswith("%")


def _wrong_noise(spec: MaskSpec) -> str | None:
    right = re.fullmatch(r"\d{1,18}(?:\.\d{1,6})? ?%?", spec.arguments[0])
    if not right or not 0 < _amount(spec)[0] <= (100 if _amount(spec)[1] else 10**18):
        return f"`{spec}` is not an amount: write noise(10%), of at most 100%, or noise(5)"
    return None


def _refuse_noise(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    (amount, is_share), unit = _amount(spec), unit_of(column)
    if is_share:
        return None
    if unit is not None and 2 * amount <= unit:  # it is rounded to 0
        return f"`{spec}` is too little to change a column of {base_type(column)}: use noise({unit:f}) or more"
    return misfit_of(spec.arguments[0], str(spec), column)


def _round(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    [step] = spec.arguments
    if holds_moments(column):
        return on_filled(lambda values: calendar.rounded(values, step))
    size = Decimal(step)

    def rounded(value: Decimal, _drawn: int) -> Decimal:
        return value // size * size  # towards zero, so that it fits whatever the value fits

    return on_filled(lambda values: _each_number(values, rounded, [0] * len(values)))


def _wrong_round(spec: MaskSpec) -> str | None:
    [step] = spec.arguments
    is_step = re.fullmatch(r"\d{1,18}(?:\.\d{1,18})?", step) and Decimal(step) > 0
    if is_step or step in calendar.UNITS:
        return None
    return f"`{spec}` is no step: write round(10) for numbers, round(month) or round(year) for dates"


def _refuse_round(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    [step] = spec.arguments
    type_ = base_type(column)
    if holds_moments(column) != (step in calendar.UNITS):
        return f"`{spec}` does not fit {type_}: numbers are rounded to a step, dates to day, month or year"
    if step == "day" and type_.startswith("date"):
        return f"`{spec}` changes no {type_}: use round(month), round(year) or keep"
    unit = unit_of(column)
    if unit is not None and (Decimal(step) % unit or Decimal(step) == unit):
        return f"`{spec}` has to be a multiple of {unit:f}, and more, to change a column of {type_}: use a larger step"
    return None


def _shift(spec: MaskSpec, _column: Column, tools: Tools) -> Mask:
    days = int(spec.arguments[0])

    def mask(values: Values, rows: Rows) -> Values:
        subjects = values
        if spec.arguments[1:]:
            named = rows.original(spec.arguments[1])
            subjects = named.where(named.filled, values)
        by = (tools.pseudonyms.numbers(subjects, "shift") % np.uint64(2 * days)).astype(np.int64) - days
        return calendar.shifted(values, np.where(by < 0, by, by + 1))  # never by 0

    return mask


def _wrong_shift(spec: MaskSpec) -> str | None:
    days = spec.arguments[0]
    if re.fullmatch(r"\d{1,5}", days) and 0 < int(days) <= _FARTHEST:
        return None
    return f"`{spec}` is no number of days from 1 to {_FARTHEST}: write shift(30), or shift(30, user_id)"


def _each_number(values: Values, change: Callable[[Decimal, int], Decimal], drawn: list[int]) -> Values:
    """Each number changed, exactly; NaN and infinities stay. Raises ValueMalformed for what is no number."""
    made: list[str] = []
    with localcontext(_EXACT):
        for position, (text, number) in enumerate(zip(values.to_list(), drawn, strict=True)):
            try:
                value = Decimal(text or "")
            except ArithmeticError:
                raise ValueMalformed(position, "is not a number") from None
            made.append(format(change(value, number), "f") if value.is_finite() else text or "")
    return Values.of(made)


def _holds(number: Decimal, column: Column) -> bool:
    limit = integer_limit(column)
    if limit is not None:
        return -limit <= number < limit
    return in_numeric(number, column) and abs(number) <= _LARGEST.get(base_type(column), abs(number))


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


KINDS = (
    MaskKind(
        "random",
        _random,
        (2, 2),
        fits=lambda column: is_number(column) or is_moment(column),
        refuses=_refuse_random,
        examples=(
            ("random(1, 99)", "a number between two, the same for equal values"),
            ("random(1950-01-01, 2005-12-31)", "a date between two, likewise"),
        ),
    ),
    MaskKind(
        "noise",
        _noise,
        (1, 1),
        fits=is_number,
        refuses=_refuse_noise,
        wrong=_wrong_noise,
        cost="parsed",
        examples=(("noise(10%)", "a number at most that far away, with as many decimals; `noise(5)` likewise"),),
    ),
    MaskKind(
        "round",
        _round,
        (1, 1),
        fits=lambda column: is_number(column) or holds_moments(column),
        refuses=_refuse_round,
        wrong=_wrong_round,
        cost="parsed",
        examples=(
            ("round(10)", "a number rounded towards 0"),
            ("round(month)", "a date rounded down to its `day`, `month` or `year`"),
        ),
    ),
    MaskKind(
        "shift",
        _shift,
        (1, 2),
        fits=holds_moments,
        wrong=_wrong_shift,
        reads=lambda spec: spec.arguments[1:],
        examples=(
            (
                "shift(30)",
                "a date up to 30 days away; `shift(30, user_id)`: all dates of one `user_id` by the same number",
            ),
        ),
    ),
)
