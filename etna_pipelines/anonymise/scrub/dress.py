"""Dress: a pseudonym written in the encoding of the piece that it replaces."""

import html
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

_ENCODED = re.compile(
    r"\\+(?:u[0-9a-fA-F]{4}|/)|%(?:25)*(?:[2-7][0-9a-fA-F]|[c-fC-F][0-9a-fA-F](?:%(?:25)*[89abAB][0-9a-fA-F]){1,3})"
    r"|&(?:amp;)*#?\w+;"
)
_LOOKED_BACK = 500  # bytes in which a tag's beginning is looked for


def dressed(raw: bytes, instead: str, haystack: bytes, start: int) -> bytes:
    """`instead` as it has to stand where `raw` stood, which begins at `start` of the plain texts."""
    plain = instead.isascii() and instead.isalnum()
    if plain or not (b"\\" in raw or b"%" in raw or b"&" in raw):
        return (instead if plain or "'" not in instead else _in_tag(instead, haystack, start)).encode()
    forms = _forms(raw.decode())
    return "".join(_written(character, forms) for character in instead).encode()


def _forms(raw: str) -> dict[str, str]:
    """How a piece writes what it encodes; under "" the first of them."""
    forms: dict[str, str] = {}
    for written in _ENCODED.findall(raw):
        forms.setdefault("", written)
        if written.startswith("\\"):
            plain = "/" if written.endswith("/") else chr(int(written[-4:], 16))
        else:
            plain = _wholly(unquote if written.startswith("%") else html.unescape, written)
        if not plain.isalnum():
            forms[plain] = written
    return forms


def _wholly(decode: Callable[[str], str], text: str) -> str:
    while (decoded := decode(text)) != text:
        text = decoded
    return text


def _written(character: str, forms: dict[str, str]) -> str:
    if character in forms:
        return forms[character]
    style = forms.get("", "")
    if style.startswith("%"):
        return quote(character, safe="@'")
    if character.isascii():
        return character
    if style.startswith("&"):
        return f"&#{ord(character)};"
    if style.startswith("\\"):
        units = character.encode("utf-16-be").hex()
        slashes = style[: len(style) - len(style.lstrip("\\"))]
        return "".join(f"{slashes}u{units[place : place + 4]}" for place in range(0, len(units), 4))
    return character


def _in_tag(instead: str, haystack: bytes, start: int) -> str:
    """An apostrophe could end an attribute of an XML or HTML tag."""
    before = haystack[max(0, start - _LOOKED_BACK) : start].rpartition(b"\0")[2]
    return instead.replace("'", "&#39;") if before.rfind(b"<") > before.rfind(b">") else instead
