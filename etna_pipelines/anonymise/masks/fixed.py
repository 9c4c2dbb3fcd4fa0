"""Masks that don't look at the value: keep, null, default, set, copy, serial."""

import re

import numpy as np
import polars as pl

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import any_type, integer_limit, misfit_of, takes
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column

_CAST = r"(?:::[\w .\"()\[\],]+)?"
_CONSTANT = re.compile(
    rf"(?:(?P<escapes>E)?'(?P<text>(?:[^']|'')*)'|\(?(?P<number>-?\d+(?:\.\d+)?)\)?"
    rf"|(?P<boolean>true|false)|(?P<null>NULL)){_CAST}"
)
"""A DEFAULT that is the same for every row, as pg_get_expr() writes it."""


def _keep(_spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    return lambda values, _rows: values


def _null(_spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    return lambda values, _rows: Values.repeated(None, len(values))


def _refuse_null(_spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    return "`null` does not fit a NOT NULL column: use set(...), hash or empty the table" if column.not_null else None


def _set(spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    [value] = spec.arguments
    return lambda values, _rows: Values.repeated(value, len(values))


def _refuse_set(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    [value] = spec.arguments
    return misfit_of(value, spec.shown, column)


def _default(_spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    value = constant_default(column)
    return lambda values, _rows: Values.repeated(value, len(values))


def constant_default(column: Column) -> str | None:
    """The value of a column's DEFAULT, None for NULL or no default at all. Raises ValueError where it is computed."""
    if not column.default:
        return None
    found = _CONSTANT.fullmatch(column.default)
    if not found:
        raise ValueError(column.default)
    if found["text"] is not None:
        text = found["text"].replace("''", "'")
        return text.replace("\\\\", "\\") if found["escapes"] else text
    return {"true": "t", "false": "f"}.get(found["boolean"], found["number"])


def _refuse_default(_spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    try:
        value = constant_default(column)
    except ValueError:
        return "`default` takes constants alone and this column's DEFAULT is computed: use set(...) or null"
    if value is None and column.not_null:
        return "`default` would be NULL and the column is NOT NULL: use set(...)"
    return None


def _copy(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    [source], length = spec.arguments, length_of(column)

    def mask(_values: Values, rows: Rows) -> Values:
        copied = rows.masked(source)
        return copied if length is None else copied.cut(length)

    return mask


def _serial(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    prefix, limit = "".join(spec.arguments), integer_limit(column)

    def mask(values: Values, rows: Rows) -> Values:
        if limit is not None and rows.first + len(values) >= limit:
            raise RulesError(
                f"`{spec}` counts further than {column.name} can hold, which is {base_type(column)}: use token or null."
            )
        numbers = np.arange(rows.first + 1, rows.first + len(values) + 1)
        counted = Values.of(prefix + pl.Series(numbers, dtype=pl.Int64).cast(pl.String))
        return counted if values.filled.all() else counted.where(values.filled, values)

    return mask


def _refuse_serial(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    longest = f"{''.join(spec.arguments)}{10**12}"
    if not is_textual(column):
        return f"`{spec}` makes text and the column is {base_type(column)}: use serial" if spec.arguments else None
    if not takes(longest, column):
        return f"`{spec}` needs {len(longest)} characters and the column has {length_of(column)}: shorten the prefix"
    return None


KINDS = (
    MaskKind(
        "keep",
        _keep,
        uniqueness=lambda _: "preserved",
        fits=any_type,
        cost="nothing",
        examples=(("keep", "itself"),),
    ),
    MaskKind(
        "null",
        _null,
        uniqueness=lambda _: "preserved",
        fits=any_type,
        refuses=_refuse_null,
        cost="nothing",
        empties="NULL",
        examples=(("null", "NULL; not for NOT NULL columns"),),
    ),
    MaskKind(
        "default",
        _default,
        fits=any_type,
        refuses=_refuse_default,
        cost="nothing",
        empties="the default",
        examples=(("default", "the column's DEFAULT, if that is a constant"),),
    ),
    MaskKind(
        "set",
        _set,
        (1, 1),
        fits=any_type,
        refuses=_refuse_set,
        cost="nothing",
        empties="the text",
        examples=(("set(text)", "that text, commas and quotes included; `set()` the empty one"),),
    ),
    MaskKind(
        "copy",
        _copy,
        (1, 1),
        uniqueness=lambda _: "likely",
        fits=any_type,
        reads=lambda spec: spec.arguments,
        agrees=False,
        cost="copied",
        empties="the other's",
        examples=(("copy(username)", "what another column of the row has become"),),
    ),
    MaskKind(
        "serial",
        _serial,
        (0, 1),
        uniqueness=lambda _: "preserved",
        fits=lambda column: is_textual(column) or integer_limit(column) is not None,
        refuses=_refuse_serial,
        agrees=False,
        cost="copied",
        examples=(("serial", "1, 2, 3 ... in the order of the rows; `serial(case-)`: `case-1` ..."),),
    ),
)
