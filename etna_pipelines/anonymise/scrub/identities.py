"""Known identities: the people that ruled columns name, to be found wherever else they are written.

A full name or a username is a sequence of words, whatever stands between them and however they are encoded. It becomes
the pseudonym that its own column gives it. A single word counts only where it is distinctive: a surname that is also an
ordinary word, or one that pseudonyms themselves are made of, says nothing about anybody.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain

import numpy as np
import polars as pl

from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.known import Known
from etna_pipelines.anonymise.scrub.mentions import EXACT, FULL, KINDS, PAIR, REVERSED, SURNAME, USERNAME, Mentions
from etna_pipelines.anonymise.values import Numbers, Values

SHORTEST = 4
"""Characters that a single word needs to be looked for."""

_HANDLE = r"^((?:\p{L}+[._\-])*\p{L}{2,}\d+)(?:\+[^@]*)?@"
_APOSTROPHES = r"['’ʼ]"  # a name that has one may be written without: `conor-ogallchobhair`; so with `ł` in slugs
_IN_TWO = {"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}
_PART_SIZE = 1 << 16  # names
_PAIRS = "pairs"
_GROWN = 2  # times as many rows as were distinct last: what is collected is made distinct again


Part = tuple[Values, Numbers]
"""Names, and what each means to `Mentions`."""


@dataclass
class _Distinct:
    """Rows that are collected block by block, each kept about once."""

    schema: tuple[str, ...]
    _parts: list[pl.DataFrame] = field(default_factory=list)
    _kept: int = 1 << 16
    _rows: int = 0

    def add(self, rows: pl.DataFrame) -> None:
        self._parts.append(rows.unique())
        self._rows += len(self._parts[-1])
        if self._rows > _GROWN * self._kept:
            self._parts = [pl.concat(self._parts).unique()]
            self._rows = len(self._parts[0])
            self._kept = max(self._kept, self._rows)

    def rows(self) -> pl.DataFrame:
        """In order, so that it makes no difference how they came."""
        if not self._parts:
            return pl.DataFrame(schema=dict.fromkeys(self.schema, pl.String))
        self._parts = [pl.concat(self._parts).unique().sort(self.schema)]
        return self._parts[0]


@dataclass
class Identities:
    """Originals in memory for the length of a strip and nowhere else; their pseudonyms are made where one is found."""

    pseudonyms: Pseudonyms
    public: Public
    _pairs: _Distinct = field(default_factory=lambda: _Distinct(("first", "last")))
    _singles: dict[int, _Distinct] = field(
        default_factory=lambda: {kind: _Distinct(("name",)) for kind in (SURNAME, FULL, EXACT, USERNAME)}
    )

    def add_names(self, first: pl.Series, last: pl.Series) -> None:
        """People by their two names, of equal length: pairs, and distinctive surnames alone."""
        names = pl.DataFrame({"first": first.str.strip_chars(), "last": last.str.strip_chars()}).drop_nulls()
        names = names.filter((pl.col("first") != "") & (pl.col("last") != ""))
        self._pairs.add(names)
        self.add_surnames(names["last"])

    def add_surnames(self, last: pl.Series) -> None:
        self._add(SURNAME, last)

    def add_full_names(self, names: pl.Series) -> None:
        words = names.drop_nulls().str.strip_chars().unique().str.splitn(" ", 2).struct.unnest()
        self.add_names(words["field_0"], words["field_1"])
        self._add(FULL, words.filter(pl.col("field_1").is_null())["field_0"])

    def add_usernames(self, usernames: pl.Series, *, exact: bool = False) -> None:
        """`exact`: their column is a key, in which upper and lower case tell them apart."""
        self._add(EXACT if exact else USERNAME, usernames)

    def _add(self, kind: int, names: pl.Series) -> None:
        distinct = names.drop_nulls().str.strip_chars().unique()
        self._singles[kind].add(distinct.filter(self.are_distinctive(distinct)).to_frame("name"))

    def collected(self) -> dict[str, pl.DataFrame]:
        """Everybody collected so far, for another worker's `add_collected`."""
        return {_PAIRS: self._pairs.rows()} | {str(kind): each.rows() for kind, each in self._singles.items()}

    def add_collected(self, name: str, people: pl.DataFrame) -> None:
        """People of one name in `collected`."""
        (self._pairs if name == _PAIRS else self._singles[int(name)]).add(people)

    def mentions(self, tick: Callable[[], None] = lambda: None) -> Mentions:
        """The search for everybody collected so far; `tick` is called for every part of them."""
        pairs = self._pairs.rows()
        people = {PAIR: (pairs["first"], pairs["last"])}
        parts = [_sequences(PAIR, pairs["first"], pairs["last"]), _sequences(REVERSED, pairs["last"], pairs["first"])]
        for kind, distinct in self._singles.items():
            names = distinct.rows()["name"]
            people[kind] = (names, names)
            parts.append(_sequences(kind, names))
        return Mentions(self.pseudonyms, Known.of(_told(chain.from_iterable(parts), tick)), people)

    def are_published(self, emails: pl.Series) -> pl.Series:
        """Which of these addresses (in lower case) are of a public domain."""
        public = "|".join(rf"[@.]{re.escape(domain.lower())}" for domain in self.public.domains)
        return emails.str.contains(f"(?:{public})$" if public else r"[^\s\S]")

    def handles(self, emails: pl.Series) -> pl.Series:
        """What addresses begin with, where digits say that it is a username too (`jane.doe82`), and it is not public:
        logs still call people so whose account is gone."""
        addresses = emails.drop_nulls().str.strip_chars().str.to_lowercase().unique()
        addresses = addresses.filter(~self.are_published(addresses))
        return addresses.str.extract(_HANDLE).drop_nulls().unique()

    def are_distinctive(self, words: pl.Series) -> pl.Series:
        """Whether each name or username points to a person by itself."""
        long = (words.str.len_chars() >= SHORTEST) & ~words.str.contains(r"^\d+$")
        plain = words.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
        return long & ~plain.is_in(self._indistinct_words.implode())

    @cached_property
    def _indistinct_words(self) -> pl.Series:
        return pl.Series(sorted(self._indistinct), dtype=pl.String)

    @cached_property
    def _indistinct(self) -> frozenset[str]:
        return ordinary_words() | self.pseudonyms.emitted | {word.lower() for word in self.public.words}

    def __len__(self) -> int:
        return len(self._pairs.rows()) + sum(len(distinct.rows()) for distinct in self._singles.values())


def _sequences(kind: int, *names: pl.Series) -> Iterator[Part]:
    """What people of a kind may be written as, and what that means to `Mentions`; a part at a time in memory."""
    for start in range(0, len(names[0]), _PART_SIZE):
        texts = pl.select(pl.concat_str([each.slice(start, _PART_SIZE) for each in names], separator=" ")).to_series()
        meanings = np.arange(start, start + len(texts), dtype=np.int64) * KINDS + kind
        yield Values.of(texts), meanings
        bare = texts.str.replace_all(_APOSTROPHES, "")
        in_ascii = bare.str.normalize("NFKD").str.replace_all(r"[^\x00-\x7f]", "")
        for spelt, before in ((bare, texts), (bare.str.replace_many(_IN_TWO), bare), (in_ascii, bare)):
            other = spelt != before
            if other.any():
                yield Values.of(spelt.filter(other)), meanings[other.to_numpy()]


def _told(parts: Iterable[Part], tick: Callable[[], None]) -> Iterator[Part]:
    for part in parts:
        tick()
        yield part


def ascii_folded(text: str) -> str:
    """Letters without their accents: `Siân` -> `Sian`."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@lru_cache
def ordinary_words() -> frozenset[str]:
    """English words that are no sign of a person (Faker's list of about a thousand)."""
    from faker import Faker

    return frozenset(word.lower() for word in Faker("en_US").get_words_list())
