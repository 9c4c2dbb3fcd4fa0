"""Names beside an e-mail address: whoever is written about next to their own address need not be known otherwise.

`Drafted by Zoë Marsh (zoe.marsh@...)`: the address spells the name, so its words are looked for in the text around it,
as they are written there: with accents that the address drops, in JSON escapes, URLs and HTML entities.
"""

import html
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple
from urllib.parse import unquote

from etna_pipelines.anonymise.identities import ascii_folded, ordinary_words

REACH = 300
"""Bytes before and after an address that are looked at."""

SHORTEST = 3
_DIGITS = "0123456789"
MOST_WORDS = 3
"""Words of the text that one word of an address may be run together from: `ap Llŷr` -> `apllyr@`."""

_OF = rb"(?![sS](?![A-Za-z0-9]))"  # an apostrophe that is not the possessive's
_LETTER = (  # one that is not plain ASCII, in every dress (punctuation is no letter), and the apostrophe of O'Brien
    rb"[\xc3-\xe1\xe3-\xf4][\x80-\xbf]{1,3}|\\+u(?!00[0-9abAB]|20)[0-9a-fA-F]{4}|(?:%[89a-fA-F][0-9a-fA-F])+"
    rb"|(?:'|\xe2\x80\x99|%27|\\+u0027|\\+u2019|&#x27;|&#39;)"
    + _OF
    + rb"|&#(?!39;|x27;|64;)(?:\d{3,6}|x[0-9a-fA-F]{2,5});"
    rb"|&(?!lt|gt|amp|quot|nbsp|apos|commat)[a-zA-Z]{3,8};"
)
_SEPARATOR = rb"%[0-7][0-9a-fA-F]|\\+(?:u[0-9a-fA-F]{4}|[nrtbfv])|&#?\w{1,8};"
_TOKEN = re.compile(rb"((?:[A-Za-z0-9]+|" + _LETTER + rb")+)|" + _SEPARATOR)
_AT = re.compile(rb"@|%40|&#0*64;|&#x0*40;|&commat;|\\+u0040")
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
    known: bool
    """Whether the name is found anyway, unless the text writes it with the digits of the address."""

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """All that the first word of a name may be, when it is run together in the address."""
        spelt = frozenset().union(*self.spellings)
        return frozenset(spelling[:length] for spelling in spelt for length in range(1, len(spelling) + 1))


class _Word(NamedTuple):
    start: int
    end: int
    plain: str
    squeezed: frozenset[str]
    """As an address would spell it: accents folded, and dropped."""


def owner_of(address: str, is_known: Callable[[tuple[str, ...]], bool]) -> Owner | None:
    """The owner, unless the address names nobody; `is_known` says whose words are found without any address."""
    local = ascii_folded(address.rpartition("@")[0]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", local) if len(word) >= SHORTEST and not word.isdigit()]
    parts = tuple(word for word in words if word not in _OFFICES and word not in ordinary_words())
    if not parts:
        return None
    bare = tuple(part.rstrip(_DIGITS) for part in parts)
    spellings = [{part, name} for part, name in zip(parts, bare, strict=True)]
    if len(parts) == 1:
        spellings[0] |= {spelling[1:] for spelling in spellings[0] if len(spelling) > SHORTEST + 2}
    return Owner(parts, tuple(map(frozenset, spellings)), is_known(parts) or is_known(bare))


def names_beside(haystack: bytes, start: int, end: int, owner: Owner, outside: bytes) -> Iterator[Named]:
    """The owner's names around the address at `start` to `end`, not beyond a byte of `outside`."""
    low = max(haystack.rfind(outside, max(0, start - REACH), start) + 1, start - REACH, 0)
    stop = haystack.find(outside, end, end + REACH)
    high = min(stop if stop >= 0 else len(haystack), end + REACH)
    for begin, finish in ((low, start), (end, high)):
        if owner.known and not _is_numbered_in(haystack[begin:finish], owner):
            continue
        words = _words(haystack, begin, finish)
        for position, word in enumerate(words):
            if owner.beginnings.isdisjoint(word.squeezed):
                continue
            for number, spellings in enumerate(owner.spellings):
                if length := _spelt(words, position, spellings):
                    kind: Literal["first", "last"] = "first" if number == 0 and len(owner.parts) > 1 else "last"
                    name = words[position : position + length]
                    yield Named(name[0].start, name[-1].end, kind, " ".join(word.plain for word in name))


def _is_numbered_in(text: bytes, owner: Owner) -> bool:
    """Whether the digits that end a part are in the text, other than in an address."""
    numbers = (part[len(part.rstrip(_DIGITS)) :].encode() for part in owner.parts)
    return any(not _AT.match(piece) for number in numbers if number for piece in text.split(number)[1:])


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
    rest: Set[str] = spellings
    for length, word in enumerate(words[position : position + MOST_WORDS], 1):
        rest = {text[len(begin) :] for text in rest for begin in word.squeezed if begin and text.startswith(begin)}
        if "" in rest:
            return length
        if not rest:
            break
    return 0
