"""PostgreSQL's own containers as text: arrays, hstore, composite types. Kernels that find values, as that for JSON.

How they are written: "Array Input and Output Syntax" and "Composite Type Input and Output Syntax" in PostgreSQL's
manual, chapter 8, and hstore's page in appendix F. What the server writes is read, not all that it would take.
"""

import numpy as np

from etna_pipelines.anonymise.documents.found import (
    BARE,
    COLUMNS,
    KEY,
    MAYBE_DOCUMENT,
    NULL,
    QUOTED,
    element_symbol,
    grown,
    name_symbol,
    put,
)
from etna_pipelines.anonymise.documents.json_text import may_hold_json
from etna_pipelines.anonymise.documents.quoting import BACKSLASHED, DOUBLED
from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.rules.paths import NOBODY, Automaton
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers

_NULL = np.frombuffer(b"NULL", np.uint8)


@kernel
def find_in_arrays(
    buffer: Bytes, starts: Numbers, lengths: Numbers, states: Numbers, paths: Automaton
) -> tuple[Numbers, Choice]:
    """What of arrays (`{a,"b c",NULL,{...}}`, `[2:3]={...}`) belongs to somebody, and which texts are arrays."""
    found = np.empty((256, COLUMNS), np.int64)
    count = 0
    are_arrays = np.zeros(len(starts), np.bool_)
    inside = np.empty(8, np.int64)  # the state of each open array: PostgreSQL has six dimensions at most
    place = np.empty(8, np.int64)
    for row in range(len(starts)):
        at, end = starts[row], starts[row] + lengths[row]
        before, depth, state = count, 0, states[row]
        if at < end and buffer[at] == 0x5B:  # bounds
            while at < end and buffer[at] != 0x3D:
                at += 1
            at += 1
        while 0 <= at < end:
            if count + 2 >= len(found):
                found = grown(found)
            byte = buffer[at]
            if byte == 0x7B:
                if depth == len(inside):
                    break
                inside[depth], place[depth] = state, 0
                depth += 1
                state = paths.following[state, element_symbol(paths, 0)]
                at += 1
            elif depth == 0:
                break
            elif byte == 0x7D:
                depth -= 1
                at += 1
                if depth == 0:
                    are_arrays[row] = at == end
                    break
            elif byte == 0x2C:
                place[depth - 1] += 1
                state = paths.following[inside[depth - 1], element_symbol(paths, place[depth - 1])]
                at += 1
            else:
                count, at = _value(found, count, paths, state, buffer, row, at, end, BACKSLASHED)
        if not are_arrays[row]:
            count = before
    return found[:count], are_arrays


@kernel
def find_in_hstores(
    buffer: Bytes, starts: Numbers, lengths: Numbers, states: Numbers, paths: Automaton
) -> tuple[Numbers, Choice]:
    """What of hstores (`"a"=>"b", "c"=>NULL`) belongs to somebody, and which texts are hstores."""
    found = np.empty((256, COLUMNS), np.int64)
    count = 0
    are_hstores = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        at, end = starts[row], starts[row] + lengths[row]
        before = count
        are_hstores[row] = lengths[row] == 0
        while at < end and buffer[at] == 0x22:
            if count + 2 >= len(found):
                found = grown(found)
            start, at = at, _quote_end(buffer, at, end, BACKSLASHED)
            if at < 0 or at + 2 >= end or buffer[at] != 0x3D or buffer[at + 1] != 0x3E:
                break
            state = paths.following[states[row], name_symbol(paths, buffer, start + 1, at - 1, BACKSLASHED)]
            if paths.key_owners[state] != NOBODY:
                count = put(found, count, row, start, at, paths.key_owners[state], KEY, state)
            count, at = _value(found, count, paths, state, buffer, row, at + 2, end, BACKSLASHED)
            if at == end:
                are_hstores[row] = True
            elif at < 0 or at + 2 >= end or buffer[at] != 0x2C or buffer[at + 1] != 0x20:
                break
            at += 2
        if not are_hstores[row]:
            count = before
    return found[:count], are_hstores


@kernel
def find_in_rows(
    buffer: Bytes, starts: Numbers, lengths: Numbers, states: Numbers, paths: Automaton
) -> tuple[Numbers, Choice]:
    """What of rows of composite types (`(a,"b, c",,"")`) belongs to somebody, and which texts are rows."""
    found = np.empty((256, COLUMNS), np.int64)
    count = 0
    are_rows = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        at, end = starts[row], starts[row] + lengths[row]
        before, place = count, 0
        while 0 <= at < end and buffer[at] == (0x2C if place else 0x28):
            if count + 2 >= len(found):
                found = grown(found)
            at += 1
            state = paths.following[states[row], element_symbol(paths, place)]
            count, at = _value(found, count, paths, state, buffer, row, at, end, DOUBLED)
            place += 1
        are_rows[row] = place > 0 and at == end - 1 and buffer[at] == 0x29
        if not are_rows[row]:
            count = before
    return found[:count], are_rows


@kernel
def _value(
    found: Numbers,
    count: int,
    paths: Automaton,
    state: int,
    buffer: Bytes,
    row: int,
    at: int,
    end: int,
    notation: int,
) -> tuple[int, int]:
    """Note the value at `at` where it is somebody's; how many there are then, and the value's end (-1: it has none)."""
    start, owner = at, paths.owners[state]
    if at < end and buffer[at] == 0x22:
        at = _quote_end(buffer, at, end, notation)
        if paths.is_open[state] and may_hold_json(buffer, start + 1, at - 1):
            count = put(found, count, row, start, at, owner, MAYBE_DOCUMENT, state)
        elif owner != NOBODY:
            count = put(found, count, row, start, at, owner, QUOTED, state)
        return count, at
    while at < end and buffer[at] not in (0x2C, 0x7D if notation == BACKSLASHED else 0x29):
        if buffer[at] in (0x22, 0x5C) or (buffer[at] == 0x7B and notation == BACKSLASHED):
            return count, -1
        at += 1
    if owner != NOBODY:
        kind = NULL if _is_null(buffer, start, at, notation) else BARE
        count = put(found, count, row, start, at, owner, kind, state)
    return count, at


@kernel
def _quote_end(buffer: Bytes, at: int, end: int, notation: int) -> int:
    """Where what begins with the quote at `at` is over, after its other quote; -1 where it has none."""
    at += 1
    while at < end:
        if buffer[at] == 0x5C:
            at += 1
        elif buffer[at] == 0x22:
            if notation != DOUBLED or at + 1 == end or buffer[at + 1] != 0x22:
                return at + 1
            at += 1
        at += 1
    return -1


@kernel
def _is_null(buffer: Bytes, start: int, end: int, notation: int) -> bool:
    if notation == DOUBLED:
        return start == end
    return end - start == 4 and bool(np.all(buffer[start:end] == _NULL))
