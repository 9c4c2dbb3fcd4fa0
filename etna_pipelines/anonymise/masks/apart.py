"""Keeping masked values apart where two rows must not have the same.

Pseudonyms don't look at case and outer spaces, so that a person is the same wherever they are written. In a unique
column `Ann@x.org` and `ann@x.org` may be two rows. There a value that is not its own lower case gets a tag of its own:
`kim.1f2e3d4c5b6a7988@example.com` and `kim.1f2e3d4c5b6a7988+a1b2c3d4@example.com`. In `citext` case tells nothing
apart, only outer spaces do.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.kernel import kernel
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.pseudonyms import TOKEN_DIGITS, Pseudonyms
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers, Values
from etna_pipelines.snapshots.manifest import Column

TAG_DIGITS = 8
"""Of a tag that tells apart what case and spaces alone do: a handful of values for each pseudonym."""

SUFFIX = 1 + TOKEN_DIGITS
"""Characters that `with_token` adds."""


def kept(mask: Mask, kind: MaskKind, spec: MaskSpec, column: Column, pseudonyms: Pseudonyms) -> Mask:
    """The mask with values that stay apart."""
    if kind.uniqueness(spec) != "preserved":
        return with_token(mask, column, pseudonyms)
    if kind.folds(spec) and is_textual(column):
        return with_tags(mask, column, pseudonyms, tagged=spec.name == "email" or spec.arguments == ("username",))
    return mask


def misfit(kind: MaskKind, spec: MaskSpec, column: Column) -> str | None:
    """Why a column can't hold values that are kept apart."""
    length = length_of(column)
    if kind.uniqueness(spec) == "preserved":
        return None
    if not is_textual(column):
        return f"`{spec}` with `unique: true` makes text and the column is {base_type(column)}: use token, null or keep"
    if length is not None and length < SUFFIX:
        return f"`{spec}` with `unique: true` needs {SUFFIX} characters and the column has {length}: use null or keep"
    return None


def with_token(mask: Mask, column: Column, pseudonyms: Pseudonyms) -> Mask:
    """The mask's values, each with a token of its original behind it. NULL and the empty string stay."""
    length = length_of(column)

    def apart(values: Values, rows: Rows) -> Values:
        masked = mask(values, rows)
        if length is not None:
            masked = masked.cut(length - SUFFIX)
        masked = masked.then(pseudonyms.token(values, "apart"), between=b"-")
        return masked if values.filled.all() else masked.where(values.filled, values)

    return apart


def with_tags(mask: Mask, column: Column, pseudonyms: Pseudonyms, *, tagged: bool) -> Mask:
    """The mask's values, tagged where originals are odd; another pseudonym where a tag is unwanted or too long."""
    length = length_of(column)
    in_citext = base_type(column).endswith("citext")

    def apart(values: Values, rows: Rows) -> Values:
        masked = mask(values, rows)
        exact = Values.of(values.series().str.to_lowercase()) if in_citext else values
        odd = _odd(exact)
        if not len(odd):
            return masked
        others = mask(pseudonyms.token(exact.at(odd), "apart"), rows)
        if tagged:
            fitting = _tagged(masked.at(odd).series(), pseudonyms.token(exact.at(odd), "tag", TAG_DIGITS).series())
            fits = fitting.str.len_chars() <= (length or np.inf)
            others = Values.of(fitting).where(fits.to_numpy(), others)
        places = np.arange(len(values))
        places[odd] = len(values) + np.arange(len(odd))
        return _behind(masked, others).at(places)

    return apart


def _tagged(pseudonyms: pl.Series, tags: pl.Series) -> pl.Series:
    """`+tag` at the end, or before an address's `@`."""
    parts = pseudonyms.str.splitn("@", 2).struct.unnest()
    ends = pl.concat_str(pl.lit("@"), parts["field_1"]).fill_null("")
    return pl.select(pl.concat_str(parts["field_0"], pl.lit("+"), tags, ends)).to_series()


def _behind(values: Values, others: Values) -> Values:
    """Both, one after another."""
    return Values(
        np.concatenate([values.buffer, others.buffer]),
        np.concatenate([values.starts, others.starts + len(values.buffer)]),
        np.concatenate([values.lengths, others.lengths]),
    )


def _odd(values: Values) -> npt.NDArray[np.intp]:
    """The positions of those that are not their own lower case without outer spaces."""
    candidates: npt.NDArray[np.intp] = np.flatnonzero(_may_be_odd(values.buffer, values.starts, values.lengths))
    if not len(candidates):
        return candidates
    texts = values.at(candidates).series()
    odd: Choice = (texts != texts.str.strip_chars().str.to_lowercase()).to_numpy()
    return candidates[odd]


@kernel
def _may_be_odd(buffer: Bytes, starts: Numbers, lengths: Numbers) -> Choice:
    """Whether a value has a capital, a byte that is not ASCII, or a space at either end."""
    odd = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        end = starts[row] + lengths[row]
        for position in range(starts[row], end):
            byte = buffer[position]
            outer = position == starts[row] or position == end - 1
            odd[row] |= 65 <= byte <= 90 or byte >= 128 or (outer and byte <= 32)
    return odd
