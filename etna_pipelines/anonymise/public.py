"""What is public on purpose: the values that scrub leaves and the proof allows."""

from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.pseudonyms import EMAIL_DOMAIN


class Public(BaseModel):
    """`domains` whose e-mail addresses are nobody's secret, and `words` that are no person's sign here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: list[str] = []
    words: list[str] = []

    def publishes(self, email: str) -> bool:
        """Whether an address is of a public domain, or of one below it."""
        domain = email.rpartition("@")[2].lower()
        return any(domain == known or domain.endswith(f".{known}") for known in map(str.lower, self.domains))

    def allows_email(self, email: str) -> bool:
        """Whether a stripped copy may hold an address: a public one, or a pseudonym's."""
        return self.publishes(email) or email.lower().endswith(f"@{EMAIL_DOMAIN}")
