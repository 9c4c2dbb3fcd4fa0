"""Masks that make pseudonyms: fake, email, phone, file, hash, password."""

from collections.abc import Callable

from etna_pipelines.anonymise.column_types import length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, Uniqueness
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.pseudonyms import METHODS
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

FAKES = ("first", "last", "name", "username", *METHODS)
_IDENTIFYING = ("first", "last", "name", "username")


def _fake(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    [kind] = spec.arguments
    pseudonyms, length = tools.in_locale(spec.locale), length_of(column)
    match kind:
        case "username":
            return _where_filled(lambda values: pseudonyms.username(values, length))
        case "name":
            return _where_filled(pseudonyms.full_name, length)
        case _:
            return _where_filled(lambda values: pseudonyms.fake(values, kind), length)


def _fake_uniqueness(spec: MaskSpec) -> Uniqueness:
    return "preserved" if spec.arguments == ("username",) else "lossy"


def _unknown_fake(spec: MaskSpec) -> str | None:
    [kind] = spec.arguments
    return None if kind in FAKES else f"`fake({kind})` is not known; there are {', '.join(FAKES)}"


def _email(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return _where_filled(lambda values: tools.pseudonyms.email(values, length_of(column)))


def _phone(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return _where_filled(tools.pseudonyms.phone, length_of(column))


def _file(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    return _where_filled(tools.pseudonyms.file, length_of(column))


def _hash(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    digits = min(length_of(column) or 64, 64)
    return _where_filled(lambda values: tools.pseudonyms.token(values, "hash", digits))


def _password(_spec: MaskSpec, _column: Column, tools: Tools) -> Mask:
    # "!" and 40 characters: what Django calls an unusable password; no password hashes to it.
    return lambda values, _rows: tools.pseudonyms.token(values, "password", 40, begin="!")


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


def _where_filled(mask: Callable[[Values], Values], length: int | None = None) -> Mask:
    """The mask, leaving NULL and the empty string as they are, and cut to the column's length."""

    def apply(values: Values, _rows: Rows) -> Values:
        masked = mask(values)
        if length is not None:
            masked = masked.cut(length)
        return masked if not (values.lengths == 0).any() else masked.where(values.lengths != 0, values)

    return apply


KINDS = (
    MaskKind(
        "fake",
        _fake,
        (1, 1),
        uniqueness=_fake_uniqueness,
        identifies=lambda spec: spec.arguments[0] if spec.arguments[0] in _IDENTIFYING else None,
        refuses=_least_where_unique,
        wrong=_unknown_fake,
    ),
    MaskKind("email", _email, uniqueness=lambda _: "preserved", identifies=lambda _: "email", refuses=_least(28)),
    MaskKind("phone", _phone, identifies=lambda _: "phone"),
    MaskKind("file", _file),
    MaskKind(
        "hash",
        _hash,
        uniqueness=lambda _: "preserved",
        identifies=lambda _: "secret",
        refuses=_least_where_unique,
    ),
    MaskKind(
        "password", _password, uniqueness=lambda _: "preserved", identifies=lambda _: "secret", refuses=_least(41)
    ),
)
