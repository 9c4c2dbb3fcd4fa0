"""What the tests of masks share: every mask in use, values of every type, and a way to put the one to the other."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from etna_pipelines.anonymise.masks import FAKES, Mask, MaskSpec, Tools, build, parse
from etna_pipelines.anonymise.masks.call import Keyed
from etna_pipelines.anonymise.masks.kind import Collecting
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))

Strings = Sequence[str | None]

USES = [
    "keep", "null", "default", "copy(other)", "serial", "serial(case-)",
    "set(happy)", "set(1)", "set()", "set(t)", "set(2020-02-29)", "set({})", "set(\\x00ff)", "set(empty)",
    "set(1 day)", "set(12:30)", "set(2001:db8::1)", "set(02:00:00:00:00:01)", "set((1,x))", "set({true})",
    *(f"fake({kind})" for kind in FAKES), "email", "phone", "file", "hash", "token",
    "password", "password(django, letmein)", "redact", "redact(#)", "mask(1, 4)", "mask(0, 3, .)", "scramble", "text",
    'replace("\\w", z)', "random(1, 30)", "random(0.50, 1.25)", "random(1950-01-01, 2005-12-31)", "noise(20%)",
    "noise(3)", "round(5)", "round(month)", "round(year)", "shift(90)", "shift(90, other)", "pick(happy, sad)",
    "pick(3, 7)", "pick(2001-01-01, infinity)", "map(happy=sad, *=happy)", "map(1=2, *=3)", "shuffle",
    "each(fake(first))", "each(token)", "scrub", f"call({__name__}.same)",
]  # fmt: skip
"""Every kind of mask at least once."""

_WORDS = ["ann.lee@x.co", "Ann Lee", "+44 7911 123456", "x", "Ŵŵ日", "a\\N\tb", "ANN LEE ", "4111 1111 1111 1111"]
_DAYS = ["2020-02-29", "0001-01-01", "9999-12-31", "infinity", "0044-03-15 BC", "1999-12-31", "12020-01-01"]
_NUMBERS = ["0", "1", "-1", "99", "-42"]

SAMPLES: dict[str, list[str]] = {
    "text": [*_WORDS, ""],
    "character varying(20)": [*_WORDS, ""],
    "character varying(3)": ["ann", "Ŵŵ日", "x", ""],
    "character(60)": _WORDS,
    "citext": ["ann@x.co", "Bob Lee", ""],
    "mood": ["happy", "sad", "so so"],
    "words": [*_WORDS, ""],
    "smallint": [*_NUMBERS, "32767", "-32768"],
    "integer": [*_NUMBERS, "2147483647", "-2147483648"],
    "bigint": [*_NUMBERS, "9223372036854775807", "-9223372036854775808"],
    "numeric": [*_NUMBERS, "1.10", "12345678901234567890.123456789", "NaN", "1e-7"],
    "numeric(5,2)": ["1.10", "999.99", "-999.99", "0.00"],
    "real": ["1.5", "3.4e+38", "-3.4e+38", "NaN", "Infinity"],
    "double precision": ["1.5e-300", "1.7e+308", "-0"],
    "boolean": ["t", "f"],
    "date": _DAYS,
    "timestamp without time zone": ["2020-02-29 23:59:59.999999", "infinity", "0044-03-15 12:00:00 BC"],
    "timestamp with time zone": ["2020-02-29 23:59:59+05:30", "1850-01-01 00:00:00-00:01:15", "-infinity"],
    "time without time zone": ["12:00:00", "24:00:00"],
    "interval": ["1 year 2 mons", "-00:00:01"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"],
    "inet": ["8.8.8.8", "10.0.0.0/8", "2a00:1450::1", "2a00::/32"],
    "cidr": ["8.8.8.8/32", "10.0.0.0/8", "2a00::/32"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bytea": ["\\x", "\\xdeadbeef"],
    "json": ['{"a" : [1.10, "Ann Lee"], "a": null}', '"x"', "17"],
    "jsonb": ['{"a": [1.10, "Ann Lee"]}', '"x"', "17"],
    "xml": ["<a>Ann Lee</a>", ""],
    "tsvector": ["'ann':1 'lee':2", ""],
    "daterange": ["[2020-01-01,2020-02-01)", "empty", "(,)", "[9999-12-30,)"],
    "tstzrange": ['["2020-01-01 00:00:00+00","2020-02-01 10:11:12.5+00"]'],
    "int4range": ["[1,5)", "empty"],
    "text[]": ['{ann,"Bob Lee",NULL}', "{}"],
    "integer[]": ["{1,2,NULL}", "{{1,2},{3,4}}"],
    "hstore": ['"a"=>"Ann Lee", "b"=>NULL', ""],
    "address": ['(1,"High St, 4")', "(,)"],
    "oid": ["16384"],
    "bit varying(8)": ["1010"],
}
"""Values of every type, as COPY writes them. `mood` is an enum, `words` a domain over text, `address` composite."""

_CATEGORIES = {"mood": "E", "words": "S", "citext": "S", "address": "C", "text[]": "A", "integer[]": "A"}
_BASES = {"words": "text"}


def column_of(type_: str, name: str = "c", *, not_null: bool = False, default: str = "") -> Column:
    """A column as the catalogue describes it."""
    return Column(
        name=name,
        type=type_,
        not_null=not_null,
        default=default,
        category=_CATEGORIES.get(type_, ""),
        base_type=_BASES.get(type_, ""),
        labels=["happy", "sad", "so so"] if type_ == "mood" else [],
    )


class Block:
    """Rows whose other columns all hold the same as the masked one."""

    def __init__(self, values: Values, first: int = 0) -> None:
        self.first = first
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def original(self, _column: str) -> Values:
        return self._values

    masked = original


def tools(key: bytes = KEY) -> Tools:
    pseudonyms = Pseudonyms(key)
    return Tools(pseudonyms, Scrubber(pseudonyms, Identities(pseudonyms, Public()), Public()))


def made(mask: str | MaskSpec, column: Column, key: bytes = KEY) -> Mask:
    return build(parse(mask) if isinstance(mask, str) else mask, column, tools(key))


def masked(
    mask: str,
    values: Strings,
    type_: str = "text",
    *,
    key: bytes = KEY,
    unique: bool = False,
    blocks: int = 1,
    column: Column | None = None,
) -> list[str | None]:
    """The values masked, in so many blocks of about the same size."""
    apply = made(replace(parse(mask), unique=unique), column or column_of(type_), key)
    size = -(-len(values) // blocks) or 1
    parts = [(start, Values.of(values[start : start + size])) for start in range(0, len(values), size)]
    if isinstance(apply, Collecting):
        for _, part in parts:
            apply.collect(part)
    return [value for start, part in parts for value in apply(part, Block(part, start)).to_list()]


def same(values: pl.Series, _keyed: Keyed) -> pl.Series:
    """A mask of one's own that changes nothing."""
    return values
