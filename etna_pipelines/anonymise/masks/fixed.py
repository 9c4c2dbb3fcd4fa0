"""Masks that don't look at the value: keep, null, set."""

from etna_pipelines.anonymise.column_types import base_type, is_literal, is_textual, length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column


def _any_type(_column: Column) -> bool:
    return True


def _keep(_spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    return lambda values, _rows: values


def _null(_spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    return lambda values, _rows: Values.repeated(None, len(values))


def _refuse_null(_spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    return "`null` does not fit a NOT NULL column: use set(...), hash or empty the table" if column.not_null else None


def _set(spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    [value] = spec.arguments

    def mask(values: Values, _rows: Rows) -> Values:
        return Values.repeated(value, len(values))

    return mask


def _refuse_set(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    [value] = spec.arguments
    if not is_textual(column) and not is_literal(value, column):
        return f"`{spec}` is no value of type {base_type(column)}: write one, or use null or keep"
    length = length_of(column)
    if length is not None and len(value) > length:
        return f"`{spec}` needs {len(value)} characters and the column has {length}: use null, set(...) or keep"
    return None


KINDS = (
    MaskKind("keep", _keep, uniqueness=lambda _: "preserved", fits=_any_type),
    MaskKind("null", _null, uniqueness=lambda _: "preserved", fits=_any_type, refuses=_refuse_null),
    MaskKind("set", _set, (1, 1), fits=_any_type, refuses=_refuse_set),
)
