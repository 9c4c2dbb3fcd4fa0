"""Masks that choose among values: pick, map, shuffle."""

from threading import Lock

import numpy as np
import polars as pl

from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, on_filled
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import any_type, misfit_of
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column

_MANY = 10_000
_OTHERS = "*"


def _pick(spec: MaskSpec, _column: Column, tools: Tools) -> Mask:
    choices = Values.of(spec.arguments)

    def mask(values: Values) -> Values:
        numbers = tools.pseudonyms.numbers(values, "pick")
        return choices.at((numbers % np.uint64(len(choices))).astype(np.intp))

    return on_filled(mask)


def _map(spec: MaskSpec, _column: Column, _tools: Tools) -> Mask:
    pairs = _pairs(spec)
    others = pairs.pop(_OTHERS, None)
    old, new = pl.Series(list(pairs), dtype=pl.String), pl.Series(list(pairs.values()), dtype=pl.String)
    empty = pairs.get("", "")

    def mask(values: Values, _rows: Rows) -> Values:
        mapped = Values.of(values.series().replace_strict(old, new, default=others))
        mapped = mapped.where(values.lengths != 0, Values.repeated(empty, len(values)))
        return mapped.where(~values.nulls, values)

    return mask


def _pairs(spec: MaskSpec) -> dict[str, str]:
    pairs = (argument.partition("=") for argument in spec.arguments)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _wrong_map(spec: MaskSpec) -> str | None:
    for argument in spec.arguments:
        if "=" not in argument:
            return f"`{spec.shown}` has an argument that lacks its `=`: write map(old=new, *=any other)"
    if len(_pairs(spec)) < len(spec.arguments):
        return f"`{spec.shown}` says two things about one value: keep one of them"
    return None


def _refuse_pick(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    return next((why for text in spec.arguments if (why := misfit_of(text, spec.shown, column))), None)


def _refuse_map(spec: MaskSpec, column: Column, _unique: bool) -> str | None:
    pairs = _pairs(spec)
    if column.not_null and _OTHERS not in pairs:
        return f"`{spec.shown}` makes other values NULL and the column is NOT NULL: say what they become with *=..."
    return next((why for text in pairs.values() if (why := misfit_of(text, spec.shown, column))), None)


class Shuffle:
    """Each distinct value becomes another that the column holds: the next one in a keyed order of them all.

    Holds every distinct value of the column in memory: their bytes and about 30 bytes for each.
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._seen = pl.Series(dtype=pl.String)
        self._new: list[pl.Series] = []
        self._lock = Lock()
        self._next: pl.DataFrame | None = None

    def collect(self, values: Values) -> None:
        """Remember a block's distinct values."""
        self._new.append(values.at(values.filled).series().unique())
        if sum(map(len, self._new)) > max(len(self._seen), 100_000):  # so that all are gone through only so often
            self._gather()

    def collected(self) -> pl.Series:
        """All distinct values seen so far."""
        self._gather()
        return self._seen.sort()

    def __call__(self, values: Values, _rows: Rows) -> Values:
        shuffled = values.series().to_frame("value").join(self._order(), on="value", how="left", maintain_order="left")
        return Values.of(shuffled["other"]).where(values.filled, values)

    def _gather(self) -> None:
        self._seen = pl.concat([self._seen, *self._new]).unique()
        self._new = []

    def _order(self) -> pl.DataFrame:
        with self._lock:
            if self._next is None:
                self._gather()
                keyed = pl.Series(self._pseudonyms.numbers(Values.of(self._seen), "shuffle"))
                ordered = pl.DataFrame({"value": self._seen, "key": keyed}).sort("key", "value")["value"]
                following = ordered.gather((np.arange(len(ordered)) + 1) % max(len(ordered), 1))
                self._next = pl.DataFrame({"value": ordered, "other": following})
            return self._next


def _shuffle(_spec: MaskSpec, _column: Column, tools: Tools) -> Mask:
    return Shuffle(tools.pseudonyms)


KINDS = (
    MaskKind(
        "pick",
        _pick,
        (1, _MANY),
        fits=any_type,
        refuses=_refuse_pick,
        examples=(("pick(a, b, c)", "one of those, the same for equal values"),),
    ),
    MaskKind(
        "map",
        _map,
        (1, _MANY),
        fits=any_type,
        refuses=_refuse_map,
        wrong=_wrong_map,
        cost="copied",
        empties="NULL stays, `=x` maps ''",
        examples=(("map(a=x, b=y, *=z)", "what its own value says; NULL where none does and there is no `*`"),),
    ),
    MaskKind(
        "shuffle",
        _shuffle,
        uniqueness=lambda _: "preserved",
        fits=any_type,
        agrees=False,
        cost="reads the column twice",
        examples=(("shuffle", "another value of the column; all distinct values are held in memory"),),
    ),
)
