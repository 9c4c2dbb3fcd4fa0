"""What is public on purpose: the values that scrub leaves and the proof allows."""

from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.pseudonyms import EMAIL_DOMAIN

RESERVED_DOMAINS = ("example", "test", "invalid", "localhost", "example.com", "example.org", "example.net")
"""RFC 2606: nobody has an address there."""


class Public(BaseModel):
    """`domains` whose e-mail addresses are nobody's secret, and `words` that are no person's sign here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: list[str] = []
    words: list[str] = []

    def allows_email(self, email: str) -> bool:
        """Whether an address is reserved or of a public domain (or of one below it)."""
        domain = email.rpartition("@")[2].lower()
        return any(domain == known or domain.endswith(f".{known}") for known in (*self._domains, *RESERVED_DOMAINS))

    @property
    def _domains(self) -> list[str]:
        return [domain.lower() for domain in (*self.domains, EMAIL_DOMAIN)]
