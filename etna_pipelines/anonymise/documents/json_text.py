"""JSON as text (RFC 8259): a kernel that goes through documents and finds the values that paths name, where they stand.

Nothing is parsed into objects and nothing written again, so numbers keep every digit and members their order.
"""

import numpy as np

from etna_pipelines.anonymise.documents.found import (
    BARE,
    COLUMNS,
    KEY,
    MAYBE_DOCUMENT,
    NULL,
    QUOTED,
    WHOLE,
    element_symbol,
    grown,
    name_symbol,
    put,
)
from etna_pipelines.anonymise.documents.quoting import JSON, hex_digit
from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.rules.paths import NOBODY, Automaton
from etna_pipelines.anonymise.values import Bytes, Choice, Numbers

_VALUE, _MEMBER, _AFTER = 0, 1, 2  # what is read next
_OBJECT, _ARRAY = 0x7D, 0x5D  # the byte that closes one


@kernel
def find_in_json(
    buffer: Bytes, starts: Numbers, lengths: Numbers, states: Numbers, paths: Automaton, any_document: bool
) -> tuple[Numbers, Choice]:
    """What of documents belongs to somebody, in order (rows as `found` has them), and which documents are JSON.

    `states` are where each document stands in the automaton. Without `any_document` those alone count as JSON that are
    objects or arrays. Of what is not JSON nothing is found.
    """
    found = np.empty((256, COLUMNS), np.int64)
    count = 0
    is_json = np.zeros(len(starts), np.bool_)
    closing = np.empty(64, np.int64)  # the byte that ends each open object or array
    inside = np.empty(64, np.int64)  # its state
    place = np.empty(64, np.int64)  # the index of the element that is read
    begun = np.empty(64, np.int64)
    for row in range(len(starts)):
        at, end = starts[row], starts[row] + lengths[row]
        before, depth, whole_from = count, 0, 0  # whole_from: the depth of what is taken whole, 0 for nothing
        state = states[row]
        reading = _VALUE
        at = after_space(buffer, at, end)
        if at >= end or (not any_document and buffer[at] != 0x7B and buffer[at] != 0x5B):
            continue
        while at >= 0:
            if count + 2 >= len(found):
                found = grown(found)
            if reading == _AFTER:
                at = after_space(buffer, at, end)
                if depth == 0:
                    is_json[row] = at == end
                    break
                if at == end:
                    break
                if buffer[at] == closing[depth - 1]:
                    at += 1
                    if whole_from == depth:
                        whole_from = 0
                        state = inside[depth - 1]
                        count = put(found, count, row, begun[depth - 1], at, paths.owners[state], WHOLE, state)
                    depth -= 1
                elif buffer[at] == 0x2C:
                    at = after_space(buffer, at + 1, end)
                    place[depth - 1] += 1
                    reading = _MEMBER if closing[depth - 1] == _OBJECT else _VALUE
                    state = inside[depth - 1]
                    if reading == _VALUE:
                        state = paths.following[state, element_symbol(paths, place[depth - 1])]
                else:
                    break
            elif reading == _MEMBER:
                if at >= end or buffer[at] != 0x22:
                    break
                start, at = at, string_end(buffer, at, end)
                if at < 0:
                    break
                if paths.reads_names[state]:
                    state = paths.following[state, name_symbol(paths, buffer, start + 1, at - 1, JSON)]
                else:
                    state = paths.following[state, 0]
                if whole_from == 0 and paths.key_owners[state] != NOBODY:
                    count = put(found, count, row, start, at, paths.key_owners[state], KEY, state)
                at = after_space(buffer, at, end)
                if at >= end or buffer[at] != 0x3A:
                    break
                at = after_space(buffer, at + 1, end)
                reading = _VALUE
            elif at >= end:
                break
            elif buffer[at] == 0x7B or buffer[at] == 0x5B:
                if depth == len(closing):
                    closing, inside, place, begun = (
                        _longer(closing), _longer(inside), _longer(place), _longer(begun)
                    )  # fmt: skip
                is_object = buffer[at] == 0x7B
                closing[depth] = _OBJECT if is_object else _ARRAY
                inside[depth], place[depth], begun[depth] = state, 0, at
                depth += 1
                if whole_from == 0 and paths.whole[state]:
                    whole_from = depth
                at = after_space(buffer, at + 1, end)
                if at < end and buffer[at] == closing[depth - 1]:
                    reading = _AFTER
                elif is_object:
                    reading = _MEMBER
                else:
                    state = paths.following[state, element_symbol(paths, 0)]
            else:
                start = at
                owner = paths.owners[state] if whole_from == 0 else NOBODY
                if buffer[at] == 0x22:
                    at = string_end(buffer, at, end)
                    if whole_from == 0 and paths.is_open[state] and may_hold_json(buffer, start + 1, at - 1):
                        count = put(found, count, row, start, at, owner, MAYBE_DOCUMENT, state)
                    elif owner != NOBODY:
                        count = put(found, count, row, start, at, owner, QUOTED, state)
                else:
                    at = bare_end(buffer, at, end)
                    if owner != NOBODY:
                        kind = NULL if buffer[start] == 0x6E else BARE
                        count = put(found, count, row, start, at, owner, kind, state)
                reading = _AFTER
        if not is_json[row]:
            count = before
    return found[:count], is_json


@kernel
def after_space(buffer: Bytes, at: int, end: int) -> int:
    """Where what is no white space goes on."""
    while at < end and (buffer[at] == 0x20 or buffer[at] == 0x0A or buffer[at] == 0x0D or buffer[at] == 0x09):
        at += 1
    return at


@kernel
def string_end(buffer: Bytes, at: int, end: int) -> int:
    """Where the string that begins with the quote at `at` is over, after its other quote; -1 where it is none."""
    at += 1
    while at < end:
        byte = buffer[at]
        if byte == 0x22:
            return at + 1
        if byte < 0x20:
            return -1
        if byte == 0x5C:
            at += 1
            if at >= end:
                return -1
            if buffer[at] == 0x75:
                if at + 4 >= end:
                    return -1
                for position in range(at + 1, at + 5):
                    if hex_digit(buffer[position]) < 0:
                        return -1
                at += 4
            elif not _is_short_escape(buffer[at]):
                return -1
        at += 1
    return -1


@kernel
def bare_end(buffer: Bytes, at: int, end: int) -> int:
    """Where the number, `true`, `false` or `null` at `at` is over; -1 where there is none."""
    for word in (b"true", b"false", b"null"):
        if at + len(word) <= end and buffer[at] == word[0]:
            for position in range(len(word)):
                if buffer[at + position] != word[position]:
                    return -1
            return at + len(word)
    if buffer[at] == 0x2D:
        at += 1
    start = at
    at = _after_digits(buffer, at, end)
    if at == start or (buffer[start] == 0x30 and at > start + 1):
        return -1
    if at < end and buffer[at] == 0x2E:
        start = at + 1
        at = _after_digits(buffer, start, end)
        if at == start:
            return -1
    if at < end and (buffer[at] == 0x65 or buffer[at] == 0x45):
        start = at + 1
        if start < end and (buffer[start] == 0x2B or buffer[start] == 0x2D):
            start += 1
        at = _after_digits(buffer, start, end)
        if at == start:
            return -1
    return at


@kernel
def _after_digits(buffer: Bytes, at: int, end: int) -> int:
    while at < end and 0x30 <= buffer[at] <= 0x39:
        at += 1
    return at


@kernel
def _is_short_escape(byte: int) -> bool:
    """Of `"`, `\\`, `/`, b, f, n, r, t."""
    return (
        byte == 0x22
        or byte == 0x5C
        or byte == 0x2F
        or byte == 0x62
        or byte == 0x66
        or byte == 0x6E
        or byte == 0x72
        or byte == 0x74
    )


@kernel
def may_hold_json(buffer: Bytes, at: int, end: int) -> bool:
    """Whether what a string holds may begin with a brace or bracket, or with an escape that may be one or a space."""
    while at < end and buffer[at] == 0x20:
        at += 1
    if at >= end:
        return False
    if buffer[at] == 0x5C:
        letter = buffer[at + 1]
        is_low = letter == 0x75 and buffer[at + 2] == 0x30 and buffer[at + 3] == 0x30
        return is_low or letter in (0x6E, 0x72, 0x74)
    return buffer[at] in (0x7B, 0x5B)


@kernel
def _longer(array: Numbers) -> Numbers:
    longer = np.empty(2 * len(array), np.int64)
    for position in range(len(array)):
        longer[position] = array[position]
    return longer
