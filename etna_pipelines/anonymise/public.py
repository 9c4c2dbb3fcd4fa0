"""What is public on purpose: the values that scrub leaves and the proof allows."""

import hashlib
import re
from functools import cached_property

from pydantic import BaseModel, ConfigDict, field_validator

from etna_pipelines.anonymise.pseudonyms.pseudonyms import EMAIL_DOMAIN


class Public(BaseModel):
    """`domains` whose e-mail addresses are nobody's secret, `words` that are no person's sign here, and `hashes` of
    values that are public and had better not stand in the rules themselves (see `hash_of`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: list[str] = []
    words: list[str] = []
    hashes: list[str] = []

    @field_validator("hashes")
    @classmethod
    def _are_hashes(cls, hashes: list[str]) -> list[str]:
        if not all(len(each) == 64 and set(each.lower()) <= set("0123456789abcdef") for each in hashes):
            raise ValueError("holds what is no SHA-256 in 64 hex digits: make one with `etna rules allow`.")
        return [each.lower() for each in hashes]

    def publishes(self, email: str) -> bool:
        """Whether an address is of a public domain, or of one below it."""
        domain = email.rpartition("@")[2].lower()
        return any(domain == known or domain.endswith(f".{known}") for known in map(str.lower, self.domains))

    def allows_email(self, email: str) -> bool:
        """Whether a stripped copy may hold an address: a public one, or a pseudonym's."""
        return self.publishes(email) or email.lower().endswith(f"@{EMAIL_DOMAIN}")

    def why_allowed(self, text: str) -> str | None:
        """By which entry a stripped copy may hold what the proof found, in words for its record; None by none."""
        for plain in (normalised(text), normalised(re.sub(r"[\W_]+", " ", text))):  # `jane-doe` is `jane doe` too
            if plain in self._plain_words:
                return f"`{plain}`, one of public: words"
            if (digest := hash_of(plain)) in self.hashes:
                return f"{digest[:8]}..., one of public: hashes"
        return None

    @cached_property
    def _plain_words(self) -> frozenset[str]:
        return frozenset(map(normalised, self.words))


def normalised(text: str) -> str:
    """Lower case, without spaces around it, its words joined by one space."""
    return " ".join(text.lower().split())


def hash_of(text: str) -> str:
    """What `public: hashes` says of a value: SHA-256, in hex, of the value as `normalised` writes it.

    It keeps the value out of the rules' plain text; whoever guesses the value can still check the guess."""
    return hashlib.sha256(normalised(text).encode()).hexdigest()
