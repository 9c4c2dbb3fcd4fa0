"""Readings: the ways in which a text may hide another one, undone: escapes, URLs, HTML entities, base64.

Used by the proof alone, and on purpose not by scrub: a mistake in one must not hide itself in the other.
"""

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

import polars as pl

_ENCODED = r"(?:\\+u[0-9a-fA-F]{4})+|(?:%[0-9a-fA-F]{2})+|&#?\w{1,31};"
_ESCAPED_SPACE = r"\\+[nrtbfv]"
ROUNDS = 3
_ESCAPED_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_BASE64 = r"[A-Za-z0-9+/_\-]{16,}={0,2}"
_SHORTEST_BASE64 = 16
_BYTEA = r"\\x(?:[0-9a-f]{2}){6,}"
_TEXT_IN_HEX = (  # UTF-8 without control characters
    r"^(?:0[9ad]|[2-6].|7[0-9a-e]|[cd].[89ab].|e.(?:[89ab].){2}|f[0-4](?:[89ab].){3})+$"
)


def readings(text: str) -> Iterator[str]:
    """The text as it is, with JSON's escapes undone, then those of its lines that hide something, decoded.

    Tabs and newlines end fields, and no reading joins two fields.
    """
    block = pl.Series([text])
    yield text
    if "\\" in text:
        yield block.str.replace_all(_ESCAPED_SPACE, " ").item()
    encoded = block.str.split("\n").explode()
    for _ in range(ROUNDS):  # what was encoded twice hides behind what was encoded once
        encoded = encoded.filter(encoded.str.contains(_ENCODED))
        if not len(encoded):
            break
        decoded = _decoded(encoded)
        yield "\n".join(decoded.str.replace_all(_ESCAPED_SPACE, " "))
        spaced = decoded.filter(encoded.str.contains(r"%[0-9a-fA-F]{2}") & decoded.str.contains("+", literal=True))
        if len(spaced):  # a plus may stand for a space in a URL
            yield "\n".join(spaced.str.replace_all("+", " ", literal=True))
        encoded = decoded
    unpacked = _texts(_out_of_base64(block))
    if len(unpacked):
        yield "\n".join(unpacked)
    if "\\x" in text and len(unpacked := _texts(_out_of_hex(block))):
        yield "\n".join(unpacked)


def _decoded(texts: pl.Series) -> pl.Series:
    """Each distinct piece of encoding is decoded once and written wherever it stands, the longest ones first."""
    pieces = texts.str.extract_all(_ENCODED).explode().unique()
    pieces = pieces.gather(pieces.str.len_bytes().arg_sort(descending=True))
    return texts.str.replace_many(pieces.to_list(), [_plain(piece) for piece in pieces], leftmost=True)


def _plain(piece: str) -> str:
    if piece.startswith("%"):
        plain = unquote(piece)
    elif piece.startswith("&"):
        plain = html.unescape(piece)
    else:
        plain = _ESCAPED_UNICODE.sub(lambda match: chr(int(match[1], 16)), piece)
        plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return re.sub(r"[\t\n]", " ", plain)


def _out_of_base64(texts: pl.Series) -> pl.Series:
    """What pieces of base64 (either alphabet) hold; what looks like a path may have some among its parts."""
    pieces = texts.str.extract_all(_BASE64).explode().drop_nulls().unique()
    parts = pieces.filter(pieces.str.contains("/", literal=True)).str.split("/").explode().drop_nulls()
    pieces = pl.concat([pieces, parts.filter(parts.str.len_bytes() >= _SHORTEST_BASE64)])
    bare = pieces.str.strip_chars_end("=").str.replace_many(["-", "_"], ["+", "/"])
    lengths = bare.str.len_bytes()
    padded = [bare.filter(lengths % 4 == rest) + padding for rest, padding in ((0, ""), (2, "=="), (3, "="))]
    return pl.concat(padded).str.decode("base64", strict=False)


def _out_of_hex(texts: pl.Series) -> pl.Series:
    """What bytea holds, as PostgreSQL writes it."""
    pieces = texts.str.extract_all(_BYTEA).explode().drop_nulls().unique()
    return pieces.str.slice(2).str.decode("hex", strict=False)


def _texts(unpacked: pl.Series) -> pl.Series:
    """Those that are text, each in a field of its own."""
    packed = unpacked.drop_nulls()
    texts_only = packed.filter(packed.bin.encode("hex").str.contains(_TEXT_IN_HEX))  # hashes are many, texts are few
    unpacked = pl.Series([raw.decode(errors="replace") for raw in texts_only], dtype=pl.String)
    return unpacked.str.replace_all(r"[\t\n]", " ")
