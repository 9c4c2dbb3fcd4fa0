"""token: what tells values apart and nothing else, in the form that the column has."""

import polars as pl

from etna_pipelines.anonymise.column_types import base_type, length_of
from etna_pipelines.anonymise.kernels.permutation import permuted
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, on_bytes, on_filled
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import integer_limit, of_types
from etna_pipelines.anonymise.pseudonyms import codes
from etna_pipelines.anonymise.pseudonyms.pseudonyms import TOKEN_DIGITS
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ValueMalformed
from etna_pipelines.snapshots.manifest import Column


def _token(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    pseudonyms, length = tools.pseudonyms, length_of(column)
    if integer_limit(column) is not None:
        key = bytes.fromhex(pseudonyms.subkey("token of integers"))
        return on_filled(lambda values: _integers(values, key))
    match base_type(column):
        case "uuid":
            return on_filled(lambda values: codes.uuids(pseudonyms, values))
        case "bytea":
            return on_bytes(lambda values: pseudonyms.token(values, "token", 2 * TOKEN_DIGITS, "\\x"))
        case _:
            digits = TOKEN_DIGITS if length is None else min(length, TOKEN_DIGITS)
            return on_filled(lambda values: pseudonyms.token(values, "token", digits))


def _integers(values: Values, key: bytes) -> Values:
    numbers = values.series().cast(pl.Int64, strict=False)
    if numbers.null_count():
        raise ValueMalformed(int(numbers.is_null().arg_max() or 0), "is not an integer")
    return Values.of(pl.Series(permuted(numbers.to_numpy(), key)).cast(pl.String))


def _refuse(_spec: MaskSpec, column: Column, unique: bool) -> str | None:
    length = length_of(column)
    if unique and length is not None and length < TOKEN_DIGITS:
        return f"`token` needs {TOKEN_DIGITS} characters and the column has {length}: use null, set(...) or keep"
    return None


KINDS = (
    MaskKind(
        "token",
        _token,
        uniqueness=lambda _: "preserved",
        fits=of_types("smallint", "integer", "bigint", "uuid", "bytea"),
        identifies=lambda _: "secret",
        refuses=_refuse,
        examples=(("token", "16 hex digits; another integer for an integer, a UUID for a UUID, bytes for `bytea`"),),
    ),
)
