"""Pseudonyms are a pure function of (key, kind of value, normalised value).

So the same e-mail becomes the same fake in every table, inside JSON and in every snapshot made with that key, without
any table of who is who. The keyed hash is BLAKE3 over a 32-byte subkey (one per kind, derived by keyed BLAKE2b)
followed by the value: BLAKE3 has no length extension, so the prefixed key makes it a MAC. Its hex digits become
tokens, and indices into pools of names that Faker (en_GB) knows.
"""

import hashlib
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

from etna_pipelines.anonymise.values import Values

_INDEX_DIGITS = 15  # of hex: 60 bits, so that an index fits a 64-bit integer and the modulo's bias is nothing

TOKEN_DIGITS = 16  # of hex: 64 bits, so that among a million values two agree once in 37 million snapshots

EMAIL_DOMAIN = "example.com"  # reserved by RFC 2606: no mail to it can be delivered

PHONE_AREAS = [
    # Ofcom, "Telephone numbers for use in TV and radio drama programmes": 1,000 numbers after each prefix. The mobile
    # range (07700 900xxx) is left out, so that a pseudonym is never taken for a mobile that could get a message.
    *("0113 496 0", "0114 496 0", "0115 496 0", "0116 496 0", "0117 496 0", "0118 496 0"),
    *("0121 496 0", "0131 496 0", "0141 496 0", "0151 496 0", "0161 496 0", "0191 498 0"),
    *("020 7946 0", "028 9649 6", "029 2018 0", "01632 960", "03069 990", "0808 157 0"),
]

_EXTENSION = (  # those of documents and media alone: `scan.jones` has none
    r"(?i)(\.(?:pdf|docx?|xlsx?|pptx?|od[tsp]|rtf|txt|csv|zip|jpe?g|png|gif|webp|avif|svg|tiff?|bmp|heic|"
    r"mp[34]|m4[av]|wav|ogg|mov|webm|avi|vtt|srt|json|xml|html?|epub))$"
)


class Pseudonyms:
    """The pseudonyms made with one masking key. NULL stays NULL."""

    def __init__(self, key: bytes, locale: str = "en_GB") -> None:
        self._key = key
        self._locale = locale

    def in_locale(self, locale: str) -> "Pseudonyms":
        """The same key's pseudonyms in another language."""
        return Pseudonyms(self._key, locale)

    def numbers(self, values: Values, kind: str) -> npt.NDArray[np.uint64]:
        """A keyed number of 64 bits for each value: for whatever a mask picks, shifts or draws."""
        digits = self.digest(values.series(), f"number.{kind}").str.slice(0, 15)
        return digits.str.to_integer(base=16, dtype=pl.UInt64).fill_null(0).to_numpy()

    def token(self, values: Values, kind: str, digits: int = TOKEN_DIGITS, begin: str = "") -> Values:
        """`begin` and `digits` (at most 64) hex digits that tell values apart."""
        return Values.of(begin + self._token(values.series(), kind, digits))

    def fake(self, values: Values, kind: str) -> Values:
        """A first name, last name, company ... for each: what is equal without regard to case stays equal."""
        return Values.of(self._fake(values.series(), kind))

    def full_name(self, values: Values) -> Values:
        """`First Last` of a full name, each word by the pseudonym that it has alone."""
        return Values.of(self._full_name(values.series()))

    def username(self, values: Values, length: int | None = None) -> Values:
        """`first.<token>`; the token alone where that does not fit."""
        return Values.of(self._username(values.series(), length))

    def email(self, values: Values, length: int | None = None) -> Values:
        """`first.<token>@example.com`: never deliverable, and unique where the originals are without regard to case."""
        return Values.of(self._email(values.series(), length))

    def phone(self, values: Values) -> Values:
        """A number of Ofcom's drama ranges; +44 where the original began with it, spaces where it had any."""
        return Values.of(self._phone(values.series()))

    def file(self, values: Values) -> Values:
        """The path of a file under another name, in its folders, with its extension: `documents/<token>.pdf`."""
        return Values.of(self._file(values.series()))

    def subkey(self, kind: str) -> str:
        """The key of one kind of value, as 32 hex digits (16 bytes): domain separation."""
        return hashlib.blake2b(kind.encode(), key=self._key, digest_size=16, person=b"etna-pipelines").hexdigest()

    def digest(self, values: pl.Series, kind: str) -> pl.Series:
        """64 hex digits for each value."""
        prefixed = plh.concat_str(pl.lit(self.subkey(kind)), pl.col("value"))
        return values.to_frame("value").select(prefixed.chash.blake3()).to_series()

    def pick(self, digests: pl.Series, pool: pl.Series, part: int = 0) -> pl.Series:
        """One of the pool for each digest; `part` 0 to 2 takes other digits of it."""
        digits = digests.str.slice(TOKEN_DIGITS + part * _INDEX_DIGITS, _INDEX_DIGITS)
        return pool.gather(digits.str.to_integer(base=16, dtype=pl.UInt64) % len(pool))

    def _token(self, values: pl.Series, kind: str, digits: int = TOKEN_DIGITS) -> pl.Series:
        """`digits` hex digits that tell values apart."""
        return self.digest(values, kind).str.slice(0, digits)

    def _fake(self, values: pl.Series, kind: str) -> pl.Series:
        """A first name, last name, company ... for each: what is equal without regard to case stays equal."""
        each = values.unique()
        if 2 * len(each) < len(values):  # first names, cities: a few, again and again
            return values.replace_strict(each, self._fake(each, kind))
        return self.pick(self.digest(_folded(values), f"fake.{kind}"), pool(kind, self._locale))

    def _full_name(self, values: pl.Series) -> pl.Series:
        """`First Last` of a full name, each word by the pseudonym that it has alone."""
        words = values.str.strip_chars().str.splitn(" ", 2).struct.unnest()
        first, last = self._fake(words["field_0"], "first"), self._fake(words["field_1"], "last")
        blank = values.is_null() | (values.str.strip_chars() == "")
        named = pl.concat_str(first, last, separator=" ", ignore_nulls=True)
        return pl.select(pl.when(blank).then(values).otherwise(named)).to_series()

    def _username(self, values: pl.Series, length: int | None = None) -> pl.Series:
        """`first.<token>`; the token alone where that does not fit."""
        digests = self.digest(_folded(values), "username")
        return self._handle(digests, length)

    def _email(self, values: pl.Series, length: int | None = None) -> pl.Series:
        """`first.<token>@example.com`: never deliverable, and unique where the originals are without regard to case."""
        digests = self.digest(_folded(values), "email")
        return self._handle(digests, length, f"@{EMAIL_DOMAIN}")

    def _phone(self, values: pl.Series) -> pl.Series:
        """A number of Ofcom's drama ranges; +44 where the original began with it, spaces where it had any."""
        digests = self.digest(national_number(values), "phone")
        original = values.str.strip_chars()
        foreign = original.str.starts_with("+44") | original.str.starts_with("0044")
        spaced = original.str.contains(" ", literal=True)
        numbers = self.pick(digests, pl.Series([f"{number:03}" for number in range(1000)]), part=1)
        digits = digests.str.slice(TOKEN_DIGITS, _INDEX_DIGITS).str.to_integer(base=16, dtype=pl.UInt64)
        forms = [form for area in PHONE_AREAS for form in _phone_forms(area)]
        which = digits % len(PHONE_AREAS) * 4 + foreign.cast(pl.UInt64) * 2 + spaced.cast(pl.UInt64)
        return pl.Series(forms).gather(which) + numbers

    def _file(self, values: pl.Series) -> pl.Series:
        """The path of a file under another name, in its folders, with its extension: `documents/<token>.pdf`."""
        folders = values.str.extract(r"^(.*/)").fill_null("")
        extensions = values.str.extract(_EXTENSION).fill_null("")
        return folders + self._token(values, "file") + extensions

    def _handle(self, digests: pl.Series, length: int | None, end: str = "") -> pl.Series:
        # No surname: with one, a handle could by chance spell an original's full name, which the proof looks for.
        first = self.pick(digests, _ascii("first", self._locale), part=1)
        token = digests.str.slice(0, TOKEN_DIGITS)
        handles = pl.select(pl.concat_str(first, pl.lit("."), token, pl.lit(end))).to_series()
        if length is None or longest(handles) <= length:
            return handles
        short = token.str.slice(0, length - len(end)) + end
        return pl.select(pl.when(handles.str.len_chars() <= length).then(handles).otherwise(short)).to_series()

    @cached_property
    def emitted(self) -> frozenset[str]:
        """Every single word, lower case, that a pseudonym may consist of: no sign of a leak by itself."""
        return frozenset(
            word.lower()
            for kind in ("first", "last")
            for name in pool(kind, self._locale)
            for word in (name, *name.split())
        )


def key_id(key: bytes) -> str:
    """What names a key without telling it: stands in manifests."""
    return hashlib.sha256(b"etna-key-id" + key).hexdigest()[:8]


def national_number(values: pl.Series) -> pl.Series:
    """Digits of a UK phone number as dialled inside the country: `+44 (0)7700 900123` -> `07700900123`."""
    digits = values.str.replace_all(" ", "", literal=True)
    if digits.str.contains(r"[^0-9+]").any():
        digits = digits.str.replace_all(r"[^0-9+]", "")
    digits = digits.str.replace(r"^(?:\+|00)440?", "0")
    return digits.str.replace_all("+", "", literal=True) if digits.str.contains("+", literal=True).any() else digits


def longest(values: pl.Series) -> int:
    """Bytes of the longest value; 0 where there is none."""
    length = values.str.len_bytes().max()
    return length if isinstance(length, int) else 0


def _phone_forms(area: str) -> tuple[str, str, str, str]:
    """The beginning of a number without spaces and with them, then likewise from abroad."""
    return area.replace(" ", ""), area, f"+44{area[1:].replace(' ', '')}", f"+44 {area[1:]}"


def _folded(values: pl.Series) -> pl.Series:
    return values.str.strip_chars().str.to_lowercase()


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
def _ascii(kind: str, locale: str) -> pl.Series:
    return pool(kind, locale).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"[^a-z]", "")


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
