"""scrub: free text and JSON."""

import re

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

_SCRUBBED = re.compile(r"jsonb?|xml|(?:\S+\.)?hstore|.*\[\]")


def _scrub(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    length = length_of(column)

    def mask(values: Values, _rows: Rows) -> Values:
        scrubbed = tools.scrubber.scrub(values)
        return scrubbed if length is None else scrubbed.cut(length)  # a pseudonym may be longer than its original

    return mask


def _refuse(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    type_ = base_type(column)
    element = Column(name="", type=type_.removesuffix("[]"))
    if type_.endswith("[]") and length_of(element) is not None:  # a pseudonym may be longer than its original
        return f"`{spec}` may make an element of {type_} longer than it may be: use each(scrub), which cuts each"
    return None


def _takes_text(column: Column) -> bool:
    return is_textual(column) or bool(_SCRUBBED.fullmatch(base_type(column)))


KINDS = (
    MaskKind(
        "scrub",
        _scrub,
        uniqueness=lambda _: "likely",
        fits=_takes_text,
        refuses=_refuse,
        cost="searched",
        examples=(("scrub", "the same text, JSON, array or XML without personal data"),),
    ),
)
