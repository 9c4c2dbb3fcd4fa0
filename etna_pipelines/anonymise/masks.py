"""Masks: the named ways of changing a value, each with what it is fit for.

A mask takes a series of values (strings, unescaped, null for NULL) and gives one of the same length. NULL stays NULL
and the empty string stays empty, except where the mask says otherwise (`null`, `set`, `password`).
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import polars as pl

from etna_pipelines.anonymise.pseudonyms import METHODS, Pseudonyms, longest
from etna_pipelines.anonymise.scrub import Scrubber
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column

Apply = Callable[[pl.Series], pl.Series]
Uniqueness = Literal["preserved", "lossy"]

FAKES = ("first", "last", "name", "username", *METHODS)
_TEXTUAL = re.compile(r"(?:text|character(?: varying)?(?:\(\d+\))?|(?:\S+\.)?citext|name)")
_SCRUBBED = re.compile(r"jsonb?|xml|(?:\S+\.)?hstore|.*\[\]")


@dataclass(frozen=True)
class MaskSpec:
    """A mask as a rule names it: `fake(first)` is MaskSpec("fake", ("first",))."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})" if self.arguments else self.name


@dataclass(frozen=True)
class MaskKind:
    """What is known of a mask without any data."""

    arguments: tuple[int, int]
    """How many arguments it takes, at least and at most."""
    uniqueness: Uniqueness
    textual: bool = True
    """Whether it makes text, and so needs a text column."""
    identifies: str | None = None
    """What kind of original it hides, for the proof to look for: email, username, first, last, name, phone, secret."""


KINDS: dict[str, MaskKind] = {
    "keep": MaskKind((0, 0), "preserved", textual=False),
    "null": MaskKind((0, 0), "preserved", textual=False),
    "set": MaskKind((1, 1), "lossy", textual=False),
    "fake": MaskKind((1, 1), "lossy"),
    "email": MaskKind((0, 0), "preserved", identifies="email"),
    "phone": MaskKind((0, 0), "lossy", identifies="phone"),
    "file": MaskKind((0, 0), "lossy"),
    "hash": MaskKind((0, 0), "preserved", identifies="secret"),
    "password": MaskKind((0, 0), "preserved", identifies="secret"),
    "scrub": MaskKind((0, 0), "lossy", textual=False),
}
_IDENTIFYING_FAKES = {"first": "first", "last": "last", "name": "name", "username": "username"}

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

_SPEC = re.compile(r"^\s*([a-z_]+)\s*(?:\((.*)\))?\s*$", re.S)


def parse(text: str) -> MaskSpec:
    """`fake(first)` -> MaskSpec. Raises RulesError (without a place: the caller knows it) for what is no mask."""
    match = _SPEC.match(text)
    if not match or match[1] not in KINDS:
        raise RulesError(f"`{text}` is not a mask; there are {', '.join(KINDS)}")
    name, inside = match[1], match[2]
    arguments = () if inside is None else (inside,) if name == "set" else tuple(a.strip() for a in inside.split(","))
    low, high = KINDS[name].arguments
    if not low <= len(arguments) <= high:
        raise RulesError(
            f"`{name}` takes {low if low == high else f'{low} to {high}'} argument(s), and has {len(arguments)}"
        )
    if name == "fake" and arguments[0] not in FAKES:
        raise RulesError(f"`fake({arguments[0]})` is not known; there are {', '.join(FAKES)}")
    return MaskSpec(name, arguments)


def identifies(spec: MaskSpec) -> str | None:
    """The kind of original that the mask hides."""
    return _IDENTIFYING_FAKES.get(spec.arguments[0]) if spec.name == "fake" else KINDS[spec.name].identifies


def uniqueness(spec: MaskSpec) -> Uniqueness:
    return "preserved" if spec == MaskSpec("fake", ("username",)) else KINDS[spec.name].uniqueness


def is_plain(spec: MaskSpec) -> bool:
    """Whether whatever the mask writes is free of characters that COPY text escapes."""
    return spec.name in ("null", "email", "phone", "hash", "password") or (
        spec.name == "fake" and spec.arguments != ("name",)
    )


def length_of(column: Column) -> int | None:
    """n of `character varying(n)` and `character(n)`."""
    match = re.match(r"^character(?: varying)?\((\d+)\)$", column.type)
    return int(match[1]) if match else None


def is_textual(column: Column) -> bool:
    """Whether the column takes any text, as far as its length goes (a domain's base type is in its category)."""
    return column.category == "S" or bool(_TEXTUAL.fullmatch(column.type))


def holds_no_text(column: Column) -> bool:
    """Whether no value of the column's type can name anybody: numbers, dates, booleans, uuids."""
    return bool(_TEXTLESS.fullmatch(column.type))


def misfit(spec: MaskSpec, column: Column, unique: bool) -> str | None:
    """Why the mask can't be used on the column, with what would fit; None where it can."""
    kind = KINDS[spec.name]
    if spec.name == "null" and column.not_null:
        return "`null` does not fit a NOT NULL column: use set(...), hash or empty the table"
    if kind.textual and not is_textual(column):
        return f"`{spec}` makes text and the column is {column.type}: use null, set(...) or keep"
    if spec.name == "scrub" and not (is_textual(column) or _SCRUBBED.fullmatch(column.type)):
        return f"`scrub` reads text and the column is {column.type}: use null, set(...) or keep"
    if spec.name == "set" and not is_textual(column) and not _is_literal(spec.arguments[0], column):
        return f"`{spec}` is no value of type {column.type}: write one, or use null or keep"
    if unique and uniqueness(spec) == "lossy" and spec.name != "scrub":
        return f"`{spec}` can give two rows the same value and the column is unique: use hash, email or fake(username)"
    length = length_of(column)
    least = _least_length(spec, unique)
    if length is not None and length < least:
        return f"`{spec}` needs {least} characters and the column has {length}: use null, set(...) or keep"
    return None


def _is_literal(text: str, column: Column) -> bool:
    """Whether the text is surely read as a value of a column that takes no text."""
    if column.type in ("json", "jsonb"):
        with suppress(ValueError):
            json.loads(text)
            return True
        return False
    form = next((form for types, form in _LITERALS if re.fullmatch(types, column.type)), None)
    return form is not None and bool(re.fullmatch(form, text))


def _least_length(spec: MaskSpec, unique: bool) -> int:
    """Characters without which a mask can't be written, or not without two values becoming one."""
    match spec.name, spec.arguments:
        case "set", (value,):
            return len(value)
        case "email", _:
            return 28
        case "password", _:
            return 41
        case ("hash", _) | ("fake", ("username",)):
            return 16 if unique else 0
    return 0


def build(spec: MaskSpec, column: Column, pseudonyms: Pseudonyms, scrubber: Scrubber) -> Apply:
    """The function that masks a series of the column's values."""
    length = length_of(column)
    match spec.name, spec.arguments:
        case "null", _:
            return lambda values: pl.repeat(None, len(values), dtype=pl.String, eager=True)
        case "set", (value,):
            return lambda values: pl.repeat(value, len(values), dtype=pl.String, eager=True)
        case "fake", ("username",):
            return _where_filled(lambda values: pseudonyms.username(values, length))
        case "fake", ("name",):
            return _where_filled(pseudonyms.full_name, length)
        case "fake", (kind,):
            return _where_filled(lambda values: pseudonyms.fake(values, kind), length)
        case "email", _:
            return _where_filled(lambda values: pseudonyms.email(values, length))
        case "phone", _:
            return _where_filled(pseudonyms.phone, length)
        case "file", _:
            return _where_filled(pseudonyms.file, length)
        case "hash", _:
            return _where_filled(lambda values: pseudonyms.token(values, "hash", min(length or 64, 64)))
        case "password", _:
            # "!" and 40 characters: what Django calls an unusable password; no password hashes to it.
            return lambda values: "!" + pseudonyms.token(values, "password", 40)
        case "scrub", _ if length is not None:  # a pseudonym may be longer than what it stands for
            return lambda values: scrubber.scrub(values).str.slice(0, length)
        case "scrub", _:
            return scrubber.scrub
    raise AssertionError(f"{spec} has no builder")  # keep is never built: its column is not read


def _where_filled(mask: Apply, length: int | None = None) -> Apply:
    """The mask, leaving the empty string as it is, and cut to the column's length."""

    def apply(values: pl.Series) -> pl.Series:
        masked = mask(values)
        if length is not None and longest(masked) > length:
            masked = masked.str.slice(0, length)
        if not (values == "").any():
            return masked
        return pl.select(pl.when(values == "").then(values).otherwise(masked)).to_series()

    return apply
