"""Readings: the ways in which a text may hide another one, undone: escapes, URLs, HTML entities, base64.

Used by the proof alone, and on purpose not by scrub: a mistake in one must not hide itself in the other.
"""

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

import polars as pl

from etna_pipelines.anonymise.patterns import BASE64, parts_of_path
from etna_pipelines.anonymise.scrub import unpack

_ESCAPED_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")


def readings(texts: pl.Series) -> Iterator[pl.Series]:
    """The texts as they are (with JSON's escapes undone), then decoded in each way that occurs in them."""
    yield texts.str.replace_all(r'\\+[nrtbfv"/]', " ")
    for sign, decode in (
        (r"\\u[0-9a-fA-F]{4}", _unescape),
        (r"%[0-9a-fA-F]{2}", unquote_plus),
        (r"&#?\w+;", html.unescape),
    ):
        suspicious = texts.filter(texts.str.contains(sign))
        if len(suspicious):
            yield pl.Series([decode(text) for text in suspicious], dtype=pl.String)
    packed = texts.str.extract_all(BASE64).explode().drop_nulls().unique()
    pieces: set[str] = set().union(*map(parts_of_path, packed))
    if unpacked := [text for piece in pieces if (text := unpack(piece)) is not None]:
        yield pl.Series(unpacked, dtype=pl.String)


def _unescape(text: str) -> str:
    plain = _ESCAPED_UNICODE.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
