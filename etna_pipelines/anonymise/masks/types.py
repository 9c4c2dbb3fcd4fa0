"""What columns of a type take: so that whatever a mask makes can be loaded."""

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from etna_pipelines.anonymise.column_types import base_type, is_literal, is_textual, length_of
from etna_pipelines.snapshots.manifest import Column

_INTEGERS = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}
_NUMERIC = re.compile(r"numeric(?:\((\d+),(-?\d+)\))?")
_MOMENT = re.compile(r"date|timestamp(?:\(\d\))? with(?:out)? time zone")
_SPAN_OF_MOMENTS = re.compile(r"(?:date|ts|tstz)(?:range|multirange)")
_LITERALS = {
    r"bytea": r"\\x(?:[0-9a-fA-F]{2})*",
    r"macaddr": r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}",
    r"macaddr8": r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){7}",
    r"time(?:\(\d\))? without time zone": r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?",
    r"time(?:\(\d\))? with time zone": r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?[+-](?:0\d|1[0-4])",
    r"interval.*": r"\d{1,6} (?:second|minute|hour|day|week|month|year)s?|\d\d:[0-5]\d:[0-5]\d",
    r"\S+range": r"empty",
    r"\S+multirange": r"\{\}",
    r"tsvector|(?:\S+\.)?hstore": r"",
    r"xml": r"[^<&]*",
    r"bit varying(?:\(\d+\))?": r"",
}
"""Types whose values are written like this, beside those that column_types knows."""


TYPES = {
    "text": Column(name="", type="text"),
    "enum": Column(name="", type="mood", category="E", labels=["happy"]),
    "integer": Column(name="", type="integer"),
    "numeric": Column(name="", type="numeric"),
    "real": Column(name="", type="real"),
    "boolean": Column(name="", type="boolean"),
    "date": Column(name="", type="date"),
    "timestamp": Column(name="", type="timestamp with time zone"),
    "interval": Column(name="", type="interval"),
    "uuid": Column(name="", type="uuid"),
    "inet": Column(name="", type="inet"),
    "macaddr": Column(name="", type="macaddr"),
    "bytea": Column(name="", type="bytea"),
    "json": Column(name="", type="jsonb"),
    "xml": Column(name="", type="xml"),
    "tsvector": Column(name="", type="tsvector"),
    "hstore": Column(name="", type="hstore"),
    "array": Column(name="", type="text[]", category="A"),
    "daterange": Column(name="", type="daterange", category="R"),
    "composite": Column(name="", type="address", category="C"),
}
"""A column of each type that masks differ in."""


def any_type(_column: Column) -> bool:
    """Every type."""
    return True


def integer_limit(column: Column) -> int | None:
    """2^31 for `integer`: its values lie between minus that and one below it. None for what is no integer."""
    return _INTEGERS.get(base_type(column))


def is_numeric(column: Column) -> bool:
    """`numeric`, with or without a precision."""
    return bool(_NUMERIC.fullmatch(base_type(column)))


def unit_of(column: Column) -> Decimal | None:
    """The least that two numbers of a column can differ by: 0.01 for `numeric(5,2)`; None where nothing limits it."""
    if integer_limit(column) is not None:
        return Decimal(1)
    match = _NUMERIC.fullmatch(base_type(column))
    return Decimal(1).scaleb(-int(match[2])) if match and match[2] else None


def is_number(column: Column) -> bool:
    """Whether values can be counted with."""
    return integer_limit(column) is not None or is_numeric(column) or base_type(column) in ("real", "double precision")


def is_moment(column: Column) -> bool:
    """Dates and timestamps."""
    return bool(_MOMENT.fullmatch(base_type(column)))


def holds_moments(column: Column) -> bool:
    """Dates, timestamps, and ranges of them."""
    return is_moment(column) or bool(_SPAN_OF_MOMENTS.fullmatch(base_type(column)))


def of_types(*names: str) -> Callable[[Column], bool]:
    """Whether a column takes text or is of one of the types."""
    return lambda column: is_textual(column) or base_type(column) in names


def in_numeric(number: Decimal, column: Column) -> bool:
    """Whether the number is not too big for `numeric(precision, scale)`: what is too fine is rounded by the server."""
    match = _NUMERIC.fullmatch(base_type(column))
    if not match or match[1] is None or not number.is_finite():
        return True
    return abs(number) + Decimal(5).scaleb(-int(match[2]) - 1) < Decimal(1).scaleb(int(match[1]) - int(match[2]))


def takes(text: str, column: Column) -> bool:
    """Whether the text is surely read as a value of the column."""
    type_ = base_type(column)
    if _is_enum(column):
        return text in column.labels
    if is_textual(column):
        length = length_of(column)
        return length is None or len(text) <= length
    if limit := integer_limit(column):
        return bool(re.fullmatch(r"-?\d{1,19}", text)) and -limit <= int(text) < limit
    if is_number(column):
        return is_literal(text, column) and in_numeric(_decimal(text), column)
    if type_ in ("inet", "cidr"):
        return _is_address(text, type_)
    if column.category == "C":  # of a composite type's fields nothing is known here
        return bool(re.fullmatch(r"\(.*\)", text, re.S))
    form = next((form for types, form in _LITERALS.items() if re.fullmatch(types, type_)), None)
    return bool(re.fullmatch(form, text)) if form is not None else is_literal(text, column)


def _is_enum(column: Column) -> bool:
    return bool(column.labels) and not base_type(column).endswith("[]")


def misfit_of(text: str, written: str, column: Column) -> str | None:
    """Why a value that a rule writes can't stand in the column."""
    if takes(text, column):
        return None
    length = length_of(column)
    if length is not None:
        return f"`{written}` needs {len(text)} characters and the column has {length}: use null, set(...) or keep"
    if _is_enum(column):
        return f"`{written}` is no label of {column.type}: there are {', '.join(column.labels)}"
    return f"`{written}` is no value of type {base_type(column)}: write one, or use null or keep"


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _is_address(text: str, type_: str) -> bool:
    try:
        if type_ == "cidr":
            ipaddress.ip_network(text)
        else:
            ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True
