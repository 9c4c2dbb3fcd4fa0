"""What the kernels that go through documents find: a table with a row for each value that belongs to somebody."""

import numpy as np

from etna_pipelines.anonymise.documents.quoting import DOUBLED, unquote
from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.rules.paths import FNV_OFFSET, FNV_PRIME, NOBODY, Automaton
from etna_pipelines.anonymise.values import Bytes, Numbers

DOCUMENT, START, END, OWNER, KIND, STATE = range(6)
"""The columns: which document; its bytes there, quotes included; whose it is; its kind; its state in the automaton."""
COLUMNS = 6

QUOTED, KEY, BARE, NULL, WHOLE, MAYBE_DOCUMENT = range(6)
"""Kinds: a text in quotes, a member's key, a value without quotes, NULL, an object or array taken as one value, and a
text in quotes that may be a document of its own."""


@kernel
def put(found: Numbers, count: int, document: int, start: int, end: int, owner: int, kind: int, state: int) -> int:
    """Write one row; how many there are then."""
    found[count, 0] = document
    found[count, 1] = start
    found[count, 2] = end
    found[count, 3] = owner
    found[count, 4] = kind
    found[count, 5] = state
    return count + 1


@kernel
def grown(found: Numbers) -> Numbers:
    """The table with room for twice as many rows."""
    larger = np.empty((2 * len(found), COLUMNS), np.int64)
    for row in range(len(found)):
        for column in range(COLUMNS):  # a slice would take seconds to compile
            larger[row, column] = found[row, column]
    return larger


@kernel
def name_symbol(paths: Automaton, buffer: Bytes, start: int, end: int, notation: int) -> int:
    """The automaton's symbol for a member whose name stands there between quotes."""
    for position in range(start, end):
        if buffer[position] == 0x5C or (notation == DOUBLED and buffer[position] == 0x22):
            plain = np.empty(end - start, np.uint8)
            return _symbol(paths, plain, 0, unquote(buffer, start, end, notation, plain, 0))
    return _symbol(paths, buffer, start, end)


@kernel
def _symbol(paths: Automaton, buffer: Bytes, start: int, end: int) -> int:
    value = FNV_OFFSET
    for position in range(start, end):
        value = (value ^ buffer[position]) * FNV_PRIME & 0xFFFFFFFF
    slot = value & (len(paths.slots) - 1)
    while paths.slots[slot] != NOBODY:
        number: int = paths.slots[slot]
        if paths.name_lengths[number] == end - start:
            same = True
            for offset in range(end - start):
                if paths.names[paths.name_starts[number] + offset] != buffer[start + offset]:
                    same = False
                    break
            if same:
                return number
        slot = (slot + 1) & (len(paths.slots) - 1)
    return len(paths.name_starts)


@kernel
def element_symbol(paths: Automaton, index: int) -> int:
    """The automaton's symbol for the element at a place."""
    others = len(paths.name_starts) + 1
    for number in range(len(paths.indices)):
        if paths.indices[number] == index:
            return others + number
    return others + len(paths.indices)
