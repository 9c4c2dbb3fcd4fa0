"""tsvectors: texts whose words were sorted, in their old order again, as far as positions tell it."""

import re

_LEXEME = re.compile(rb"'((?:[^']|'')+)':([\dA-D,]+)")


def in_order_of_positions(fields: list[bytes]) -> list[bytes]:
    """The words of tsvectors in their order, as far as positions tell it; gaps, where ordinary words stood, divide."""
    return [_in_order(field) for field in fields]


def _in_order(field: bytes) -> bytes:
    words: dict[int, bytes] = {}
    for word, positions in _LEXEME.findall(field):
        for position in positions.split(b","):
            words[int(position.rstrip(b"ABCD"))] = word.replace(b"''", b"'")
    pieces: list[bytes] = []
    before = 0
    for position in sorted(words):
        pieces += [b" " if position == before + 1 else b"\n", words[position]]
        before = position
    return b"".join(pieces)
