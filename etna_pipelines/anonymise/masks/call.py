"""call: a function of one's own, for what no mask does.

    import polars as pl
    from etna_pipelines.anonymise.masks.call import Keyed

    def reading_room(values: pl.Series, keyed: Keyed) -> pl.Series:
        return "Reader " + (keyed.numbers(values) % 90_000 + 10_000).cast(pl.String)

`call(my_masks.reading_room)` finds it in `my_masks.py` wherever Python looks for modules (PYTHONPATH). It gets the
values that are neither NULL nor empty, a few thousand at a time and from several threads, and gives as many strings
(or nulls). It must be a pure function of value and key, else the nights differ.
"""

import importlib
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import polars as pl

from etna_pipelines.anonymise.column_types import length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, on_filled
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.masks.types import any_type
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column


@dataclass(frozen=True)
class Keyed:
    """What the masking key says about values: equal for equal values, of every table and night."""

    pseudonyms: Pseudonyms
    purpose: str
    """Two functions get different numbers and tokens for one value."""

    def numbers(self, values: pl.Series) -> pl.Series:
        """A number of 60 bits or more for each, of type UInt64."""
        return pl.Series(self.pseudonyms.numbers(Values.of(values), self.purpose))

    def token(self, values: pl.Series, digits: int = 16) -> pl.Series:
        """So many (at most 64) hex digits for each, which tell values apart."""
        return self.pseudonyms.token(Values.of(values), self.purpose, digits).series()

    def fake(self, values: pl.Series, kind: str) -> pl.Series:
        """What `fake(kind)` makes of each: first, last, company, city ..."""
        return self.pseudonyms.fake(Values.of(values), kind).series()

    def email(self, values: pl.Series) -> pl.Series:
        """What `email` makes of each."""
        return self.pseudonyms.email(Values.of(values)).series()


Function = Callable[[pl.Series, Keyed], pl.Series]


def _call(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    function, keyed = _imported(spec), Keyed(tools.pseudonyms, str(spec))

    def mask(values: Values) -> Values:
        try:
            made = function(values.series(), keyed)
        except Exception as problem:  # its message may quote a value, so only its place is told
            place = traceback.extract_tb(problem.__traceback__)[-1]
            raise RulesError(
                f"`{spec}` failed with {type(problem).__name__}: correct the function "
                f"({place.filename}, line {place.lineno})."
            ) from None
        if not isinstance(made, pl.Series) or made.dtype != pl.String or len(made) != len(values):
            raise RulesError(
                f"`{spec}` gave something else than {len(values)} strings for as many values: "
                "return a polars Series of type String that is as long as the one it gets."
            )
        return Values.of(made)

    return on_filled(mask, length_of(column))


def _imported(spec: MaskSpec) -> Function:
    """Raises RulesError (without a place) for what is no function that can be imported."""
    module, _, name = spec.arguments[0].rpartition(".")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except Exception as problem:  # whatever the module's code does
        raise RulesError(
            f"`{spec}` can't be imported ({type(problem).__name__}): put its module where PYTHONPATH points to"
        ) from None
    if not callable(function):
        raise RulesError(f"`{spec}` names nothing that can be called: define {name} in {module}")
    return cast(Function, function)


def _wrong(spec: MaskSpec) -> str | None:
    right = re.fullmatch(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+", spec.arguments[0])
    return None if right else f"`{spec}` names no function: write call(module.function)"


def _refuse(spec: MaskSpec, _column: Column, _unique: bool) -> str | None:
    try:
        _imported(spec)
    except RulesError as problem:
        return str(problem)
    return None


KINDS = (
    MaskKind(
        "call",
        _call,
        (1, 1),
        uniqueness=lambda _: "likely",
        fits=any_type,
        wrong=_wrong,
        refuses=_refuse,
        cost="parsed",
        examples=(("call(module.function)", "what your own function makes of it (see masks/call.py)"),),
    ),
)
