"""Masks that make pseudonyms: fake, email, phone, file, hash."""

from collections.abc import Callable
from typing import Protocol

from etna_pipelines.anonymise.column_types import base_type, is_textual, length_of
from etna_pipelines.anonymise.masks import machines
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, Uniqueness, on_bytes, on_filled
from etna_pipelines.anonymise.masks.machines import CODES
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import of_types
from etna_pipelines.anonymise.pseudonyms import codes
from etna_pipelines.anonymise.pseudonyms.pseudonyms import METHODS, pool
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

FAKES = ("first", "last", "name", "username", *METHODS, *CODES)
_IDENTIFYING = ("first", "last", "name", "username")
_SECRET = ("card", "iban", "uuid")


def _fake(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    [kind] = spec.arguments
    pseudonyms, length = tools.in_locale(spec.locale), length_of(column)
    if kind in CODES:
        return machines.build(kind, column, pseudonyms)
    match kind:
        case "postcode":
            return on_filled(lambda values: codes.postcodes(pseudonyms, values), length)
        case "username":
            return _handle(pseudonyms.username, spec, column)
        case "name":
            return on_filled(pseudonyms.full_name, length)
        case _:
            return on_filled(lambda values: pseudonyms.fake(values, kind), length)


def _fake_uniqueness(spec: MaskSpec) -> Uniqueness:
    [kind] = spec.arguments
    return CODES[kind].uniqueness if kind in CODES else "preserved" if kind == "username" else "lossy"


def _fake_identifies(spec: MaskSpec) -> str | None:
    [kind] = spec.arguments
    return kind if kind in _IDENTIFYING else "secret" if kind in _SECRET else None


def _refuse_fake(spec: MaskSpec, column: Column, unique: bool) -> str | None:
    [kind] = spec.arguments
    if kind in CODES:
        return machines.misfit(kind, column)
    if not is_textual(column):
        return f"`{spec}` makes text and the column is {base_type(column)}: use null, set(...) or keep"
    if spec.locale and kind in METHODS and not _is_known(kind, spec.locale):
        return f"`{spec}` has no values in locale {spec.locale}: take the locale out, or use another fake"
    return _least_where_unique(spec, column, unique)


def _is_known(kind: str, locale: str) -> bool:
    try:
        pool(kind, locale)
    except AttributeError:  # Faker has no such method there
        return False
    return True


def _unknown_fake(spec: MaskSpec) -> str | None:
    [kind] = spec.arguments
    return None if kind in FAKES else f"`fake({kind})` is not known; there are {', '.join(FAKES)}"


def _email(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return _handle(tools.pseudonyms.email, spec, column)


class _Handles(Protocol):
    def __call__(self, values: Values, length: int | None, *, exact: bool) -> Values: ...


def _handle(handles: _Handles, spec: MaskSpec, column: Column) -> Mask:
    length, in_citext = length_of(column), base_type(column).endswith("citext")

    def mask(values: Values) -> Values:
        if spec.unique and in_citext:  # to a key in citext `Ann` and `ann` are one, `ann` and ` ann` are two
            values = Values.of(values.series().str.to_lowercase())
        return handles(values, length, exact=spec.unique)

    return on_filled(mask)


def _phone(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return on_filled(tools.pseudonyms.phone, length_of(column))


def _file(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return on_filled(tools.pseudonyms.file, length_of(column))


def _hash(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    if base_type(column) == "bytea":
        return on_bytes(lambda values: tools.pseudonyms.token(values, "hash", 64, "\\x"))
    digits = min(length_of(column) or 64, 64)
    return on_filled(lambda values: tools.pseudonyms.token(values, "hash", digits))


def _least(length: int) -> Callable[[MaskSpec, Column, bool], str | None]:
    return lambda spec, column, _unique: _too_short(spec, column, length)


def _least_where_unique(spec: MaskSpec, column: Column, unique: bool) -> str | None:
    told_apart = spec.name == "hash" or spec.arguments == ("username",)
    return _too_short(spec, column, 16) if unique and told_apart else None


def _too_short(spec: MaskSpec, column: Column, least: int) -> str | None:
    length = length_of(column)
    if length is not None and length < least:
        return f"`{spec}` needs {least} characters and the column has {length}: use null, set(...) or keep"
    return None


KINDS = (
    MaskKind(
        "fake",
        _fake,
        (1, 1),
        uniqueness=_fake_uniqueness,
        fits=of_types(*machines.TYPES),
        identifies=_fake_identifies,
        refuses=_refuse_fake,
        wrong=_unknown_fake,
        folds=lambda spec: spec.arguments == ("username",),
        examples=(
            (
                "fake(first)",
                "another first name; likewise `last`, `name` (first and last), `company`, `job`, `street`, `city`, "
                "`county`, `postcode`, `country`, `word`, `sentence`, `user_agent`",
            ),
            ("fake(username)", "`first.` and 16 hex digits"),
            ("fake(uuid)", "a UUID of version 4; likewise `url`, `domain`, at example.com"),
            ("fake(card)", "a number that passes Luhn's check, of no bank; likewise `iban`, and `mac` of no maker"),
            ("fake(ip)", "an address for documentation, v4 or v6 as the original"),
        ),
    ),
    MaskKind(
        "email",
        _email,
        uniqueness=lambda _: "preserved",
        identifies=lambda _: "email",
        refuses=_least(28),
        folds=lambda _: True,
        examples=(("email", "an address at `example.com`, where no mail arrives"),),
    ),
    MaskKind(
        "phone",
        _phone,
        identifies=lambda _: "phone",
        examples=(("phone", "a number of Ofcom's drama ranges, written as the original was"),),
    ),
    MaskKind(
        "file",
        _file,
        examples=(("file", "another file name in the same folders, with the same extension"),),
    ),
    MaskKind(
        "hash",
        _hash,
        uniqueness=lambda _: "preserved",
        fits=of_types("bytea"),
        identifies=lambda _: "secret",
        refuses=_least_where_unique,
        examples=(("hash", "64 hex digits, or as many as the column takes; 32 bytes for `bytea`"),),
    ),
)
