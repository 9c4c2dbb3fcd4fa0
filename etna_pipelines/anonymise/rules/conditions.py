"""Conditions: SQL over a row's original columns, for `rows:`, `when:` and `unless:`.

Polars reads the SQL (`polars.sql_expr`) and works it out for whole blocks. What looks further than one row, or may run
long, is refused when the rules are compiled; Polars' regular expressions are linear in the text's length.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl
from polars.exceptions import PanicException, PolarsError

from etna_pipelines.anonymise.column_types import base_type
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.rules.comparisons import as_in_postgresql
from etna_pipelines.anonymise.values import Choice
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column, Table
from etna_pipelines.yaml_file import did_you_mean

_ALLOWED = {
    "BinaryExpr", "Cast", "Column", "Literal", "Ternary", "Alias",
    "Abs", "Ceil", "Coalesce", "Floor", "MaxHorizontal", "MinHorizontal", "Round", "Sign",
    "Boolean.IsNull", "Boolean.IsNotNull", "Boolean.IsNan", "Boolean.IsNotNan", "Boolean.Not",
    "Sql.IsIn", "Sql.Round", "Sql.ToFloat",
    *(f"Sql.Binary.{op}" for op in ("Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq", "Plus", "Minus", "Multiply", "Rem")),
    "StringExpr.ConcatHorizontal", "StringExpr.Contains", "StringExpr.EndsWith",
    "StringExpr.LenBytes", "StringExpr.LenChars", "StringExpr.Lowercase", "StringExpr.Reverse",
    "StringExpr.Slice", "StringExpr.StartsWith", "StringExpr.StripChars",
    "StringExpr.StripCharsEnd", "StringExpr.StripCharsStart", "StringExpr.Uppercase",
    "TemporalExpr.Year", "TemporalExpr.Quarter", "TemporalExpr.Month", "TemporalExpr.Week", "TemporalExpr.WeekDay",
    "TemporalExpr.Day", "TemporalExpr.OrdinalDay", "TemporalExpr.Hour", "TemporalExpr.Minute", "TemporalExpr.Second",
    "TemporalExpr.OffsetBy",
}  # fmt: skip
"""What a condition may be made of, as Polars calls it: each looks at one row and takes time by the row's length."""

_INSIDE = {"BinaryExpr": ("left", "right"), "Cast": ("expr",), "Ternary": ("predicate", "truthy", "falsy")}

_TRUTH_TEST = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\bIS\s+(NOT\s+)?(TRUE|FALSE|UNKNOWN)\b""", re.I)

_MOMENT = r"^(\d+)-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?"
_LAST_YEAR, _INFINITE_YEAR = 200_000, 250_000
"""Polars' microseconds end before PostgreSQL's years: all later ones are one here, and infinity is beyond them."""


@dataclass(frozen=True)
class Condition:
    """An SQL condition over columns of one table."""

    text: str
    expression: pl.Expr
    table: Table

    @cached_property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return list(dict.fromkeys(self.expression.meta.root_names()))

    def holds(self, rows: Rows) -> Choice:
        """For which rows it is true; where SQL calls it unknown (NULL) it is not. Raises RulesError."""
        truth = self.truth({name: rows.original(name).series() for name in self.columns})
        return truth.fill_null(False).to_numpy()

    def truth(self, values: Mapping[str, pl.Series]) -> pl.Series:
        """True, false or null for each row, from its columns' values as COPY writes them. Raises RulesError."""
        try:
            return self._worked_out(values)
        except (PolarsError, PanicException):  # its message quotes values
            raise RulesError(
                f"`{self.text}` can't be worked out for some row of {self.table.qualified}: "
                "use TRY_CAST where a text may be no number or date."
            ) from None

    def of_any(self, name: str) -> tuple[str, object]:
        """How a column is read and what is said of it, its name left open: equal where two say the same of two."""

        def opened(node: dict[str, object]) -> dict[str, object]:
            return {"Column": ""} if node == {"Column": name} else node

        read = _typed(self._column(name).model_copy(update={"name": ""})).meta.serialize(format="json")
        return read, json.loads(self.expression.meta.serialize(format="json"), object_hook=opened)

    def check(self) -> None:
        """Work it out for two rows made up. Raises RulesError (without a place) for what is no condition."""
        made_up = {name: pl.Series([_sample(self._column(name)), None], dtype=pl.String) for name in self.columns}
        try:
            truth = self._worked_out(made_up)
        except (PolarsError, PanicException) as problem:
            raise RulesError(f"`{self.text}` can't be worked out ({_first_line(problem)}): {_ADVICE}") from None
        if truth.dtype != pl.Boolean:
            raise RulesError(f"`{self.text}` is not true or false: compare it with something")

    def _worked_out(self, values: Mapping[str, pl.Series]) -> pl.Series:
        raw = pl.DataFrame([series.alias(name) for name, series in values.items()])
        return raw.select(_typed(self._column(name)) for name in values).select(self.expression).to_series()

    def _column(self, name: str) -> Column:
        return next(column for column in self.table.columns if column.name == name)


_ADVICE = (
    "write dates as DATE '2026-01-31', times as TIMESTAMP '2026-01-31 12:00:00', and TRY_CAST(a AS INT) for numbers "
    "in texts"
)


def condition(text: str, table: Table) -> Condition:
    """The SQL compiled for a table and tried out. Raises RulesError, without a place: the caller knows it."""
    try:
        expression = pl.sql_expr(_TRUTH_TEST.sub(_null_safe, text))
        parts = set(_parts(json.loads(expression.meta.serialize(format="json"))))
    except (PolarsError, PanicException, ValueError, RecursionError) as problem:
        raise RulesError(f"`{text}` is not a condition in SQL ({_first_line(problem)}): {_ADVICE}") from None
    if not parts <= _ALLOWED:
        raise RulesError(
            f"`{text}` is more than a condition on one row: compare columns and plain functions of them, "
            "without aggregates, subqueries, division, padding and replacing"
        )
    compiled = Condition(text, expression, table)
    known = [column.name for column in table.copied]
    for name in compiled.columns:
        if name not in known:
            raise RulesError(
                f"`{text}` names `{name}`, which is no column with values here: {did_you_mean(name, known)}"
            )
    if not compiled.columns:
        raise RulesError(f"`{text}` names no column, so it is the same for all rows")
    compiled = replace(compiled, expression=as_in_postgresql(text, expression, table))
    compiled.check()
    return compiled


def exception(when: str | None, unless: str | None, table: Table) -> Condition | None:
    """Where a mask applies: where `when` is true and `unless` is not. None where it always does. Raises RulesError."""
    applies = condition(when, table) if when is not None else None
    if unless is None:
        return applies
    spared = condition(unless, table)
    elsewhere = Condition(f"NOT ({unless})", ~spared.expression.fill_null(False), table)
    if applies is None:
        return elsewhere
    both = applies.expression & elsewhere.expression
    return Condition(f"({applies.text}) AND {elsewhere.text}", both, table)


def _null_safe(test: re.Match[str]) -> str:
    """`IS NOT TRUE` holds for NULL; Polars takes it for `<> TRUE`."""
    negated, word = test[1], test[2]
    if word is None:
        return test[0]
    if word.upper() == "UNKNOWN":
        return f"IS {negated or ''}NULL"
    return f"IS {'' if negated else 'NOT '}DISTINCT FROM {word}"


def _parts(node: object) -> Iterator[str]:
    """What an expression is made of, from how Polars serialises it: `Function` by the function's own name."""
    if not isinstance(node, dict) or len(node) != 1:
        yield str(node)  # such as `Len`, the number of all rows
        return
    [(kind, inside)] = node.items()
    if kind == "Function":
        yield ".".join(_names(inside["function"]))
        children = inside["input"]
    else:
        yield kind
        children = inside[:1] if kind == "Alias" else [inside[name] for name in _INSIDE.get(kind, ())]
    for child in children:
        yield from _parts(child)


def _names(function: object) -> Iterator[str]:
    """`{"Sql": {"Binary": "Rem"}}` -> Sql, Binary, Rem; what is no name in there are options."""
    if isinstance(function, str):
        yield function
    elif isinstance(function, dict) and len(function) == 1 and (name := next(iter(function)))[0].isupper():
        yield name
        yield from _names(function[name])


def _typed(column: Column) -> pl.Expr:
    """A column of texts as COPY writes them as what they stand for; what can't be read is null."""
    text, type_ = pl.col(column.name), base_type(column)
    if type_ == "boolean":
        return text.str.starts_with("t")
    if type_ in ("smallint", "integer", "bigint", "oid"):
        return text.cast(pl.Int64, strict=False)
    if re.fullmatch(r"numeric(\(.*\))?|real|double precision", type_):
        return text.cast(pl.Float64, strict=False)
    if type_ == "date":
        return _moment(text).cast(pl.Date)
    if type_.startswith("timestamp"):
        return _moment(text)
    return text.str.strip_chars_end(" ") if re.fullmatch(r"character(\(\d+\))?", type_) else text


def _moment(text: pl.Expr) -> pl.Expr:
    """`0044-03-15 BC`, `infinity`, `2026-01-31 12:00:00.5+01`: microseconds in UTC (or as they stand, without zone)."""
    groups = text.str.extract_groups(_MOMENT)
    year, month, day, hour, minute, second = (groups.struct[place].cast(pl.Int32) for place in range(6))
    year = pl.when(text.str.ends_with(" BC")).then(1 - year).otherwise(year).clip(-_LAST_YEAR, _LAST_YEAR)
    fraction = groups.struct[6].str.pad_end(6, "0").cast(pl.Int32)
    time = [part.fill_null(0) for part in (hour, minute, second, fraction)]
    hours, minutes, seconds = (groups.struct[place].cast(pl.Int32).fill_null(0) for place in (8, 9, 10))
    offset = pl.duration(hours=hours, minutes=minutes, seconds=seconds, time_unit="us")
    ahead = groups.struct[7] == "+"
    local = pl.datetime(year, month, day, *time, time_unit="us")
    end = pl.datetime(_INFINITE_YEAR, 1, 1, time_unit="us")
    beginning = pl.datetime(-_INFINITE_YEAR, 1, 1, time_unit="us")
    return (
        pl.when(text == "infinity").then(end)
        .when(text == "-infinity").then(beginning)
        .when(ahead).then(local - offset)
        .otherwise(local + offset)
        .alias(text.meta.output_name())
    )  # fmt: skip


def _sample(column: Column) -> str:
    """A value to try a condition on."""
    kind = base_type(column).split("(")[0].split(" ")[0]
    samples = {"boolean": "t", "date": "2026-01-31", "timestamp": "2026-01-31 12:00:00"}
    return samples.get(kind, "1" if column.category == "N" else "x")


def _first_line(problem: BaseException) -> str:
    return str(problem).partition("\n")[0].rstrip(".")
