"""Originals: what the identifying columns held, as keyed hashes in memory, for the proof to look for afterwards.

A name, username or secret is a sequence of words (letters and digits, lower case, at most four): `jane.o-connor` is
`jane o connor`, so it is found in slugs, addresses and file names too. A sequence's hash is a polynomial of its words'
64-bit hashes, under a key that lives as long as the object.
"""

import secrets
from dataclasses import dataclass, field

import polars as pl

from etna_pipelines.anonymise.identities import Identities
from etna_pipelines.anonymise.pseudonyms import national_number

WORD = r"[\p{L}\p{N}]+"
LONGEST = 4
"""Words of a sequence that are looked at."""
SECRET_LENGTH = 12
"""Characters that the longest word of a secret needs: shorter ones happen by chance."""

_FACTOR = 0x9E3779B97F4A7C15  # odd and without pattern: 2^64 divided by the golden ratio


@dataclass
class Originals:
    """Sets of 64-bit hashes: e-mails, phones, and sequences of words by their length."""

    emails: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.UInt64))
    phones: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.UInt64))
    _words: dict[int, pl.Series] = field(default_factory=dict)
    _ours: dict[int, pl.Series] = field(default_factory=dict)
    _seed: int = field(default_factory=lambda: secrets.randbits(63))

    def add(self, kind: str, values: pl.Series, identities: Identities) -> None:
        """Remember the originals of a column whose mask hides values of `kind` (see masks.KINDS)."""
        values = values.drop_nulls().unique()
        match kind:
            case "email":
                self.emails = self._joined(self.emails, values.str.strip_chars().str.to_lowercase())
            case "phone":
                numbers = national_number(values)
                self.phones = self._joined(self.phones, numbers.filter(numbers.str.len_chars() >= 10))
            case "secret":
                words = values.str.extract_all(r"\w+").explode().drop_nulls().unique()
                self._add_sequences(self._words, words.filter(words.str.len_chars() >= SECRET_LENGTH))
            case "name":
                self._add_sequences(self._words, values, shortest=2)
            case "username" | "last":
                self._add_sequences(self._words, values, shortest=2)
                alone = [word for word in values.str.strip_chars() if identities.distinctive(word)]
                self._add_sequences(self._words, pl.Series(alone, dtype=pl.String))

    def add_pseudonyms(self, names: pl.Series) -> None:
        """Full names that the strip itself wrote: what is both an original and somebody's pseudonym proves nothing."""
        self._add_sequences(self._ours, names.drop_nulls(), shortest=2)

    def sequences(self) -> dict[int, pl.Series]:
        """The hashes of word sequences by their length, without those that our own pseudonyms have too."""
        return {
            length: known.filter(~known.is_in(self._ours[length].implode())) if length in self._ours else known
            for length, known in self._words.items()
        }

    def hashes(self, values: pl.Series) -> pl.Series:
        return values.hash(self._seed)

    def __len__(self) -> int:
        return len(self.emails) + len(self.phones) + sum(map(len, self.sequences().values()))

    def _joined(self, known: pl.Series, values: pl.Series) -> pl.Series:
        return pl.concat([known, self.hashes(values.filter(values != ""))]).unique()

    def _add_sequences(self, into: dict[int, pl.Series], values: pl.Series, shortest: int = 1) -> None:
        spellings = pl.concat([values, values.str.normalize("NFKD").str.replace_all(r"[\p{M}']", "")]).unique()
        words = spellings.str.to_lowercase().str.extract_all(WORD).list.head(LONGEST)
        for length in range(shortest, LONGEST + 1):
            matching = words.filter(words.list.len() == length)
            if not len(matching):
                continue
            hashed = combined([self.hashes(matching.list.get(position)) for position in range(length)])
            into[length] = pl.concat([into.get(length, pl.Series(dtype=pl.UInt64)), hashed]).unique()


def combined(words: list[pl.Series]) -> pl.Series:
    """The hash of a sequence of words from the hashes of its words."""
    total = words[0]
    for word in words[1:]:
        total = total * pl.Series([_FACTOR], dtype=pl.UInt64) + word
    return total
