"""Masks that keep the shape of a text: redact, mask, scramble, text, replace."""

import re

import polars as pl
from polars.exceptions import PolarsError

from etna_pipelines.anonymise.column_types import length_of
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, on_filled
from etna_pipelines.anonymise.masks.prose import prose, redacted, scrambled
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.pseudonyms.pseudonyms import pool
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots.manifest import Column


def _redact(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    [character] = spec.arguments or ("x",)
    return on_filled(lambda values: redacted(values, character), length_of(column))


def _mask(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    head, tail = map(int, spec.arguments[:2])
    [character] = spec.arguments[2:] or ("*",)

    def mask(values: Values) -> Values:
        text = pl.col("value")
        length = text.str.len_chars().cast(pl.Int64)
        kept = pl.min_horizontal(pl.lit(head + tail), length // 2)  # never more than half of the value
        first = kept * head // max(head + tail, 1)
        last = kept - first
        masked = text.str.head(first).str.pad_end(length - last, character) + text.str.tail(last)
        return Values.of(values.series().to_frame("value").select(masked).to_series())

    return on_filled(mask, length_of(column))


def _wrong_mask(spec: MaskSpec) -> str | None:
    if not all(re.fullmatch(r"\d{1,4}", argument) for argument in spec.arguments[:2]):
        return f"`{spec}` has no numbers of characters to keep: write mask(head, tail), as in mask(0, 4)"
    return _wrong_character(spec, spec.arguments[2:])


def _wrong_redact(spec: MaskSpec) -> str | None:
    return _wrong_character(spec, spec.arguments)


def _wrong_character(spec: MaskSpec, arguments: tuple[str, ...]) -> str | None:
    right = all(len(argument) == 1 and argument.isascii() for argument in arguments)
    return None if right else f"`{spec}` fills with one ASCII character: name one"


def _scramble(_spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    def mask(values: Values) -> Values:
        return scrambled(values, tools.pseudonyms.numbers(values, "scramble"))

    return on_filled(mask, length_of(column))


def _text(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    pseudonyms, words = tools.pseudonyms, Values.of(pool("word", spec.locale or "en_GB").str.to_lowercase())

    def mask(values: Values) -> Values:
        return prose(values, pseudonyms.numbers(values, "text"), words)

    return on_filled(mask, length_of(column))


def _replace(spec: MaskSpec, column: Column, _tools: Tools) -> Mask:
    pattern, instead = spec.arguments
    return on_filled(lambda values: Values.of(values.series().str.replace_all(pattern, instead)), length_of(column))


def _wrong_replace(spec: MaskSpec) -> str | None:
    pattern, instead = spec.arguments
    try:
        pl.Series([""]).str.replace_all(pattern, instead)
    except PolarsError:
        return f"`{spec}` has a pattern that Rust's regex library does not read: look-around and \\1 are not for it"
    return None


KINDS = (
    MaskKind(
        "redact",
        _redact,
        (0, 1),
        wrong=_wrong_redact,
        cost="copied",
        examples=(("redact", "`x` for every letter and digit; `redact(#)` another character"),),
    ),
    MaskKind(
        "mask",
        _mask,
        (2, 3),
        wrong=_wrong_mask,
        cost="copied",
        examples=(("mask(0, 4)", "its first 0 and last 4 characters, at most half of it, and `*` between"),),
    ),
    MaskKind(
        "scramble",
        _scramble,
        examples=(("scramble", "other letters for letters, other digits for digits; case and punctuation stay"),),
    ),
    MaskKind(
        "text",
        _text,
        examples=(("text", "prose with as many words, lines and paragraphs"),),
    ),
    MaskKind(
        "replace",
        _replace,
        (2, 2),
        wrong=_wrong_replace,
        cost="searched",
        examples=(('replace("\\d+", 0)', "itself with what a Rust regex finds replaced; `${1}` is a group"),),
    ),
)
