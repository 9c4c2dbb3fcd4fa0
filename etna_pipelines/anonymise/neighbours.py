"""Names beside an e-mail address: whoever is written about next to their own address need not be known otherwise.

`Drafted by Zoë Marsh (zoe.marsh@...)`: the address spells the name, so its words are looked for in the text around it,
as they are written there: with accents that the address drops, in JSON escapes, URLs and HTML entities.
"""

import html
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from etna_pipelines.anonymise.identities import ascii_folded, ordinary_words

REACH = 300
"""Bytes before and after an address that are looked at."""

SHORTEST = 3
MOST_WORDS = 3
"""Words of the text that one word of an address may be run together from: `ap Llŷr` -> `apllyr@`."""

_LETTER = (  # one that is not plain ASCII, in every dress, and the apostrophe of O'Brien
    rb"[\xc2-\xf4][\x80-\xbf]{1,3}|\\+u(?!00[0-7])[0-9a-fA-F]{4}|\\+u0027|(?:%[89a-fA-F][0-9a-fA-F])+|%27|'"
    rb"|&#(?:x27|39|x?[0-9a-fA-F]{3,6});|&(?!lt|gt|amp|quot|nbsp)[a-zA-Z]{3,8};"
)
_SEPARATOR = rb"%[0-7][0-9a-fA-F]|\\+(?:u00[0-7][0-9a-fA-F]|[nrtbfv])|&#?\w{1,8};"
_TOKEN = re.compile(rb"((?:[A-Za-z0-9]|" + _LETTER + rb")+)|" + _SEPARATOR)
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")

_OFFICE_WORDS = """
    admin archive archives bookings careers communications contact donations editor editorial education enquiries
    enquiry events exhibition exhibitions feedback finance foi heritage helpdesk info learning library mail
    marketing media membership museum museums newsletter noreply office postmaster press privacy publishing
    reception records research sales schools secretary secretariat shop support team tickets visitor volunteer
    volunteers web webmaster website www http https html href mailto email
"""
_OFFICES = frozenset(_OFFICE_WORDS.split())
"""What addresses of offices are made of, beside ordinary words: no sign of a person."""


@dataclass(frozen=True)
class Named:
    """A word of somebody's name, where it stands in the haystack (byte offsets), and what it is in plain."""

    start: int
    end: int
    kind: Literal["first", "last"]
    plain: str


@dataclass(frozen=True)
class Owner:
    """Who an address says it is of: the words before its @ that may be names, in plain lower-case ASCII."""

    parts: tuple[str, ...]
    spellings: tuple[frozenset[str], ...]
    """How the text may spell each: `smith82` is Smith's too, and so is `jsmith`, where it is all there is."""
    as_they_stand: bool
    """Whether only the parts themselves are left to find: without their digits, they are found anyway."""


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    plain: str
    squeezed: frozenset[str]
    """As an address would spell it: accents folded, and dropped."""


def owner_of(address: str, is_known: Callable[[tuple[str, ...]], bool]) -> Owner | None:
    """The owner, unless the address names nobody, or somebody whom `is_known` says is found anyway."""
    local = ascii_folded(address.rpartition("@")[0]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", local) if len(word) >= SHORTEST and not word.isdigit()]
    parts = tuple(word for word in words if word not in _OFFICES and word not in ordinary_words())
    if not parts or is_known(parts):
        return None
    bare = tuple(part.rstrip("0123456789") for part in parts)
    spellings = [{part, name} for part, name in zip(parts, bare, strict=True)]
    if len(parts) == 1:
        spellings[0] |= {spelling[1:] for spelling in spellings[0] if len(spelling) > SHORTEST + 2}
    return Owner(parts, tuple(map(frozenset, spellings)), is_known(bare))


def names_beside(haystack: bytes, start: int, end: int, owner: Owner, outside: bytes) -> Iterator[Named]:
    """The owner's names around the address at `start` to `end`, not beyond a byte of `outside`."""
    low = max(haystack.rfind(outside, max(0, start - REACH), start) + 1, start - REACH, 0)
    stop = haystack.find(outside, end, end + REACH)
    high = min(stop if stop >= 0 else len(haystack), end + REACH)
    for begin, finish in ((low, start), (end, high)):
        if owner.as_they_stand and not _stands_in(owner, haystack[begin:finish].lower()):
            continue
        words = _words(haystack, begin, finish)
        for number, spellings in enumerate(owner.spellings):
            kind: Literal["first", "last"] = "first" if number == 0 and len(owner.parts) > 1 else "last"
            for position in range(len(words)):
                if length := _spelt(words, position, spellings):
                    name = words[position : position + length]
                    yield Named(name[0].start, name[-1].end, kind, " ".join(word.plain for word in name))


def _stands_in(owner: Owner, text: bytes) -> bool:
    """Whether a part with its digits is in the text other than in an address."""
    for part in owner.parts:
        if part[-1].isdigit():
            pieces = text.split(part.encode())
            if any(not piece.startswith((b"@", b"%40", b"&", b"\\")) for piece in pieces[1:]):
                return True
    return False


def _words(haystack: bytes, low: int, high: int) -> list[_Word]:
    found = []
    for match in _TOKEN.finditer(haystack, low, high):
        if match[1] is not None:
            plain = _plain(match[1])
            found.append(_Word(match.start(), match.end(), plain, _squeezed(plain)))
    return found


def _plain(raw: bytes) -> str:
    text = raw.decode(errors="ignore")
    if text.isascii() and text.isalnum():
        return text
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html.unescape(unquote(text))


@lru_cache(50_000)
def _squeezed(plain: str) -> frozenset[str]:
    spellings = (ascii_folded(plain), plain.encode("ascii", "ignore").decode())
    return frozenset(re.sub(r"[^a-z0-9]", "", spelling.lower()) for spelling in spellings)


def _spelt(words: list[_Word], position: int, spellings: frozenset[str]) -> int:
    """How many words from `position` on make one of the spellings, 0 if they don't."""
    if not spellings.isdisjoint(words[position].squeezed):
        return 1
    rest: Set[str] = spellings
    for length, word in enumerate(words[position : position + MOST_WORDS], 1):
        rest = {text[len(begin) :] for text in rest for begin in word.squeezed if begin and text.startswith(begin)}
        if "" in rest:
            return length
        if not rest:
            break
    return 0
