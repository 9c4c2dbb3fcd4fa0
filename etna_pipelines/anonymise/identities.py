"""Known identities: the people that ruled columns name, to be found wherever else they are written.

A full name, a username or an e-mail is looked for as it is and as it stands in JSON (\\u-escaped, in JSON strings
inside JSON strings), in URLs and in HTML; it becomes the pseudonym that its own column gives it, in the same dress.
A single word counts only where it is distinctive: a surname that is also an ordinary word, or one that pseudonyms
themselves are made of, says nothing about anybody.
"""

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from urllib.parse import quote, quote_plus

import polars as pl

from etna_pipelines.anonymise.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.values import Values

SHORTEST = 4
"""Characters that a single word needs to be looked for."""

Dress = Callable[[str], str]


def _unicode_escaped(backslashes: int) -> Dress:
    def dress(text: str) -> str:
        plain = json.dumps(text)[1:-1]
        return re.sub(r"\\u", lambda _: "\\" * backslashes + "u", plain)

    return dress


def _numeric_entities(text: str) -> str:
    return "".join(c if c.isascii() and c not in "'&\"<>" else f"&#{ord(c)};" for c in text)


def _joined_by(separator: str, apostrophe: str) -> Dress:
    """As slugs, file names and handles are made: ASCII letters and digits, joined."""

    def dress(text: str) -> str:
        return separator.join(re.findall(r"[A-Za-z0-9]+", ascii_folded(text).replace("'", apostrophe)))

    return dress


SEPARATORS = (" ", "%20", "+", "-", "_", ".")
_HANDLE = r"^((?:\p{L}+[._\-])*\p{L}{2,}\d+)(?:\+[^@]*)?@"
_SIMPLE = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")

DRESSES: list[Dress] = [
    str,
    _unicode_escaped(1),
    _unicode_escaped(2),
    _unicode_escaped(4),
    quote,
    quote_plus,
    html.escape,
    _numeric_entities,
    *(_joined_by(separator, apostrophe) for separator in "-_." for apostrophe in ("", " ")),
]


@dataclass
class Identities:
    """Originals and their pseudonyms, in memory for the length of a strip and nowhere else."""

    pseudonyms: Pseudonyms
    public: Public
    _known: dict[str, str] = field(default_factory=dict)

    def add_names(self, first: pl.Series, last: pl.Series) -> None:
        """People by their two names, of equal length: pairs, and distinctive surnames alone."""
        names = pl.DataFrame({"first": first.str.strip_chars(), "last": last.str.strip_chars()}).drop_nulls().unique()
        names = names.filter((pl.col("first") != "") & (pl.col("last") != ""))
        fakes = zip(
            self.pseudonyms.fake(Values.of(names["first"]), "first").to_list(),
            self.pseudonyms.fake(Values.of(names["last"]), "last").to_list(),
            strict=True,
        )
        for (one, two), (fake_one, fake_two) in zip(names.iter_rows(), fakes, strict=True):
            self._known[f"{one} {two}"] = f"{fake_one} {fake_two}"
            self._known[f"{two}, {one}"] = f"{fake_two}, {fake_one}"
        self.add_surnames(names["last"])

    def add_surnames(self, last: pl.Series) -> None:
        names = last.drop_nulls().str.strip_chars().unique()
        for name, fake in zip(names, self.pseudonyms.fake(Values.of(names), "last").series(), strict=True):
            if self.distinctive(name):
                self._known.setdefault(name, fake)

    def add_full_names(self, names: pl.Series) -> None:
        words = names.drop_nulls().str.strip_chars().unique().str.splitn(" ", 2).struct.unnest()
        self.add_names(words["field_0"], words["field_1"])
        alone = words.filter(pl.col("field_1").is_null())["field_0"]
        for name, fake in zip(alone, self.pseudonyms.full_name(Values.of(alone)).series(), strict=True):
            if self.distinctive(name):
                self._known.setdefault(name, fake)

    def add_usernames(self, usernames: pl.Series) -> None:
        names = usernames.drop_nulls().str.strip_chars().unique()
        for name, fake in zip(names, self.pseudonyms.username(Values.of(names)).series(), strict=True):
            if self.distinctive(name):
                self._known.setdefault(name, fake)

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

    def distinctive(self, word: str) -> bool:
        """Whether a single word points to a person by itself."""
        return len(word) >= SHORTEST and not word.isdigit() and word.lower() not in self._indistinct

    def are_distinctive(self, words: pl.Series) -> pl.Series:
        """`distinctive` of each."""
        long = (words.str.len_chars() >= SHORTEST) & ~words.str.contains(r"^\d+$")
        return long & ~words.str.to_lowercase().is_in(self._indistinct_words.implode())

    @cached_property
    def _indistinct_words(self) -> pl.Series:
        return pl.Series(sorted(self._indistinct), dtype=pl.String)

    @cached_property
    def _indistinct(self) -> frozenset[str]:
        return ordinary_words() | self.pseudonyms.emitted | {word.lower() for word in self.public.words}

    def patterns(self) -> dict[str, str]:
        """What to look for (lower case in ASCII) -> what to write instead, in every dress."""
        dressed: dict[str, str] = {}
        for original, pseudonym in self._known.items():
            for written, instead in _dressed(original, pseudonym):
                dressed.setdefault(ascii_lower(written), instead)
        return dressed

    def __len__(self) -> int:
        return len(self._known)


def ascii_folded(text: str) -> str:
    """Letters without their accents: `Siân` -> `Sian`."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def ascii_lower(text: str) -> str:
    """Lower case of A to Z alone, as the pattern search folds it."""
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _dressed(original: str, pseudonym: str) -> Iterator[tuple[str, str]]:
    if _SIMPLE.fullmatch(original):  # nothing in it that an encoding would change
        for separator in SEPARATORS if " " in original else (" ",):
            yield original.replace(" ", separator), pseudonym.replace(" ", separator)
        return
    for spelling in {original, original.upper(), original.lower()}:
        for dress in DRESSES:
            yield dress(spelling), dress(pseudonym)


@lru_cache
def ordinary_words() -> frozenset[str]:
    """English words that are no sign of a person (Faker's list of about a thousand)."""
    from faker import Faker

    return frozenset(word.lower() for word in Faker("en_US").get_words_list())
