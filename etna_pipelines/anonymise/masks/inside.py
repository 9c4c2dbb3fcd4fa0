"""Masks for what is inside a value: paths into JSON, and `each` for every value of a document."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, is_textual
from etna_pipelines.anonymise.documents import Found, alike, find, joined, same, spliced
from etna_pipelines.anonymise.masks.kind import Mask, Tools
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.paths import NOBODY, Automaton, compile_paths, parse_path
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.values import Numbers, Values
from etna_pipelines.errors import RulesError, ValueMalformed
from etna_pipelines.snapshots.manifest import Column

_WHOLE = ("keep", "null", "set")
"""Masks that take an object or array as one value; the others change every value in it."""


def build(spec: MaskSpec, column: Column, tools: Tools) -> Mask:
    """The mask of a column with paths: what they name by their masks, all else by the column's own."""
    own = replace(spec, paths=())
    specs = [each for _, each in spec.paths]
    rest = NOBODY
    if spec.name not in ("keep", "scrub"):
        rest = len(specs)
        specs.append(own)
    automaton = compile_paths(
        [parse_path(path) for path, _ in spec.paths], [each.name in _WHOLE for each in specs], rest
    )
    parts = [masks.build(each, _part_of(column), tools) for each in specs]
    whole = masks.build(own, column, tools) if not masks.misfit(own, column, False) else None
    return Inside(column, automaton, parts, whole, scrubs=spec.name == "scrub")


def misfit(spec: MaskSpec, column: Column) -> str | None:
    """Why a column can't have such paths, with what would fit; None where it can."""
    if not _is_json(column) and not is_textual(column):
        return f"paths lead into JSON and the column is {base_type(column)}: use null, set(...) or keep"
    for text, part in spec.paths:
        if why := masks.misfit(part, _part_of(column), unique=False):
            return f"`{text}`: {why}"
        try:
            path = parse_path(text)
        except RulesError as problem:
            return str(problem)
        if path.keys and masks.uniqueness(part) != "preserved":
            return f"`{text}`: `{part}` can give two keys the same name, and one value would be lost: use hash or email"
    return None


def _is_json(column: Column) -> bool:
    return base_type(column) in ("json", "jsonb")


def _part_of(column: Column) -> Column:
    """What the values in a column's documents are like."""
    return Column(name=column.name, type="text", category="S")


@dataclass(frozen=True)
class _RowsOfParts:
    """The rows that values inside documents belong to."""

    rows: Rows
    documents: Numbers

    @property
    def first(self) -> int:
        return self.rows.first

    def __len__(self) -> int:
        return len(self.documents)

    def original(self, column: str) -> Values:
        return self.rows.original(column).at(self.documents)

    def masked(self, column: str) -> Values:
        return self.rows.masked(column).at(self.documents)


class Inside:
    """Changes the values in documents that belong to `parts`, by the number of their owner.

    `own` is the column's own mask, for texts that are no documents.
    """

    def __init__(
        self, column: Column, paths: Automaton, parts: Sequence[Mask], own: Mask | None, *, scrubs: bool
    ) -> None:
        self._is_json = _is_json(column)
        self._paths = paths
        self._parts = parts
        self._own = own
        self._scrubs = scrubs

    def __call__(self, values: Values, rows: Rows) -> Values:
        found, are_documents = find(values, self._paths, any_document=self._is_json)
        others = ~are_documents & ~values.nulls
        if self._is_json and others.any():
            raise ValueMalformed(int(np.argmax(others)), "is not JSON")
        masked = self._masked(found, rows)
        changed = ~same(masked, found.contents)
        written = found.written(masked)
        clean = spliced(found, np.flatnonzero(changed), written.at(changed))
        if self._scrubs and self._own is not None:
            clean = self._scrubbed(self._own, found, written.where(changed, found.raw), clean, rows)
        if are_documents.all() or self._own is None:
            return clean
        return clean.where(are_documents, self._own(values, rows))

    def _masked(self, found: Found, rows: Rows) -> Values:
        """What the values become, each by the mask of its owner."""
        owners = found.owners
        order = np.argsort(owners, kind="stable")
        parts = []
        for owner in np.unique(owners):
            its = order[owners[order] == owner]
            parts.append(self._parts[owner](found.contents.at(its), _RowsOfParts(rows, found.documents[its])))
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return joined(parts).at(back)

    def _scrubbed(self, own: Mask, found: Found, written: Values, clean: Values, rows: Rows) -> Values:
        """The texts scrubbed, with what was written at the paths; `clean` has that and is not scrubbed.

        They are scrubbed as they were, because what stands beside a value tells what is personal. Where that makes the
        paths lead elsewhere (a key was personal), `clean` is scrubbed instead.
        """
        scrubbed = own(found.texts, rows)
        again, _ = find(scrubbed, self._paths, any_document=self._is_json)
        rows_of_found, rows_of_again, fits = alike(found, again)
        restored = spliced(again, rows_of_again, written.at(rows_of_found))
        return restored if fits.all() else restored.where(fits, own(clean, rows))
