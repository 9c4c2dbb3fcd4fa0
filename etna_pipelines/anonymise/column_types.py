"""What a column's type takes, from the name that format_type() gives it."""

import json
import re
from contextlib import suppress

from etna_pipelines.snapshots.manifest import Column

_TEXTUAL = re.compile(r"(?:text|character(?: varying)?(?:\(\d+\))?|(?:\S+\.)?citext|name)")
_TEXTLESS = re.compile(
    r"(?:integer|bigint|smallint|boolean|real|double precision|date|uuid|oid|interval|numeric(?:\(.*\))?"
    r"|time(?:stamp)?(?:\(\d\))?(?: with(?:out)? time zone)?)"
)
_LITERALS = [
    (r".*\[\]", r"\{\}"),
    (r"integer|bigint|smallint|oid", r"-?\d+"),
    (r"numeric.*|real|double precision", r"-?\d+(?:\.\d+)?"),
    (r"boolean", r"t|f|true|false"),
    (r"date", r"\d{4}-\d\d-\d\d"),
    (r"timestamp.*", r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"),
    (r"uuid", r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    (r"inet|cidr", r"\d{1,3}(?:\.\d{1,3}){3}"),
]
"""How values of types that take no text are surely written."""


def base_type(column: Column) -> str:
    """The type itself, or what a domain is made of."""
    return column.base_type or column.type


def length_of(column: Column) -> int | None:
    """n of `character varying(n)` and `character(n)`."""
    match = re.match(r"^character(?: varying)?\((\d+)\)$", base_type(column))
    return int(match[1]) if match else None


def is_textual(column: Column) -> bool:
    """Whether the column takes any text, as far as its length goes (a domain's base type is in its category)."""
    return column.category == "S" or bool(_TEXTUAL.fullmatch(base_type(column)))


def holds_no_text(column: Column) -> bool:
    """Whether no value of the column's type can name anybody: numbers, dates, booleans, uuids."""
    return bool(_TEXTLESS.fullmatch(base_type(column)))


def is_literal(text: str, column: Column) -> bool:
    """Whether the text is surely read as a value of a column that takes no text."""
    if base_type(column) in ("json", "jsonb"):
        with suppress(ValueError):
            json.loads(text)
            return True
        return False
    form = next((form for types, form in _LITERALS if re.fullmatch(types, base_type(column))), None)
    return form is not None and bool(re.fullmatch(form, text))
