"""Masks: the named ways of changing a value, each with what it is fit for.

A mask takes the values of a column and gives as many. NULL stays NULL and the empty string stays empty, except where
the mask says otherwise (`null`, `set`, `password`).
"""

import re
from dataclasses import replace

from etna_pipelines.anonymise.column_types import base_type, is_textual
from etna_pipelines.anonymise.masks import (
    apart,
    call,
    choice,
    fixed,
    free,
    inside,
    numbers,
    passwords,
    people,
    texts,
    tokens,
)
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, Uniqueness
from etna_pipelines.anonymise.masks.people import FAKES
from etna_pipelines.anonymise.masks.spec import MaskSpec, split_arguments
from etna_pipelines.anonymise.masks.types import TYPES
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column

__all__ = [
    "FAKES", "KINDS", "Mask", "MaskKind", "MaskSpec", "Tools",
    "build", "catalogue", "changes_all", "identifies", "kept_apart", "misfit", "parse", "types_of", "uniqueness",
]  # fmt: skip

KINDS: dict[str, MaskKind] = {
    kind.name: kind
    for family in (fixed, people, tokens, passwords, texts, numbers, choice, inside, free, call)
    for kind in family.KINDS
}

_FOR_IDENTITIES = ("keep", "token", "serial")

_MAY_STAY = (
    "keep", "copy", "set", "default", "null", "scrub", "each", "replace", "map", "pick", "call", "serial",
)  # fmt: skip
"""Masks that rightly leave values as they are, or make what they are told to."""

_SPEC = re.compile(r"^\s*([a-z_]+)\s*(?:\((.*)\))?\s*$", re.S)


def parse(text: str) -> MaskSpec:
    """`fake(first)` -> MaskSpec. Raises RulesError (without a place: the caller knows it) for what is no mask."""
    match = _SPEC.match(text)
    if not match or match[1] not in KINDS:
        raise RulesError(f"`{text}` is not a mask; there are {', '.join(KINDS)}")
    name, inside = match[1], match[2]
    arguments = () if inside is None else (inside,) if name == "set" else split_arguments(inside)
    kind = KINDS[name]
    low, high = kind.arguments
    if not low <= len(arguments) <= high:
        raise RulesError(
            f"`{name}` takes {low if low == high else f'{low} to {high}'} argument(s), and has {len(arguments)}"
        )
    spec = MaskSpec(name, arguments)
    if why := kind.wrong(spec):
        raise RulesError(why)
    return spec


def catalogue() -> list[MaskKind]:
    """Every kind of mask, in the order that the rules' README explains them."""
    return list(KINDS.values())


def types_of(spec: MaskSpec) -> list[str]:
    """The types that a mask is for, as the rules' README names them; `any` for all."""
    kind = KINDS[spec.name]
    if all(map(kind.fits, TYPES.values())):
        return ["any"]
    return [name for name, column in TYPES.items() if kind.fits(column) and not kind.refuses(spec, column, False)]


def identifies(spec: MaskSpec) -> str | None:
    """The kind of original that the mask hides."""
    return KINDS[spec.name].identifies(spec)


def changes_all(spec: MaskSpec) -> bool:
    """Whether the mask is meant to change every value that is not empty."""
    return not spec.paths and spec.name not in _MAY_STAY


def uniqueness(spec: MaskSpec) -> Uniqueness:
    """Whether two values stay two: surely, most likely, or not."""
    return "preserved" if spec.unique else KINDS[spec.name].uniqueness(spec)


def kept_apart(spec: MaskSpec) -> MaskSpec:
    """The mask for a column of a key: one that tells originals apart even where case and spaces alone do."""
    return replace(spec, unique=True) if KINDS[spec.name].folds(spec) else spec


def misfit(spec: MaskSpec, column: Column, unique: bool) -> str | None:
    """Why the mask can't be used on the column, with what would fit; None where it can."""
    if spec.paths:
        return inside.misfit(spec, column, unique)
    kind = KINDS[spec.name]
    if not kind.fits(column):
        does = "reads text" if spec.name == "scrub" else "makes text"
        return f"`{spec.shown}` {does} and the column is {base_type(column)}: use {_fitting(column, unique)}"
    if why := kind.refuses(spec, column, unique):
        return why
    if column.identity and spec.name not in _FOR_IDENTITIES:
        return f"`{spec.shown}` does not fit an identity column: use {', '.join(_FOR_IDENTITIES)}"
    if spec.unique and kind.uniqueness(spec) != "preserved":
        return apart.misfit(spec, column)
    if unique and uniqueness(spec) == "lossy":
        fitting = _fitting(column, unique) + (", or say `unique: true`" if is_textual(column) else "")
        return f"`{spec.shown}` can give two rows the same value and the column is unique: use {fitting}"
    return None


def _fitting(column: Column, unique: bool) -> str:
    """Masks that would fit, as rules write them."""
    fitting = []
    for kind in KINDS.values():
        for written, _ in kind.examples:
            spec = parse(written)
            lossy = unique and kind.uniqueness(spec) == "lossy"
            if kind.fits(column) and not lossy and not kind.reads(spec) and not kind.refuses(spec, column, unique):
                fitting.append(written)
    others = [written for written in fitting if written not in ("keep", "null", "default", "scrub")]
    return ", ".join([*others, "null, set(...) or keep"])


def build(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    """The mask for a column's values."""
    if spec.paths:
        return inside.build(spec, column, tools)
    kind = KINDS[spec.name]
    mask = kind.build(spec, column, tools)
    if spec.unique and kind.uniqueness(spec) != "preserved":
        return apart.with_token(mask, column, tools.pseudonyms)
    return mask
