"""What personal data looks like in plain text: the windows of a text judged, check digits checked."""

import re
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal, NamedTuple

from etna_pipelines.anonymise.pseudonyms.codes import NOBODYS_CARDS
from etna_pipelines.anonymise.scrub.windows import HIDDEN, Looks, windows
from etna_pipelines.anonymise.values import Bytes

Kind = Literal[
    "secret", "email", "phone", "national_insurance", "health", "card", "account", "postcode", "ip", "base64"
]


class Piece(NamedTuple):
    """Personal data in a text: from which character to which, and of what kind."""

    start: int
    end: int
    kind: Kind


_LABEL = r"[^\W_]+(?:-+[^\W_]+)*"
_GAP = r"[ \-+().\u00a0\u2009-\u2015\u202f/]{0,3}"
_ALONE, _ENDED = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
PHONE = rf"(?:(?:\+|00){_GAP}44{_GAP}0?{_GAP}|0)[1235789](?:{_GAP}\d){{8,9}}"
"""A number of the United Kingdom (Ofcom's National Telephone Numbering Plan), in any grouping."""

_EMAIL = re.compile(rf"[\w.+'’\-]+@{_LABEL}(?:\.{_LABEL})+")
_DATE = r"(?!\d\d[-./ ]\d\d[-./ ](?:19|20)\d\d)"
_PHONE = re.compile(rf"(?<!\d[:.]){_ALONE}{_DATE}(?:{PHONE}|447\d{{9}}){_ENDED}")
_HEALTH = re.compile(rf"{_ALONE}\d{{3}}([ \-\u00a0])\d{{3}}\1\d{{4}}{_ENDED}")
_GROUP = re.compile(r"\d+")
_GROUPS = re.compile(rf"{_ALONE}\d+(?:[ \-\u00a0]\d+)*{_ENDED}")
_ISSUERS = "23456"  # what numbers of payment cards begin with (ISO/IEC 7812-1)
_POSTCODE = re.compile(
    rf"{_ALONE}([A-Za-z]{{1,2}})(\d[A-Za-z\d]?)([ \-+\u00a0]?)(\d[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{{2}}){_ENDED}"
)
_ORDINAL = re.compile(r"1st|2nd|3rd|\dth")
_NAME = "|".join(name.replace("-", "[-_]?") for name in HIDDEN)
_SECRET = re.compile(
    rf"""(?:{_NAME})(?:
        =(?P<bare>[^\s&"'<>\#\\;,]{{4,}})
        | ["']?\s*(?:=>|[:=])\s*["'](?:(?:Bearer|Basic|Token)\ )?(?P<quoted>[^\s"'<>\\]{{4,}})["']
        | :\s*(?:(?:Bearer|Basic|Token)\ +)(?P<header>[^\s"'<>\\,;]{{4,}})
        | :\s+(?=[^\s]*\d)(?=[^\s]*[A-Za-z])(?P<said>[^\s&"'<>\#\\;,]{{6,}})
    )
    | Bearer\ +(?=[^\s"'<>\\]*\d)(?P<bearer>[\w.~+/=\-]{{8,}})""",
    re.X | re.I,
)
_KEY = re.compile(
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|eyJ[\w\-]+\.[\w\-]+\.[\w\-]*|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w\-]{16,}"
    r"|npm_\w{20,}|xox[abprs]-[\w\-]{10,}|xapp-[\w\-]{10,}|[sr]k_(?:live|test)_\w{10,}|AIza[\w\-]{30,}"
    r"|SG\.[\w\-]{16,}\.[\w\-]{16,}|pypi-[\w\-]{16,}"
)

_AREA_LIST = """
    AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK
    FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN
    NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW
    UB W WA WC WD WF WN WR WS WV YO ZE
"""
_AREAS = frozenset(_AREA_LIST.split())
"""Postcode areas (Royal Mail, Programmers' Guide to the Postcode Address File)."""

_ACCOUNT_LENGTHS = """
    15:NO 16:BE 18:DK,FI,FO,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,MN,XK 21:CH,CR,HR,LI,LV
    22:BG,BH,DE,GB,GE,IE,ME,RS,VA 23:AE,GI,IL,IQ,OM,SO,TL 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG 25:LY,PT,ST 26:IS,TR
    27:BI,DJ,FR,GR,IT,MC,MR,SM 28:AL,AZ,BY,CY,DO,GT,HU,LB,NI,PL,SV 29:BR,EG,PS,QA,UA 30:JO,KW,MU 31:MT,SC 32:LC
    33:RU
"""
_ACCOUNTS = {country: int(entry[:2]) for entry in _ACCOUNT_LENGTHS.split() for country in entry[3:].split(",")}
"""Characters of an IBAN by country (SWIFT's IBAN registry)."""


def found(buffer: Bytes) -> list[Piece]:
    """The personal data in texts with a NUL after each, by offsets in bytes. Each distinct window is judged once."""
    seen = windows(buffer)
    judged: dict[tuple[int, bytes], list[Piece]] = {}
    pieces = []
    for start, end, looks in zip(seen.starts.tolist(), seen.ends.tolist(), seen.looks.tolist(), strict=True):
        window = buffer[start:end].tobytes()
        if (looks, window) not in judged:
            judged[looks, window] = _judged(looks, window)
        pieces += [Piece(start + first, start + last, kind) for first, last, kind in judged[looks, window]]
    return pieces


def _judged(looks: int, window: bytes) -> list[Piece]:
    cut = 0
    while cut < len(window) and window[cut] & 0xC0 == 0x80:  # the rest of a character that begins before it
        cut += 1
    text = window[cut:].decode(errors="ignore").replace("\0", " ")
    if text.isascii():
        return list(_JUDGES[looks](text))
    return [
        Piece(cut + len(text[:start].encode()), cut + len(text[:end].encode()), kind)
        for start, end, kind in _JUDGES[looks](text)
    ]


def _emails(window: str) -> Iterator[Piece]:
    for match in _EMAIL.finditer(window):
        start = match.start() + len(match[0]) - len(match[0].lstrip(".'’+-"))
        if window[start] != "@":
            yield Piece(start, match.end(), "email")


def _numbers(window: str) -> Iterator[Piece]:
    done = 0
    for match in _PHONE.finditer(window):
        yield from _cards(window, done, match.start())
        yield Piece(*match.span(), "phone")
        done = match.end()
    yield from _cards(window, done, len(window))


def _cards(window: str, start: int, end: int) -> Iterator[Piece]:
    """Card numbers, of whole groups, the longest first; else NHS numbers as they are printed."""
    for match in _GROUPS.finditer(window, start, end):
        groups = [group.span() for group in _GROUP.finditer(window, *match.span())]
        cards = list(_cards_of(window, groups))
        yield from cards
        if not cards:
            for health in _HEALTH.finditer(window, *match.span()):
                if is_health_number(re.sub(r"\D", "", health[0])):
                    yield Piece(*health.span(), "health")


def _cards_of(window: str, groups: list[tuple[int, int]]) -> Iterator[Piece]:
    first = 0
    while first < len(groups):
        start = groups[first][0]
        for last in range(len(groups), first, -1):
            end = groups[last - 1][1]
            digits = re.sub(r"\D", "", window[start:end])
            is_fake = digits.startswith(NOBODYS_CARDS)  # its digits are no part of another, though they may look so
            if 13 <= len(digits) <= 19 and (is_fake or digits[0] in _ISSUERS) and luhn(digits):
                if not is_fake:
                    yield Piece(start, end, "card")
                first = last - 1
                break
        first += 1


def _health(window: str) -> Iterator[Piece]:
    if is_health_number(window):
        yield Piece(0, len(window), "health")


def _insurance(window: str) -> Iterator[Piece]:
    if window[:2].upper() != "ZZ":  # never issued
        yield Piece(0, len(window), "national_insurance")


def _accounts(window: str) -> Iterator[Piece]:
    length, taken = _ACCOUNTS.get(window[:2], 0), 0
    for place, character in enumerate(window):
        taken += character.isalnum()
        if taken == length:
            if is_account(re.sub(r"\W", "", window[: place + 1])) and not window[place + 1 : place + 2].isalnum():
                yield Piece(0, place + 1, "account")
            return


def _postcodes(window: str) -> Iterator[Piece]:
    for match in _POSTCODE.finditer(window):
        area, letters = match[1], "".join(filter(str.isalpha, match[0]))
        glued = match[3] == "" and {window[match.start() - 1 : match.start()], window[match.end() : match.end() + 1]}
        if area.upper() not in _AREAS or not (letters.isupper() or (letters.islower() and len(area) == 2)):
            continue
        if _ORDINAL.fullmatch(match[4]) or (match[3] == "" and letters.islower()) or (glued and glued & {"-", "_"}):
            continue
        yield Piece(*match.span(), "postcode")


def _addresses(window: str) -> Iterator[Piece]:
    try:
        address = IPv6Address(window) if ":" in window else IPv4Address(window)
    except AddressValueError:
        return
    if address.is_global:
        yield Piece(0, len(window), "ip")


def _secrets(window: str) -> Iterator[Piece]:
    match = _SECRET.match(window)
    if match and match.lastgroup:
        yield Piece(*match.span(match.lastgroup), "secret")


def _keys(window: str) -> Iterator[Piece]:
    match = _KEY.match(window)
    if match:
        yield Piece(*match.span(), "secret")


def _base64(window: str) -> Iterator[Piece]:
    yield Piece(0, len(window), "base64")


_JUDGES: dict[int, Callable[[str], Iterator[Piece]]] = {
    Looks.LIKE_EMAIL: _emails,
    Looks.LIKE_NUMBER: _numbers,
    Looks.LIKE_HEALTH_NUMBER: _health,
    Looks.LIKE_INSURANCE: _insurance,
    Looks.LIKE_ACCOUNT: _accounts,
    Looks.LIKE_POSTCODE: _postcodes,
    Looks.LIKE_ADDRESS: _addresses,
    Looks.LIKE_SECRET: _secrets,
    Looks.LIKE_KEY: _keys,
    Looks.LIKE_BASE64: _base64,
}


def luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0 and len(set(digits)) > 1


def is_health_number(digits: str) -> bool:
    """Ten digits with the check digit of NHS numbers (NHS Data Dictionary: modulus 11); 999 is for tests alone."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 0, -1), strict=False))
    return total % 11 == 0 and not digits.startswith("999") and len(set(digits)) > 1


def is_account(account: str) -> bool:
    """The check digits of ISO 13616: the number, its first four characters last, is 1 modulo 97."""
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1
