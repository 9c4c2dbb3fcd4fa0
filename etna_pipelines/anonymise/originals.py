"""Originals: what the identifying columns held, as keyed hashes in memory, for the proof to look for afterwards.

A name, username or secret is a sequence of words (letters and digits, lower case, at most four): `jane.o-connor` is
`jane o connor`, so it is found in slugs, addresses and file names too.
"""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from etna_pipelines.anonymise.identities import Identities
from etna_pipelines.anonymise.pseudonyms import national_number
from etna_pipelines.anonymise.values import Values
from etna_pipelines.anonymise.words import Hashes, HashSet, SequenceSearch, as_fields, distinct, words_of

MOST = 1 << 23
"""Hashes of a set that are kept whole; of more, a share, so that memory is bounded (see words.HashSet)."""

LONGEST = 4
"""Words of a sequence that are looked at."""
SECRET_LENGTH = 12
"""Characters that a word of a secret needs: shorter ones happen by chance."""

_DRESSED = r"[^\x00-\x7f]|'"  # what a name may also be written without

Observed = list[tuple[str, Hashes]]
"""Hashes, and the set that each belongs to."""


@dataclass
class Originals:
    """Sets of 64-bit hashes: e-mails, phones, and sequences of words by their length."""

    with_handles: bool = True
    """Whether usernames that only addresses still tell are looked for: they stand in logs, which scrub rewrites."""
    _sets: defaultdict[str, HashSet] = field(default_factory=lambda: defaultdict(HashSet))
    _seed: int = field(default_factory=lambda: secrets.randbits(63))

    def add(self, kind: str, values: Values, identities: Identities) -> None:
        """Remember the originals of a column whose mask hides values of `kind` (see masks.KINDS)."""
        self.remember(self.observed(kind, values, identities))

    def remember(self, observed: Observed) -> None:
        """Remember what `observed` or `pseudonyms` made, perhaps in another thread."""
        for name, hashes in observed:
            if name not in self._sets:  # what sequences begin with must not be thinned apart from them: it is few
                self._sets[name] = HashSet(most=None if name.endswith("begin") or name.startswith("ours") else MOST)
            self._sets[name].add(hashes)

    def observed(self, kind: str, values: Values, identities: Identities) -> Observed:
        """The hashes of a column's values; changes nothing."""
        return self._observed(kind, values.series().drop_nulls(), identities)

    def _observed(self, kind: str, values: pl.Series, identities: Identities) -> Observed:
        match kind:
            case "email":
                emails = values.str.strip_chars().str.to_lowercase()
                emails = emails.filter(~identities.are_published(emails))
                known = ("emails", self.hashes(emails.filter(emails != "")))
                if not self.with_handles:
                    return [known]
                handles = identities.handles(emails)
                return [known, *self._sequences("words", handles.filter(identities.are_distinctive(handles)), 1)]
            case "phone":
                numbers = national_number(values)
                return [("phones", self.hashes(numbers.filter(numbers.str.len_chars() >= 10)))]
            case "secret":
                return self._secrets(values)
            case "name":
                values = values.unique().str.strip_chars()
                alone = values.filter(~values.str.contains(r"\s") & identities.are_distinctive(values))
                return [*self._sequences("words", values), *self._sequences("words", alone, shortest=1)]
            case "username" | "last":
                values = (values.unique() if kind == "last" else values).str.strip_chars()
                return self._sequences("words", values.filter(identities.are_distinctive(values)), shortest=1)
        return []

    def pseudonyms(self, names: Values) -> Observed:
        """Full names that the strip itself wrote: what is both an original and somebody's pseudonym proves nothing."""
        return self._sequences("ours", names.series().drop_nulls().unique())

    @property
    def emails(self) -> Hashes:
        return self._sets["emails"].sorted()

    @property
    def phones(self) -> Hashes:
        return self._sets["phones"].sorted()

    def sequences(self) -> dict[int, Hashes]:
        """The hashes of word sequences by their length, without those that our own pseudonyms have too."""
        known = {length: self._sets[f"words {length}"].sorted() for length in range(1, LONGEST + 1)}
        return {
            length: np.setdiff1d(hashes, self._sets[f"ours {length}"].sorted(), assume_unique=True)
            for length, hashes in known.items()
            if len(hashes)
        }

    def search(self) -> SequenceSearch:
        """A search for all of the sequences."""
        sequences = self.sequences()
        return SequenceSearch(
            sequences,
            {n: known if n == 1 else self._sets[f"words {n} begin"].sorted() for n, known in sequences.items()},
        )

    def hashes(self, values: pl.Series) -> Hashes:
        """The hashes of whole values."""
        return values.hash(self._seed).to_numpy()

    def count_sequences(self, search: SequenceSearch, text: bytes) -> int:
        """How often the search finds what it is for in a text whose fields end with tabs and newlines."""
        return search.count(words_of(text, self._seed))

    @property
    def ambiguous(self) -> int:
        """Sequences that are left out because our own pseudonyms have them too."""
        known = sum(len(self._sets[f"words {length}"]) for length in range(1, LONGEST + 1))
        return known - sum(map(len, self.sequences().values()))

    @property
    def share(self) -> float:
        """The share of the originals that is looked for: less than 1 where a set held more than MOST."""
        return min((hashes.share for hashes in self._sets.values()), default=1.0)

    def __len__(self) -> int:
        return len(self.emails) + len(self.phones) + sum(map(len, self.sequences().values()))

    def _secrets(self, values: pl.Series) -> Observed:
        """Long words, and values that underscores alone divide."""
        words = words_of(as_fields(values), self._seed)
        divided = values.str.contains(r"^[0-9A-Za-z]*_[0-9A-Za-z_]*$") & (values.str.len_chars() >= SECRET_LENGTH)
        return [
            ("words 1", words.hashes[words.lengths >= SECRET_LENGTH]),
            *self._sequences("words", values.filter(divided)),
        ]

    def _sequences(self, into: str, values: pl.Series, shortest: int = 2) -> Observed:
        """Values of at least `shortest` words, also as they are without accents and apostrophes."""
        dressed = values.filter(values.str.contains(_DRESSED))
        plain = dressed.str.normalize("NFKD").str.replace_all(r"[\p{M}']", "")
        words = words_of(as_fields(pl.concat([values, plain])), self._seed)
        firsts, counts = words.fields()
        observed: Observed = []
        for length in range(shortest, LONGEST + 1):
            begin = firsts[np.minimum(counts, LONGEST) == length]
            if len(begin):
                observed.append((f"{into} {length}", distinct(words.sequences(begin, length))))
                if length > 1:
                    observed.append((f"{into} {length} begin", distinct(words.hashes[begin])))
        return observed
