"""Where a piece of plain text stands, if the text is JSON: as a key, as a block's type, or in a number.

JSON is never parsed here: in a plain reading a string within a string looks like any other, at any depth.
"""

import re

_KEY_AFTER = re.compile(rb'"\s*:')
_JSON = re.compile(rb'\s*(?:\[|\{\s*(?:\}|".{0,500}?"\s*:))', re.S)  # an array of PostgreSQL's begins with {, too
_BETWEEN_STRINGS = re.compile(rb"(?:[\s\d.,:+\-\[\]{}eE]|true|false|null)*")
_LOOKED_BACK = 200  # bytes in which the string before a JSON number is looked for


def is_key(haystack: bytes, start: int, end: int) -> bool:
    """Whether a piece is a whole JSON key, and one word."""
    return (
        haystack[start - 1 : start] == b'"'
        and haystack[end : end + 1] == b'"'
        and bool(_KEY_AFTER.match(haystack, end))
        and haystack[start:end].decode().isalnum()
    )


def is_keyword(haystack: bytes, start: int, end: int) -> bool:
    """Whether a piece is all of a quoted string in lower case, as a StreamField's block says its type."""
    return haystack[start - 1 : start] == haystack[end : end + 1] == b'"' and haystack[start:end].islower()


def is_number(haystack: bytes, start: int) -> bool:
    """Whether digits are (part of) a JSON number: in JSON, and after a string's end rather than after its beginning."""
    row = haystack.rfind(b"\0", 0, start) + 1
    before = haystack[max(row, start - _LOOKED_BACK) : start]
    between = before[before.rfind(b'"') + 1 :]
    if haystack.startswith(b"0", start) and not between.endswith((b".", b"e", b"E", b"+", b"-")):
        return False  # no number begins with a zero and another digit
    closed = between == before or between.lstrip()[:1] in (b":", b",", b"]", b"}")
    return closed and bool(_BETWEEN_STRINGS.fullmatch(between) and _JSON.match(haystack, row))
