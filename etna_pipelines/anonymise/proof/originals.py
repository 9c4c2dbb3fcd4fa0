"""Originals: what the identifying columns held, as keyed hashes in memory, for the proof to look for afterwards.

A name, username or secret is a sequence of words (letters and digits, lower case, at most four): `jane.o-connor` is
`jane o connor`, so it is found in slugs, addresses and file names too.
"""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from etna_pipelines.anonymise.kernels.hash_sets import NOTHING, HashSet, Index, distinct, index
from etna_pipelines.anonymise.proof import contacts, words
from etna_pipelines.anonymise.proof.spelling import Hashes, Letters, keyed
from etna_pipelines.anonymise.proof.words import LONGEST, Sequences
from etna_pipelines.anonymise.scrub.identities import Identities, ordinary_words
from etna_pipelines.anonymise.values import Values

MOST = 1 << 23
"""Hashes of a set that are kept whole; of more, a share, so that memory is bounded (see words.HashSet)."""

Observed = list[tuple[str, Hashes]]
"""Hashes, and the set that each belongs to."""


@dataclass
class Originals:
    """Sets of 64-bit hashes: e-mails, phones, and sequences of words by their length."""

    with_handles: bool = True
    """Whether usernames that only addresses still tell are looked for: they stand in logs, which scrub rewrites."""
    seed: int = field(default_factory=lambda: secrets.randbits(63))
    """What makes the hashes this strip's own: 63 bits, the same for all who work on it."""
    _sets: defaultdict[str, HashSet] = field(default_factory=lambda: defaultdict(HashSet))
    _published: dict[tuple[str, ...], Index] = field(default_factory=dict)
    _indistinct: Index | None = None

    @cached_property
    def letters(self) -> Letters:
        """What every hash here is made with."""
        return keyed(self.seed)

    def add(self, kind: str, values: Values, identities: Identities) -> None:
        """Remember the originals of a column whose mask hides values of `kind` (see masks.KINDS)."""
        self.remember(self.observed(kind, values, identities))

    def remember(self, observed: Observed) -> None:
        """Remember what `observed` or `pseudonyms` made, perhaps in another thread."""
        for name, hashes in observed:
            self._set(name).add(hashes)

    def kept(self) -> dict[str, tuple[Hashes, int]]:
        """All hashes by their set, with the bits by which it was thinned (see HashSet)."""
        return {name: (hashes.sorted(), hashes.bits) for name, hashes in self._sets.items()}

    def take(self, name: str, hashes: Hashes, bits: int) -> None:
        """What another's `kept` gave, of the same seed."""
        self._set(name).thin(bits)
        self._set(name).add(hashes)

    def observed(self, kind: str, values: Values, identities: Identities) -> Observed:
        """The hashes of a column's values; changes nothing."""
        match kind:
            case "email":
                hashes, private = contacts.emails_of(values, self.letters, self._published_domains(identities))
                known = ("emails", hashes[private])
                if not self.with_handles:
                    return [known]
                usernames = contacts.usernames_of(values.at(private), self.letters)
                return [
                    known,
                    *_by_length(words.handles_of(usernames, self.letters, self._signs_of_nobody(identities))),
                ]
            case "phone":
                return [("phones", contacts.phones_of(values, self.letters))]
            case "secret":
                made = words.secrets_of(values, self.letters)
                return [*_by_length(made), ("not looked for", made.hashes[made.counts == 0])]
            case "name":
                return _by_length(words.names_of(values, self.letters, self._signs_of_nobody(identities)))
            case "username" | "last":
                return self._handles(values, identities)
        return []

    def pseudonyms(self, names: Values) -> Observed:
        """Full names that the strip itself wrote: what is both an original and somebody's pseudonym proves nothing."""
        return _by_length(words.names_of(names, self.letters, NOTHING), "ours")

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

    def begins(self, length: int) -> Hashes:
        """The hashes of the words that sequences of a length begin with."""
        return self._sets["words 1" if length == 1 else f"words {length} begin"].sorted()

    @property
    def ambiguous(self) -> int:
        """Sequences that are left out because our own pseudonyms have them too."""
        known = sum(len(self._sets[f"words {length}"]) for length in range(1, LONGEST + 1))
        return known - sum(map(len, self.sequences().values()))

    @property
    def unsearched(self) -> int:
        """Secrets that are not looked for: so short, or so plain, that they are found by chance."""
        return len(self._sets["not looked for"])

    @property
    def share(self) -> float:
        """The share of the originals that is looked for: less than 1 where a set held more than MOST."""
        return min((hashes.share for hashes in self._sets.values()), default=1.0)

    @property
    def counts(self) -> dict[str, int]:
        """How many distinct originals of each kind are looked for."""
        return {
            "names, usernames and secrets": sum(map(len, self.sequences().values())),
            "e-mail addresses": len(self.emails),
            "phone numbers": len(self.phones),
        }

    def __len__(self) -> int:
        return sum(self.counts.values())

    def _set(self, name: str) -> HashSet:
        if name not in self._sets:  # what sequences begin with must not be thinned apart from them: it is few
            self._sets[name] = HashSet(most=None if name.endswith("begin") or name.startswith("ours") else MOST)
        return self._sets[name]

    def _handles(self, values: Values, identities: Identities) -> Observed:
        return _by_length(words.handles_of(values, self.letters, self._signs_of_nobody(identities)))

    def _published_domains(self, identities: Identities) -> Index:
        domains = tuple(identities.public.domains)
        if domains not in self._published:
            self._published[domains] = index(contacts.hashes_of(list(domains), self.letters))
        return self._published[domains]

    def _signs_of_nobody(self, identities: Identities) -> Index:
        """Ordinary words, and those that pseudonyms are made of: alone they are no sign of a person."""
        if self._indistinct is None:
            nobody = Values.of(sorted(ordinary_words() | identities.pseudonyms.emitted))
            made = words.names_of(nobody, self.letters, NOTHING)
            self._indistinct = index(distinct(made.hashes))
        return self._indistinct


def _by_length(sequences: Sequences, into: str = "words") -> Observed:
    observed: Observed = []
    for length in range(1, LONGEST + 1):
        chosen = sequences.counts == length
        if chosen.any():
            observed.append((f"{into} {length}", sequences.hashes[chosen]))
            if length > 1:
                firsts = sequences.firsts[chosen]
                observed.append((f"{into} {length} begin", firsts[firsts != 0]))
    return observed
