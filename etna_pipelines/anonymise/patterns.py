"""What personal data looks like in free text, plain and encoded: candidates by pattern, then judged one by one.

The patterns are for the `regex` crate that Polars uses (no look-around): they may take a leading JSON or URL escape
along, which `candidates` strips off again, so that `\\nbob@...` inside JSON is not taken for `nbob@...`.
"""

import re
from typing import Literal

import polars as pl

Kind = Literal["secret", "email", "phone", "national_insurance", "card", "ip", "base64"]

_ESCAPE = r"(?:\\+(?:u[0-9a-fA-F]{4}|[nrtbfv])|%(?:2[0-9AC-Fac-f]|[013-9a-fA-F][0-9a-fA-F]))"
_AT = r"(?:@|%(?:25)*40|&(?:amp;)*#0*64;|&(?:amp;)*#[xX]0*40;|&commat;|\\+u0040)"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}\-]*[\p{L}\p{N}])?"
_GAP = r"(?:[ \-+()\x{00a0}]|%20|&nbsp;|\\+u00a0){0,3}"

EMAIL = rf"(?:[\p{{L}}\p{{N}}._+'’\-]|%2[Bb])+{_AT}{_LABEL}(?:\.{_LABEL})+"
PHONE = rf"(?:(?:\+|%2[Bb]|&#43;|00){_GAP}44{_GAP}0?{_GAP}|0)[1235789](?:{_GAP}\d){{8,9}}"
NATIONAL_INSURANCE = r"[A-Za-z]{2}(?:[ +\-]|%20)?\d{2}(?:[ +\-]|%20)?\d{2}(?:[ +\-]|%20)?\d{2}(?:[ +\-]|%20)?[A-Da-d]"
CARD = r"\d(?:[ \-]?\d){12,18}"
IP = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
BASE64 = r"[A-Za-z0-9+/_\-]{16,}={0,2}"
_HIDDEN = r"(?i:token|secret|password|passwd|pwd|api[_\-]?key|access[_\-]?key|signature|session[_\-]?id)"
SECRET = rf"""{_HIDDEN}(?:=|%3[dD])[^\s&"'<>#\\;,]{{4,}}"""

ANY = rf"{_ESCAPE}*(?:{'|'.join((SECRET, EMAIL, PHONE, NATIONAL_INSURANCE, CARD, IP))})"

_LEADING_ESCAPES = re.compile(r"^(?:\\+(?:u[0-9a-fA-F]{4}|[nrtbfv])|%(?!2[Bb])[0-9a-fA-F]{2})+")
SECRET_SIGN = re.compile(r"(=|%3[dD])")
_AT_SIGN = re.compile(_AT)
_KINDS: list[tuple[Kind, re.Pattern[str]]] = [
    ("email", re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")),
    ("national_insurance", re.compile(r"[A-Za-z]{2}\d{6}[A-Da-d]")),
    ("phone", re.compile(r"(?:\+|00)440?[1235789]\d{8,9}|0[1235789]\d{8,9}")),
    ("card", re.compile(r"\d{13,19}")),
    ("ip", re.compile(IP)),
]


def candidates(texts: pl.Series) -> list[str]:
    """Every distinct piece of the texts that may be personal, as it is written there."""
    found = texts.str.extract_all(ANY).explode().drop_nulls().unique()
    packed = texts.str.extract_all(BASE64).explode().drop_nulls().unique()  # apart: it would take whole paths along
    return sorted({_undressed(text) for text in found}.union(*map(parts_of_path, packed)) - {""})


def _undressed(text: str) -> str:
    """Without what only stands before: escapes, and in front of an e-mail also quotes and a URL's plus for a space."""
    text = _LEADING_ESCAPES.sub("", text)
    at = _AT_SIGN.search(text)
    if at is None:
        return text
    local = text[: at.start()]
    return (local.rpartition("+")[2] if at[0] == "%40" else local).lstrip(".'’+-") + text[at.start() :]


def parts_of_path(piece: str) -> set[str]:
    """A piece that looks like base64, and its parts between slashes: each may be base64 alone."""
    return {part for part in (piece, *piece.split("/")) if re.fullmatch(BASE64, part)}


def plain(candidate: str) -> str:
    """The candidate without its dress: `bob%40x.co` -> `bob@x.co`, `0044 (0)7700 900 123` -> `004407700900123`."""
    text = _AT_SIGN.sub("@", candidate).replace("%2B", "+").replace("%2b", "+").replace("&#43;", "+")
    return text if "@" in text else re.sub(r"%20|&nbsp;|\\+u00a0|[ \-()\u00a0]|(?<!^)\+", "", text)


def kind_of(candidate: str) -> Kind | None:
    """What a candidate is, once looked at closely; None for an innocent one."""
    if candidate.startswith("-"):  # a negative number in JSON is no card, and may look like base64
        return None if candidate[1:].isdigit() else "base64"
    text = plain(candidate) if not re.fullmatch(IP, candidate) else candidate
    if re.fullmatch(SECRET, candidate):
        return "secret"
    for kind, pattern in _KINDS:
        if pattern.fullmatch(text) and _plausible(kind, text):
            return kind
    return "base64" if re.fullmatch(BASE64, candidate) else None


def at_sign(candidate: str) -> str:
    """How the candidate writes its @."""
    match = _AT_SIGN.search(candidate)
    return match[0] if match else "@"


def _plausible(kind: Kind, text: str) -> bool:
    match kind:
        case "card":
            return luhn(text)
        case "ip":
            return _is_public_address(text)
        case _:
            return True


def luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0 and len(set(digits)) > 1


def _is_public_address(text: str) -> bool:
    from ipaddress import AddressValueError, IPv4Address

    try:
        return IPv4Address(text).is_global
    except AddressValueError:
        return False
