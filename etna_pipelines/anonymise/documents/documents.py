"""Documents: JSON (arrays, hstore, rows), and texts in it that are JSON again, at any depth: values read and replaced.

Nothing else of a document is touched: whatever depth a value stands at, its first and last byte in the text itself are
known, and what it becomes is escaped as often as it has to be there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from etna_pipelines.anonymise.documents.containers import find_in_arrays, find_in_hstores, find_in_rows
from etna_pipelines.anonymise.documents.found import (
    BARE,
    DOCUMENT,
    END,
    KEY,
    KIND,
    MAYBE_DOCUMENT,
    NULL,
    OWNER,
    QUOTED,
    START,
    STATE,
    WHOLE,
)
from etna_pipelines.anonymise.documents.json_text import find_in_json
from etna_pipelines.anonymise.documents.quoting import BACKSLASHED, DOUBLED, JSON, enclosed, raw_places, unquote
from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.rules.paths import NOBODY, Automaton, compile_paths
from etna_pipelines.anonymise.values import NULL_LENGTH, Bytes, Choice, Numbers, Values

Form = Literal["json", "text", "array", "hstore", "row"]
"""What texts are: JSON; JSON or anything else; an array; an hstore; a row of a composite type."""

_NOTATIONS: dict[Form, int] = {
    "json": JSON,
    "text": JSON,
    "array": BACKSLASHED,
    "hstore": BACKSLASHED,
    "row": DOUBLED,
}
_NULLS = {JSON: "null", BACKSLASHED: "NULL", DOUBLED: ""}


@dataclass(frozen=True)
class Found:
    """Values in texts: what each is, and where it stands in `texts`."""

    texts: Values
    table: Numbers
    """A row for each value, as `found` has them."""
    contents: Values
    """What stands there, without quotes and escapes; NULL for a null."""
    depths: tuple[tuple[tuple[int, ...], int], ...]
    """The table's rows by depth: the notations around a value, the innermost first, and how many such rows follow."""

    @property
    def owners(self) -> Numbers:
        return self.table[:, OWNER]

    @property
    def kinds(self) -> Numbers:
        return self.table[:, KIND]

    @property
    def documents(self) -> Numbers:
        """Which text each value is in."""
        return self.table[:, DOCUMENT]

    @property
    def raw(self) -> Values:
        """Each value as it is written in the text, quotes and escapes included."""
        starts = np.ascontiguousarray(self.table[:, START])
        return Values(self.texts.buffer, starts, self.table[:, END] - starts)

    def written(self, values: Values) -> Values:
        """Other values instead of these, as they have to be written at their places."""
        written, done = [], 0
        for notations, count in self.depths:
            rows = np.arange(done, done + count)
            texts = _written(values.at(rows), self.kinds[rows], notations[0])
            for notation in notations[1:]:
                texts = enclosed(texts, notation, b"")
            written.append(texts)
            done += count
        return joined(written)


def find(texts: Values, paths: Automaton, form: Form) -> tuple[Found, Choice]:
    """What belongs to somebody in texts, and which of these are documents of the form (NULL is none)."""
    return _find(texts, np.zeros(len(texts), np.int64), paths, form)


def _find(texts: Values, states: Numbers, paths: Automaton, form: Form) -> tuple[Found, Choice]:
    table, are_documents = _scanned(texts, states, paths, form)
    notation = _NOTATIONS[form]
    maybe = table[:, KIND] == MAYBE_DOCUMENT
    inner: list[Found] = []
    if maybe.any():
        below, are_inside = _find(_contents(texts, table[maybe], notation), table[maybe, STATE], paths, "text")
        inner.append(_lifted(below, texts, table[maybe], notation))
        table[maybe, KIND] = np.where(are_inside, MAYBE_DOCUMENT, QUOTED)
        table = table[(table[:, KIND] != MAYBE_DOCUMENT) & (table[:, OWNER] != NOBODY)]
    own = Found(texts, table, _contents(texts, table, notation), (((notation,), len(table)),))
    return _together([own, *inner]) if inner else own, are_documents


def _scanned(texts: Values, states: Numbers, paths: Automaton, form: Form) -> tuple[Numbers, Choice]:
    where = texts.buffer, texts.starts, texts.lengths, states, paths
    match form:
        case "array":
            return find_in_arrays(*where)
        case "hstore":
            return find_in_hstores(*where)
        case "row":
            return find_in_rows(*where)
        case _:
            return find_in_json(*where, form == "json")


def _lifted(below: Found, texts: Values, holding: Numbers, notation: int) -> Found:
    """What was found inside quoted texts (`holding`, a row for each) as of the texts that these stand in."""
    table = below.table.copy()
    order = np.argsort(table[:, START], kind="stable")
    table[order] = _in_holding(table[order], below.texts.starts, texts.buffer, holding, notation)
    depths = tuple(((*notations, notation), count) for notations, count in below.depths)
    return Found(texts, table, below.contents, depths)


def _together(parts: Sequence[Found]) -> Found:
    return Found(
        parts[0].texts,
        np.concatenate([part.table for part in parts]),
        joined([part.contents for part in parts]),
        tuple(depth for part in parts for depth in part.depths),
    )


def joined(parts: Sequence[Values]) -> Values:
    """The values of all parts, in one buffer."""
    shifts = np.cumsum([0, *(len(part.buffer) for part in parts)])
    return Values(
        np.concatenate([part.buffer for part in parts] or [np.empty(0, np.uint8)]),
        np.concatenate([part.starts + shift for part, shift in zip(parts, shifts, strict=False)] or [_NONE]),
        np.concatenate([part.lengths for part in parts] or [_NONE]),
    )


def alike(found: Found, again: Found) -> tuple[Numbers, Numbers, Choice]:
    """The rows of both tables that belong together, after the texts were changed in between the values; and in which
    texts that is sure, because they have the same values in the same order."""
    rows, others = _in_order(found.table), _in_order(again.table)
    count = len(found.texts)
    fits = np.bincount(found.documents, minlength=count) == np.bincount(again.documents, minlength=count)
    for _ in range(2):  # first with as many values, then with the same
        rows, others = rows[fits[found.documents[rows]]], others[fits[again.documents[others]]]
        differs = (found.owners[rows] != again.owners[others]) | (found.kinds[rows] != again.kinds[others])
        fits[found.documents[rows[differs]]] = False
    return rows, others, fits


def _in_order(table: Numbers) -> Numbers:
    return np.lexsort((table[:, START], table[:, DOCUMENT]))


def spliced(found: Found, rows: Numbers, texts: Values) -> Values:
    """The texts with those of the values that `rows` names written anew as `texts`."""
    table = found.table[rows]
    order = _in_order(table)
    old, table, new = found.texts, table[order], texts.at(order)
    return Values(*_spliced(old.buffer, old.starts, old.lengths, table, new.buffer, new.starts, new.lengths))


def _written(values: Values, kinds: Numbers, notation: int) -> Values:
    """Values as they are written in a place of their kind."""
    values = values.where(~(values.nulls & (kinds == KEY)), Values.repeated("", len(values)))  # a key is never null
    written = enclosed(values, notation, b'"')
    if notation == JSON and not (kinds == QUOTED).all():
        bare = np.isin(kinds, (BARE, NULL, WHOLE)) & _is_json(values)
        written = written.where(~bare, values)
    return written.where(~values.nulls, Values.repeated(_NULLS[notation], len(values)))


def _is_json(values: Values) -> Choice:
    states = np.zeros(len(values), np.int64)
    return find_in_json(values.buffer, values.starts, values.lengths, states, _NOTHING, True)[1]


def _contents(texts: Values, table: Numbers, notation: int) -> Values:
    return Values(*_unquoted(texts.buffer, table, notation))


_NONE = np.empty(0, np.int64)
_NOTHING = compile_paths([], [])


@kernel
def _unquoted(buffer: Bytes, table: Numbers, notation: int) -> tuple[Bytes, Numbers, Numbers]:
    size = 0
    for row in range(len(table)):
        size += table[row, 2] - table[row, 1]
    out = np.empty(size, np.uint8)
    starts, lengths = np.empty(len(table), np.int64), np.empty(len(table), np.int64)
    place = 0
    for row in range(len(table)):
        starts[row] = place
        start, end, kind = table[row, 1], table[row, 2], table[row, 4]
        if kind == NULL:
            lengths[row] = NULL_LENGTH
            continue
        if kind in (BARE, WHOLE):
            place = _copied(out, place, buffer, start, end)
        else:
            place = unquote(buffer, start + 1, end - 1, notation, out, place)
        lengths[row] = place - starts[row]
    return out[:place], starts, lengths


@kernel
def _copied(out: Bytes, place: int, buffer: Bytes, start: int, end: int) -> int:
    """Write those bytes; where they end. (A slice would take seconds to compile.)"""
    for position in range(start, end):
        out[place] = buffer[position]
        place += 1
    return place


@kernel
def _in_holding(table: Numbers, starts: Numbers, buffer: Bytes, holding: Numbers, notation: int) -> Numbers:
    """The table (by start) of what is in texts that begin at `starts`, as of the texts that those are quoted in."""
    lifted = table.copy()
    first = 0
    while first < len(table):
        document = table[first, 0]
        last = first
        while last < len(table) and table[last, 0] == document:
            last += 1
        plain = np.empty(2 * (last - first), np.int64)
        for row in range(first, last):
            plain[2 * (row - first)] = table[row, 1] - starts[document]
            plain[2 * (row - first) + 1] = table[row, 2] - starts[document]
        raw = np.empty(len(plain), np.int64)
        raw_places(buffer, holding[document, 1] + 1, holding[document, 2] - 1, notation, plain, raw)
        for row in range(first, last):
            lifted[row, 0] = holding[document, 0]
            lifted[row, 1] = raw[2 * (row - first)]
            lifted[row, 2] = raw[2 * (row - first) + 1]
        first = last
    return lifted


@kernel
def _spliced(
    buffer: Bytes,
    starts: Numbers,
    lengths: Numbers,
    table: Numbers,
    texts: Bytes,
    text_starts: Numbers,
    text_lengths: Numbers,
) -> tuple[Bytes, Numbers, Numbers]:
    size = 0
    for row in range(len(starts)):
        size += max(lengths[row], 0)
    for row in range(len(table)):
        size += text_lengths[row] - (table[row, 2] - table[row, 1])
    out = np.empty(size, np.uint8)
    out_starts, out_lengths = np.empty_like(starts), lengths.copy()
    place = edit = 0
    for row in range(len(starts)):
        out_starts[row] = place
        if lengths[row] < 0:
            continue
        at = starts[row]
        while edit < len(table) and table[edit, 0] == row:
            place = _copied(out, place, buffer, at, table[edit, 1])
            place = _copied(out, place, texts, text_starts[edit], text_starts[edit] + text_lengths[edit])
            at = table[edit, 2]
            edit += 1
        place = _copied(out, place, buffer, at, starts[row] + lengths[row])
        out_lengths[row] = place - out_starts[row]
    return out, out_starts, out_lengths
