"""Names beside an e-mail address: whoever is written about next to their own address need not be known otherwise.

`Drafted by Zoë Marsh (zoe.marsh@...)`: the address spells the name, so its words are looked for in the text around it,
as they are written there: with accents that the address drops, in JSON escapes, URLs and HTML entities.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from etna_pipelines.anonymise.identities import ascii_folded, ordinary_words

REACH = 400
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

# What addresses of offices are made of, beside ordinary words: no sign of a person.
_OFFICES = frozenset(
    """
    admin archive archives bookings careers communications contact donations editor editorial education
    enquiries enquiry events exhibition exhibitions feedback finance foi heritage helpdesk info learning
    library mail marketing media membership museum museums newsletter noreply office postmaster press privacy
    publishing reception records research sales schools secretary secretariat shop support team tickets
    visitor volunteer volunteers web webmaster website www http https html href mailto email
    """.split()
)


@dataclass(frozen=True)
class Named:
    """A word of somebody's name, where it stands in the haystack (byte offsets), and what it is in plain."""

    start: int
    end: int
    kind: Literal["first", "last"]
    plain: str


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    plain: str
    squeezed: frozenset[str]
    """As an address would spell it: accents folded, and dropped."""


def name_parts(address: str) -> tuple[str, ...]:
    """What may be names in the part before the @: words that are neither ordinary nor an office's."""
    local = ascii_folded(address.rpartition("@")[0]).lower()
    parts = [part for part in re.split(r"[^a-z0-9]+", local) if len(part) >= SHORTEST and not part.isdigit()]
    return tuple(part for part in parts if part not in _OFFICES and part not in ordinary_words())


def names_beside(haystack: bytes, start: int, end: int, parts: tuple[str, ...], outside: bytes) -> Iterator[Named]:
    """The names around the address at `start` to `end` that its `parts` spell, not beyond a byte of `outside`."""
    low = max(haystack.rfind(outside, 0, start) + 1, start - REACH)
    stop = haystack.find(outside, end, end + REACH)
    high = min(stop if stop >= 0 else len(haystack), end + REACH)
    for words in (_words(haystack, low, start), _words(haystack, end, high)):
        for number, part in enumerate(parts):
            kind: Literal["first", "last"] = "first" if number == 0 and len(parts) > 1 else "last"
            for position in range(len(words)):
                if length := _spelt(words, position, _spellings(part, alone=len(parts) == 1)):
                    name = words[position : position + length]
                    yield Named(name[0].start, name[-1].end, kind, " ".join(word.plain for word in name))


def _spellings(part: str, alone: bool) -> set[str]:
    """`smith82` is Smith's too, and `jsmith`, where it is all there is."""
    spellings = {part, part.rstrip("0123456789")}
    return spellings | {text[1:] for text in spellings if alone and len(text) > SHORTEST + 2}


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


def _spelt(words: list[_Word], position: int, rest: set[str]) -> int:
    """How many words from `position` on spell what the address says, 0 if they don't."""
    for length, word in enumerate(words[position : position + MOST_WORDS], 1):
        rest = {text[len(begin) :] for text in rest for begin in word.squeezed if begin and text.startswith(begin)}
        if "" in rest:
            return length
        if not rest:
            return 0
    return 0
