"""Names beside an e-mail address: whoever is written about next to their own address need not be known otherwise.

`Drafted by Zoë Marsh (zoe.marsh@...)`: the address spells the name, so its words are looked for in the text around it,
as they are written there, with accents that the address drops.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from etna_pipelines.anonymise.scrub.identities import ascii_folded, ordinary_words

REACH = 300
"""Bytes before and after an address that are looked at."""

SHORTEST = 3
_DIGITS = "0123456789"
MOST_WORDS = 3
"""Words of the text that one word of an address may be run together from: `ap Llŷr` -> `apllyr@`."""

_TOKEN = re.compile(  # with the apostrophe of O'Brien, which is not the possessive's
    rb"(?:[A-Za-z0-9]+|[\xc3-\xe1\xe3-\xf4][\x80-\xbf]{1,3}|(?:'|\xe2\x80\x99)(?![sS](?![A-Za-z0-9])))+"
)

_NO_LETTERS = bytes(byte for byte in range(0x100) if byte >= 0x80 or not chr(byte).isalnum())

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
    numbers: tuple[bytes, ...]
    """The digits that parts end in."""
    known: bool
    """Whether the name is found anyway, unless the text writes it with the digits of the address."""

    @cached_property
    def letters(self) -> frozenset[bytes]:
        """Every spelling of every part, to be looked for in letters without their accents."""
        return frozenset(spelling.encode() for spellings in self.spellings for spelling in spellings)

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


def owners_of(addresses: Iterable[str], knows: Callable[[list[str]], list[bool]]) -> dict[str, Owner]:
    """Whom each address says it is of, without those that name nobody; `knows` says which names are found anyway."""
    parts_of = {address: parts for address in addresses if (parts := _names_in(address))}
    names_of = {parts: _names_of(parts) for parts in parts_of.values()}
    asked = sorted({name for names in names_of.values() for name in names})
    known = {name for name, is_known in zip(asked, knows(asked), strict=True) if is_known}
    owner_of = {
        parts: Owner(parts, _spellings(parts), _numbers(parts), not known.isdisjoint(names))
        for parts, names in names_of.items()
    }
    return {address: owner_of[parts] for address, parts in parts_of.items()}


def _names_in(address: str) -> tuple[str, ...]:
    """The words before an address's @ that may be names."""
    local = ascii_folded(address.rpartition("@")[0]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", local) if len(word) >= SHORTEST and not word.isdigit()]
    return tuple(word for word in words if word not in _OFFICES and word not in ordinary_words())


def _names_of(parts: tuple[str, ...]) -> list[str]:
    """By which the search for known people may find the owner by itself."""
    bare = _without_numbers(parts)
    return [" ".join(parts), *parts, " ".join(bare), *bare]


def _without_numbers(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.rstrip(_DIGITS) for part in parts)


def _numbers(parts: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(part[len(part.rstrip(_DIGITS)) :].encode() for part in parts if part[-1] in _DIGITS)


def _spellings(parts: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    spellings = [{part, name} for part, name in zip(parts, _without_numbers(parts), strict=True)]
    if len(parts) == 1:
        spellings[0] |= {spelling[1:] for spelling in spellings[0] if len(spelling) > SHORTEST + 2}
    return tuple(map(frozenset, spellings))


def names_beside(haystack: bytes, start: int, end: int, owner: Owner, outside: bytes) -> Iterator[Named]:
    """The owner's names around the address at `start` to `end`, not beyond a byte of `outside`."""
    low = max(haystack.rfind(outside, max(0, start - REACH), start) + 1, start - REACH, 0)
    stop = haystack.find(outside, end, end + REACH)
    high = min(stop if stop >= 0 else len(haystack), end + REACH)
    for begin, finish in ((low, start), (end, high)):
        text = haystack[begin:finish]
        if (owner.known and not _is_numbered_in(text, owner)) or not _may_name(text, owner):
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


def _may_name(text: bytes, owner: Owner) -> bool:
    """Whether a spelling of the owner is among the letters of a text, their accents folded or dropped; quickly told."""
    forms = [text.lower().translate(None, _NO_LETTERS)]
    if not text.isascii():
        forms.append(ascii_folded(text.decode(errors="ignore")).lower().encode().translate(None, _NO_LETTERS))
    return any(letters in form for form in forms for letters in owner.letters)


def _is_numbered_in(text: bytes, owner: Owner) -> bool:
    """Whether the digits that end a part are in the text, other than in an address."""
    return any(not piece.startswith(b"@") for number in owner.numbers for piece in text.split(number)[1:])


def _words(haystack: bytes, low: int, high: int) -> list[_Word]:
    found = []
    for match in _TOKEN.finditer(haystack, low, high):
        plain = match[0].decode(errors="ignore")
        found.append(_Word(match.start(), match.end(), plain, _squeezed(plain)))
    return found


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
