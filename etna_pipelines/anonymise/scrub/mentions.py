"""Mentions: where known people stand in texts, and what to write there instead, word by word.

Each part of a name is replaced where it stands and what is between the parts stays, so `Featherstone, Jane`,
`jane-featherstone` and `Jane%20Featherstone` keep their form.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import polars as pl

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.scrub.known import Known
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values

PAIR, REVERSED, SURNAME, FULL, USERNAME, EXACT = range(6)
"""What a sequence of words is: first and last name, last and first, a last name, a name of one word, a username, and
one of a key, where upper and lower case tell usernames apart."""

KINDS = 6
"""A meaning is the number of a name times KINDS, and what it is."""

_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f\u00ad\u200b-\u200d\u2060]*)+")

_MAKERS = {SURNAME: "last", FULL: "name", USERNAME: "username", EXACT: "exact username"}

People = dict[int, tuple[pl.Series, pl.Series]]


class Mention(NamedTuple):
    """A piece of a plain buffer (offsets in bytes) that is a part of a name, and its pseudonym."""

    start: int
    end: int
    instead: str


class _Part(NamedTuple):
    """Of a piece: from which to which character, what makes its pseudonym, and of which original."""

    start: int
    end: int
    maker: str
    original: str


class _Named(NamedTuple):
    """Whom a sequence names, in the order in which it does; `two` is empty where there is but one word or username."""

    kind: int
    one: str
    two: str


class Mentions:
    """The search for known people, ready for use from several threads."""

    def __init__(self, pseudonyms: Pseudonyms, known: Known, people: People) -> None:
        """`people`: for each kind the names by their numbers, of pairs first and last."""
        self._pseudonyms = pseudonyms
        self._known = known
        self._people = people

    def find(self, plain: Plain, is_public: Callable[[str], bool]) -> Iterator[Mention]:
        """Every part of every name that is not public."""
        hits, meanings_of = self._found(plain)
        named = self._named({meaning for meanings in meanings_of.values() for meaning in meanings})
        parts_of = {
            piece: [] if is_public(piece.decode()) else _parts(piece.decode(), [named[each] for each in meanings])
            for piece, meanings in meanings_of.items()
        }
        instead = self._pseudonyms_of({(part.maker, part.original) for parts in parts_of.values() for part in parts})
        for start, piece in hits:
            text = piece.decode()
            for part in parts_of[piece]:
                fake = instead[part.maker, part.original]
                if part.maker in ("username", "exact username"):
                    fake = _joined_like(text, part.original, fake)
                yield Mention(start + _bytes(text, part.start), start + _bytes(text, part.end), fake)

    def _found(self, plain: Plain) -> tuple[list[tuple[int, bytes]], dict[bytes, list[int]]]:
        """Where each piece stands, and what each distinct piece may mean."""
        found = self._known.find(plain)
        hits: list[tuple[int, bytes]] = []
        meanings_of: dict[bytes, list[int]] = {}
        places = (found.starts, found.ends, found.entries, self._known.ends_of(found.entries))
        for start, end, entry, last in zip(*(each.tolist() for each in places), strict=True):
            piece = plain.buffer[start:end].tobytes()
            hits.append((start, piece))
            if piece not in meanings_of:
                meanings_of[piece] = self._known.meanings[entry:last].tolist()
        return hits, meanings_of

    def holds(self, names: list[str]) -> list[bool]:
        """Which of these are found by themselves."""
        return [bool(held) for held in self._known.holds(Values.of(names))]

    def _named(self, meanings: set[int]) -> dict[int, _Named]:
        """Whom each meaning names, looked up kind by kind."""
        named: dict[int, _Named] = {}
        for kind in range(KINDS):
            mine = [meaning for meaning in meanings if meaning % KINDS == kind]
            names = self._people[PAIR if kind == REVERSED else kind]
            one, two = (each.gather([meaning // KINDS for meaning in mine]).to_list() for each in names)
            if kind == REVERSED:
                one, two = two, one
            elif kind != PAIR:
                two = [""] * len(mine)
            named |= zip(mine, (_Named(kind, *each) for each in zip(one, two, strict=True)), strict=True)
        return named

    def _pseudonyms_of(self, originals: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        made: dict[tuple[str, str], str] = {}
        for maker in ("first", "last", "name", "username", "exact username"):
            mine = [original for kind, original in originals if kind == maker]
            values = Values.of(mine)
            match maker:
                case "name":
                    fakes = self._pseudonyms.full_name(values)
                case "username":
                    fakes = self._pseudonyms.username(values)
                case "exact username":
                    fakes = self._pseudonyms.username(values, exact=True)
                case _:
                    fakes = self._pseudonyms.fake(values, maker)
            made |= {(maker, one): fake or "" for one, fake in zip(mine, fakes.to_list(), strict=True)}
        return made


def _parts(piece: str, options: list[_Named]) -> list[_Part]:
    """Of people who share the words of a piece, whoever is written just so counts, else the first of them."""
    if len(options) > 1:
        written = {option: " ".join(filter(None, option[1:])) for option in options}
        options.sort(key=lambda option: (written[option].lower() != piece.lower(), written[option] != piece))
    kind, one, two = options[0]
    if kind not in (PAIR, REVERSED):
        return [_Part(0, len(piece), _MAKERS[kind], one)]
    begin, end = ("first", "last") if kind == PAIR else ("last", "first")
    words = [match.span() for match in _WORD.finditer(piece)]
    split = _words_of(words, one, two)
    return [_Part(0, words[split - 1][1], begin, one), _Part(words[split][0], len(piece), end, two)]


def _words_of(words: list[tuple[int, int]], one: str, two: str) -> int:
    """How many of a piece's words are of its first part; by its letters, where a spelling runs words together."""
    count = len(_WORD.findall(one))
    if len(words) == count + len(_WORD.findall(two)):
        return count
    count, told, letters = 0, 0, sum(map(str.isalnum, one))
    while count < len(words) - 1 and told < letters:
        start, end = words[count]
        told, count = told + end - start, count + 1
    return count


def _joined_like(piece: str, original: str, fake: str) -> str:
    """`jane-doe82` where the username is `jane.doe82`: its pseudonym with a hyphen, too."""
    if piece.lower() == original.lower():
        return fake
    gaps = [gap for gap in _WORD.split(piece) if gap]
    return fake.replace(".", gaps[0]) if gaps else fake


def _bytes(text: str, characters: int) -> int:
    return characters if text.isascii() else len(text[:characters].encode())
