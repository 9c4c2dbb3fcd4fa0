"""Masks for what is inside a value: paths into JSON, hstore, arrays and rows, and `each` for every value there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, length_of
from etna_pipelines.anonymise.documents.documents import Form, Found, alike, find, spliced
from etna_pipelines.anonymise.masks.kind import Mask, MaskKind, Tools, Uniqueness
from etna_pipelines.anonymise.masks.parts import Parts, RowsOfParts, columns_of, form_of, misfit_of_parts
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.rules.paths import NOBODY, Automaton, Path, compile_paths, parse_path
from etna_pipelines.anonymise.scrub.named import Named
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import RulesError, ValueMalformed
from etna_pipelines.snapshots.manifest import Column

_WHOLE = ("keep", "null", "set")
"""Masks that take an object or array of JSON as one value; the others change every value in it."""
_UNFIT = ("default", "each", "serial", "shuffle")
"""Masks of a column as such: its default, the number of its row, all of its values."""


def build(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    """The mask of a column with paths: what they name by their masks, all else by the column's own."""
    form = form_of(column) or "text"
    named = [(parse_path(path), part) for path, part in spec.paths]
    paths = [path for path, _ in named]
    specs = [replace(part, locale=part.locale or spec.locale) for _, part in named]
    likes = [columns_of(column, path) for path in paths]
    whole = [part.name in _WHOLE for part in specs]
    own, rest = _own(spec), NOBODY
    if own.name not in ("keep", "scrub") or spec.name == "each":
        rest = len(specs)
        specs.append(own)
        likes.append(columns_of(column, None))
        whole.append(own.name in _WHOLE and spec.name != "each")
    outside = masks.build(own, column, tools) if form == "text" or spec.name == "scrub" else None
    parts = Parts(specs, likes, tools)
    return Inside(
        form, compile_paths(paths, whole, rest), parts, outside, length_of(column), scrubs=spec.name == "scrub"
    )


def misfit(spec: MaskSpec, column: Column, unique: bool) -> str | None:
    """Why a column can't have such paths, with what would fit; None where it can."""
    form = form_of(column)
    if form is None:
        return f"`$...` leads into a document and the column is {base_type(column)}: use null, set(...) or keep"
    if why := _misfit_of_own(spec, column, form, unique):
        return why
    for text, part in spec.paths:
        try:
            path = parse_path(text)
        except RulesError as problem:
            return str(problem)
        if why := _misfit_of_part(part, column, path):
            return f"`{text}`: {why}"
        if unique and masks.uniqueness(part) == "lossy":
            return f"`{text}`: `{part}` can make two rows equal and the column is unique: use hash, email or keep"
    return None


def within(spec: MaskSpec) -> Iterator[MaskSpec]:
    """The mask and those that it has for what is inside."""
    yield spec
    if spec.name == "each":
        yield _own(spec)
    for _, part in spec.paths:
        yield from within(part)


def _misfit_of_own(spec: MaskSpec, column: Column, form: Form, unique: bool) -> str | None:
    own = _own(spec)
    if own.name == "keep":
        return None
    if form == "text" or spec.name == "scrub":
        return masks.misfit(own, column, unique)
    return _misfit_of_part(own, column, None)


def _misfit_of_part(part: MaskSpec, column: Column, path: Path | None) -> str | None:
    if part.name in _UNFIT:
        return f"`{part}` is for whole columns and not for values inside: use fake(...), hash or null"
    if path and path.keys and (masks.uniqueness(part) != "preserved" or part.name == "null"):
        return f"`{part}` can make two keys one, and a value would be lost: use hash or email"
    if form_of(column) == "row" and (path is None or len(path.steps) > 1):
        return "fields of a composite type are named by their places: use `$[0]: ...` and `mask: keep`"
    return misfit_of_parts(part, columns_of(column, path))


def _own(spec: MaskSpec) -> MaskSpec:
    """What becomes of all that no path names."""
    if spec.name == "each":
        return replace(masks.parse(spec.arguments[0]), locale=spec.locale)
    return replace(spec, paths=())


class Inside:
    """Changes the values inside documents. `outside` changes texts that are no documents, and scrubs those that are."""

    def __init__(
        self, form: Form, paths: Automaton, parts: Parts, outside: Mask | None, length: int | None, *, scrubs: bool
    ) -> None:
        """`length`: how many characters the column takes."""
        self._identifies = {owner: kind for owner, spec in enumerate(parts.specs) if (kind := masks.identifies(spec))}
        self._form = form
        self._paths = paths
        self._parts = parts
        self._outside = outside
        self._length = length
        self._scrubs = scrubs

    @property
    def kinds(self) -> set[str]:
        """What its masks hide, as masks.identifies says it of a column."""
        return set(self._identifies.values())

    def __call__(self, values: Values, rows: Rows) -> Values:
        found, are_documents = find(values, self._paths, self._form)
        others = ~are_documents & ~values.nulls
        if self._form != "text" and others.any():
            what = {"json": "JSON", "array": "an array", "hstore": "an hstore", "row": "a row"}[self._form]
            raise ValueMalformed(int(np.argmax(others)), f"is not {what}")
        masked = self._parts(found.owners, found.kinds, found.contents, RowsOfParts(rows, found.documents))
        changed = ~(masked.same(found.contents) | (masked.nulls & found.contents.nulls))
        written = found.written(masked)
        clean = spliced(found, np.flatnonzero(changed), written.at(changed))
        if self._length is not None and (too_long := clean.cut(self._length).lengths < clean.lengths).any():
            raise ValueMalformed(int(np.argmax(too_long)), "is longer than the column takes, once it is masked inside")
        if self._outside is None:
            return clean
        if self._scrubs:
            clean = self._scrubbed(self._outside, found, written.where(changed, found.raw), clean, rows)
        return clean if not others.any() else clean.where(~others, self._outside(values, rows))

    def identified(self, values: Values) -> Iterator[tuple[str, Named]]:
        """The values inside the documents that hide somebody, by their kind, each with its document."""
        if self._identifies:
            found, _ = find(values, self._paths, self._form)
            for owner, kind in self._identifies.items():
                mine = np.flatnonzero(found.owners == owner)
                mine = mine[np.argsort(found.documents[mine], kind="stable")]
                yield kind, Named(found.documents[mine], found.contents.at(mine))

    def _scrubbed(self, scrub: Mask, found: Found, written: Values, clean: Values, rows: Rows) -> Values:
        """The texts scrubbed, with what was written at the paths; `clean` has that and is not scrubbed.

        They are scrubbed as they were, because what stands beside a value tells what is personal. Where that makes the
        paths lead elsewhere (a key was personal), `clean` is scrubbed instead.
        """
        again, _ = find(scrub(found.texts, rows), self._paths, self._form)
        rows_of_found, rows_of_again, fits = alike(found, again)
        restored = spliced(again, rows_of_again, written.at(rows_of_found))
        return restored if fits.all() else restored.where(fits, scrub(clean, rows))


def _wrong_each(spec: MaskSpec) -> str | None:
    try:
        part = masks.parse(spec.arguments[0])
    except RulesError as problem:
        return f"`{spec}`: {problem}"
    if part.keeps:
        return f"`{spec}` changes nothing: use keep"
    return f"`{spec}`: `{part}` is for whole columns" if part.name in _UNFIT else None


def _uniqueness_of_each(spec: MaskSpec) -> Uniqueness:
    return masks.uniqueness(masks.parse(spec.arguments[0]))


KINDS = (
    MaskKind(
        "each",
        build,
        (1, 1),
        uniqueness=_uniqueness_of_each,
        fits=lambda column: form_of(column) is not None,
        refuses=misfit,
        wrong=_wrong_each,
        cost="parsed",
        examples=(("each(fake(first))", "the same array, hstore or JSON with each of its values masked"),),
    ),
)
