"""Signs: what sampled values of a column show of themselves, as shares. Counts come out, never a value."""

from dataclasses import dataclass
from functools import cache

import polars as pl

from etna_pipelines.anonymise.pseudonyms.pseudonyms import pool
from etna_pipelines.anonymise.scrub.patterns import luhn

LONGEST = 4_000
"""Characters of a value that are looked at."""

_NAME_LOCALES = ("en_GB", "en_US", "en_IN", "fr_FR", "tr_TR")


_VALUE = pl.col("value")


@dataclass(frozen=True)
class Sign:
    """Something that values may show: `says` completes `80 % of 500 sampled values ...`."""

    name: str
    says: str
    form: "str | pl.Expr"
    """A pattern that is in such a value, or an expression that is true for it."""

    @property
    def share(self) -> pl.Expr:
        shown = _VALUE.str.contains(self.form) if isinstance(self.form, str) else self.form
        return shown.mean().alias(self.name)


@dataclass(frozen=True)
class Shown:
    """What a column's sample shows: how many values (neither NULL nor empty), how many distinct, and shares by sign."""

    values: int
    distinct: int
    shares: dict[str, float]

    def share(self, *names: str) -> float:
        """The largest share of some signs."""
        return max(self.shares.get(name, 0.0) for name in names)

    def says(self, name: str) -> str:
        """`80 % of 500 sampled values are e-mail addresses`."""
        return f"{_percent(self.shares[name])} of {self.values} sampled values {signs()[name].says}"


NOTHING = Shown(0, 0, {})
"""What a column shows of which nothing was sampled."""


def look(values: pl.Series) -> Shown:
    """What a column's sampled values (null for NULL) show."""
    filled = values.drop_nulls().str.strip_chars()
    filled = filled.filter(filled != "").str.slice(0, LONGEST)
    if not len(filled):
        return NOTHING
    shares = filled.to_frame("value").select(_shares())
    return Shown(len(filled), filled.n_unique(), dict(zip(shares.columns, shares.row(0), strict=True)))


@cache
def _shares() -> list[pl.Expr]:
    return [sign.share for sign in signs().values()]


def _percent(share: float) -> str:
    return "under 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def _luhn_of(values: pl.Series) -> pl.Series:
    return pl.Series([bool(each and luhn(each)) for each in values], dtype=pl.Boolean)


def _card() -> pl.Expr:
    digits = _VALUE.str.replace_all(r"[ \-]", "").str.extract(r"^([2-6]\d{12,18})$")
    return digits.map_batches(_luhn_of, return_dtype=pl.Boolean)


def _phone() -> pl.Expr:
    """Written as a number is dialled, with + or a leading 0; no date, no fraction."""
    dialled = _VALUE.str.contains(r"^(?:\+|\(?0)[\d ().\-/]{8,22}$") & ~_VALUE.str.contains(
        r"^000|^\d+\.\d+$|^\d{1,4}-\d\d-"
    )
    return dialled & _VALUE.str.replace_all(r"[^0-9]", "").str.len_chars().is_between(10, 15)


def _token() -> pl.Expr:
    """One long word in which letters and digits are mixed as chance mixes them."""
    word = _VALUE.str.contains(r"^[A-Za-z0-9+/_.:=\-]{20,}$") & ~_VALUE.str.contains(r"^[a-z]+://|^/|\.[a-z0-9]{2,4}$")
    changes = _VALUE.str.count_matches(r"[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]")
    return word & ~_VALUE.str.contains(_UUID) & (changes * 8 >= _VALUE.str.len_chars())


def _is_name(word: pl.Expr, kind: str) -> pl.Expr:
    return word.str.to_lowercase().is_in(_names(kind).implode())


def _full_name() -> pl.Expr:
    """Two to four words, the first of them a first name, none of any length beginning small or with a digit."""
    words = _VALUE.str.contains(r"^\p{L}[\p{L}'’.\-]*(?: \p{L}[\p{L}'’.\-]*){1,3}$")
    capitals = ~_VALUE.str.contains(r"(?:^| )\p{Ll}{3,}")
    return words & capitals & _is_name(_VALUE.str.extract(r"^(\S+)"), "first")


@cache
def _names(kind: str) -> pl.Series:
    """Names that Faker knows, of the commonest languages here; two letters are too few to be a sign."""
    names = pl.concat([pool(kind, locale) for locale in _NAME_LOCALES]).str.to_lowercase()
    return names.filter(names.str.len_chars() > 2).unique()


_EMAIL = r"[\w.+'’\-]+@[\w\-]+(?:\.[\w\-]+)+"
_IP = r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*::?[0-9a-fA-F:]*:[0-9a-fA-F:]+"
_UUID = r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_PHONE = r"(?:\+44 ?|0)[1-9]\d{2,3}[ \-]?\d{3}[ \-]?\d{3,4}"


@cache
def signs() -> dict[str, Sign]:
    """Every sign by its name. Faker's names are read when first asked for."""
    return {
        sign.name: sign
        for sign in (
            Sign("email", "are e-mail addresses", rf"^{_EMAIL}$"),
            Sign("phone", "are phone numbers", _phone()),
            Sign("postcode", "are UK postcodes", r"^(?i)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$"),
            Sign("insurance", "are National Insurance numbers", r"^(?i)[A-CEGHJ-TW-Z]{2}(?: ?\d{2}){3} ?[A-D]$"),
            Sign("card", "are card numbers", _card()),
            Sign("iban", "are IBANs", r"^[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?$"),
            Sign("ip", "are IP addresses", rf"^(?:{_IP})(?:/\d+)?$"),
            Sign(
                "password",
                "are password hashes",
                r"^(?:pbkdf2_|argon2|bcrypt|scrypt|sha1\$|md5\$|\$2[abxy]\$|\$argon2|\$[156y]\$|\{SSHA|!.{40}$)",
            ),
            Sign("birthday", "are dates on which people may be born", r"^(?:19[2-9]\d|200\d)-\d\d-\d\d$"),
            Sign("uuid", "are UUIDs", _UUID),
            Sign("token", "look like keys or tokens", _token()),
            Sign("first", "are first names", _is_name(_VALUE, "first")),
            Sign("last", "are surnames", _is_name(_VALUE, "last")),
            Sign("name", "are names of people", _full_name()),
            Sign("username", "look like user names", r"^(?i)[a-z]{2,}(?:[._\-][a-z]{2,})?\d{1,4}$"),
            Sign("url", "are web addresses", r"^(?i)https?://\S+$"),
            Sign("json", "are JSON", r"^(?s)(?:\{.*\}|\[.*\])$"),
            Sign("html", "are HTML", r"(?s)<[a-z][a-z0-9]*[^<>]*>"),
            Sign("form", "are form data", r"^[\w.%\-]+=[^&\s]*(?:&[\w.%\-]+=[^&\s]*)+$"),
            Sign("file", "are names of files", r"^[^\s<>]*[^\s<>/]\.[A-Za-z0-9]{2,5}$"),
            Sign("mentions email", "hold an e-mail address", rf"{_EMAIL}|%40[\w\-]+\."),
            Sign("mentions phone", "hold a phone number", rf"(?:^|[^\w.]){_PHONE}(?:\W|$)"),
            Sign("sentence", "are several words", r"\p{L}+[ +]+\S+[ +]+\S"),
            Sign("slug", "are several words with hyphens", r"^/?(?:[\w%/]+-){2,}[\w%/]+/?$"),
            Sign("digits", "are digits alone", r"^-?\d+$"),
            Sign("code", "are codes, without spaces", r"^[A-Za-z0-9_.:/\-]{1,120}$"),
            Sign("words", "hold letters", r"\p{L}{2}"),
        )
    }
