"""Pools of names, companies, words ... that Faker knows, in a fixed order: what pseudonyms are picked from."""

from functools import lru_cache

import polars as pl

METHODS = {
    "company": "company",
    "job": "job",
    "street": "street_address",
    "city": "city",
    "county": "administrative_unit",
    "postcode": "postcode",
    "country": "country",
    "word": "word",
    "sentence": "sentence",
    "user_agent": "user_agent",
}
"""Kinds of fakes and the Faker method that makes them; first, last, name and username are made of name pools."""


@lru_cache
def pool(kind: str, locale: str) -> pl.Series:
    """What Faker can say of a kind, in a fixed order, without repeats; 5,000 at most. Raises KeyError: no such kind."""
    from faker import Faker

    fake = Faker(locale)
    if kind in ("first", "last"):
        provider = next(
            p for p in fake.get_providers() if hasattr(p, "first_names" if kind == "first" else "last_names")
        )
        known = provider.first_names if kind == "first" else provider.last_names
        return pl.Series(sorted({str(name) for name in known}))
    fake.seed_instance(kind)
    said = {str(getattr(fake, METHODS[kind])()).replace("\n", ", ") for _ in range(2_000)}
    return pl.Series(sorted(said))


@lru_cache
def in_ascii(kind: str, locale: str) -> pl.Series:
    """A pool in lower case and the letters a to z alone, as handles have them."""
    return pool(kind, locale).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"[^a-z]", "")
