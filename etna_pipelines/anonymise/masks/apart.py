"""`unique: true`: values kept apart where the mask alone makes two the same."""

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks.kind import Mask
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.pseudonyms.pseudonyms import TOKEN_DIGITS, Pseudonyms
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

_ADDED = 1 + TOKEN_DIGITS


def with_token(mask: Mask, column: Column, pseudonyms: Pseudonyms) -> Mask:
    """The mask's values, each with a token of its original behind it. NULL and the empty string stay."""
    length = length_of(column)

    def apart(values: Values, rows: Rows) -> Values:
        masked = mask(values, rows)
        if length is not None:
            masked = masked.cut(length - _ADDED)
        masked = masked.then(pseudonyms.token(values, "apart"), between=b"-")
        return masked if values.filled.all() else masked.where(values.filled, values)

    return apart


def misfit(spec: MaskSpec, column: Column) -> str | None:
    """Why a column can't hold values that are kept apart."""
    length = length_of(column)
    if not is_textual(column):
        return f"`{spec}` with `unique: true` makes text and the column is {base_type(column)}: use token, null or keep"
    if length is not None and length < _ADDED:
        return f"`{spec}` with `unique: true` needs {_ADDED} characters and the column has {length}: use null or keep"
    return None
