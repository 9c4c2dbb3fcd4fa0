"""Pseudonyms are a pure function of (key, kind of value, normalised value).

So the same e-mail becomes the same fake in every table, inside JSON and in every snapshot made with that key, without
any table of who is who. The keyed hash is SipHash-2-4 under a subkey of 16 bytes, one per kind, derived by keyed
BLAKE2b. Its digits become tokens, and indices into pools of names that Faker (en_GB) knows.
"""

import hashlib
from functools import cached_property, lru_cache

import numpy as np

from etna_pipelines.anonymise.kernels.eights import SLACK, copy, hexed, store
from etna_pipelines.anonymise.kernels.folding import is_space
from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.kernels.siphash import Hashes, hashes_of, wide_hashes_of
from etna_pipelines.anonymise.pseudonyms.phones import national_numbers, phone_forms
from etna_pipelines.anonymise.pseudonyms.pools import METHODS, in_ascii, pool
from etna_pipelines.anonymise.values import NULL_LENGTH, Bytes, Choice, Numbers, Values

__all__ = ["EMAIL_DOMAIN", "METHODS", "TOKEN_DIGITS", "Pseudonyms", "pool"]

TOKEN_DIGITS = 16  # of hex: 64 bits, so that among a million values two agree once in 37 million snapshots

EMAIL_DOMAIN = "example.com"  # reserved by RFC 2606: no mail to it can be delivered

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

    def subkey(self, kind: str) -> str:
        """The key of one kind of value, as 32 hex digits (16 bytes): domain separation."""
        return hashlib.blake2b(kind.encode(), key=self._key, digest_size=16, person=b"etna-pipelines").hexdigest()

    def numbers(self, values: Values, kind: str) -> Hashes:
        """A keyed number of 64 bits for each value, 0 for NULL: for whatever a mask picks, shifts or draws."""
        return self._hashes(values, f"number.{kind}")

    def token(self, values: Values, kind: str, digits: int = TOKEN_DIGITS, begin: str = "") -> Values:
        """`begin` and `digits` (at most 64) hex digits that tell values apart."""
        hashes = wide_hashes_of(values, bytes.fromhex(self.subkey(kind)))
        if digits > 2 * TOKEN_DIGITS:  # 128 bits tell values apart: what more is asked for is made of them
            wide = Values(hashes.ravel().view(np.uint8), np.arange(len(values)) * 16, np.full(len(values), 16))
            hashes = np.concatenate([hashes, wide_hashes_of(wide, bytes.fromhex(self.subkey(f"{kind}.more")))], axis=1)
        return _hex_of(values.nulls, hashes, digits, begin)

    def fake(self, values: Values, kind: str) -> Values:
        """A first name, last name, company ... for each: what is equal without regard to case stays equal."""
        return _picked(_pool(kind, self._locale), self._hashes(values, f"fake.{kind}", folded=True), values.nulls)

    def full_name(self, values: Values) -> Values:
        """`First Last` of a full name, each word by the pseudonym that it has alone."""
        starts, ends, rest_starts, rest_lengths = _words(values.buffer, values.starts, values.lengths)
        first = self.fake(Values(values.buffer, starts, np.where(values.nulls, NULL_LENGTH, ends - starts)), "first")
        last = self.fake(Values(values.buffer, rest_starts, rest_lengths), "last")
        return first.then(last, b" ").where((ends > starts) | values.nulls, values)

    def username(self, values: Values, length: int | None = None, *, exact: bool = False) -> Values:
        """`first.<token>`; the token alone where that does not fit. `exact`: upper and lower case tell values apart,
        and what is in lower case has the pseudonym that it always has."""
        return self._handle(values, "username", length, exact)

    def email(self, values: Values, length: int | None = None, *, exact: bool = False) -> Values:
        """`first.<token>@example.com`: never deliverable, and unique where the originals are without regard to case
        (`exact`: with regard to it)."""
        return self._handle(values, "email", length, exact, f"@{EMAIL_DOMAIN}")

    def phone(self, values: Values) -> Values:
        """A number of Ofcom's drama ranges; +44 where the original began with it, spaces where it had any."""
        numbers, forms = national_numbers(values)
        hashes = self._hashes(numbers, "phone")
        areas = hashes % np.uint64(len(phone_forms()) // 4) * np.uint64(4) + forms.astype(np.uint64)
        begin = _picked(phone_forms(), areas, values.nulls)
        return begin.then(_picked(_thousand(), hashes >> np.uint64(32), values.nulls))

    def file(self, values: Values) -> Values:
        """The path of a file under another name, in its folders, with its extension: `documents/<token>.pdf`."""
        paths = values.series()
        folders = Values.of(paths.str.extract(r"^(.*/)").fill_null(""))
        extensions = Values.of(paths.str.extract(_EXTENSION).fill_null(""))
        named = folders.then(self.token(values, "file")).then(extensions)
        return named.where(~values.nulls, values)

    @cached_property
    def emitted(self) -> frozenset[str]:
        """Every single word, lower case, that a pseudonym may consist of: no sign of a leak by itself."""
        return frozenset(
            word.lower()
            for kind in ("first", "last")
            for name in pool(kind, self._locale)
            for word in (name, *name.split())
        )

    def _hashes(self, values: Values, kind: str, *, folded: bool = False) -> Hashes:
        return hashes_of(values, bytes.fromhex(self.subkey(kind)), folded=folded)

    def _handle(self, values: Values, kind: str, length: int | None, exact: bool, end: str = "") -> Values:
        # No surname: with one, a handle could by chance spell an original's full name, which the proof looks for.
        hashes = self._hashes(values, kind, folded=not exact)
        first = _picked(_handles(self._locale), hashes, values.nulls)
        handles = first.then(_hex_of(values.nulls, hashes.reshape(-1, 1), TOKEN_DIGITS, ".", end))
        if length is None or handles.lengths.max(initial=0) <= length:
            return handles
        short = _hex_of(values.nulls, hashes.reshape(-1, 1), min(length - len(end), TOKEN_DIGITS), end=end)
        return handles.where(handles.lengths <= length, short)


@lru_cache
def _thousand() -> Values:
    return Values.of(f"{number:03}" for number in range(1000))


@lru_cache
def _pool(kind: str, locale: str) -> Values:
    return Values.of(pool(kind, locale))


@lru_cache
def _handles(locale: str) -> Values:
    return Values.of(in_ascii("first", locale))


def _picked(known: Values, hashes: Hashes, nulls: Choice) -> Values:
    """One of the known for each hash. Nothing is copied."""
    chosen = known.at((hashes % np.uint64(len(known))).astype(np.intp))
    return Values(chosen.buffer, chosen.starts, np.where(nulls, NULL_LENGTH, chosen.lengths))


def _hex_of(nulls: Choice, hashes: Hashes, digits: int, begin: str = "", end: str = "") -> Values:
    """`digits` hex digits of each value's hashes, 16 of each, with what stands before and behind them."""
    before, behind = np.frombuffer(begin.encode(), np.uint8), np.frombuffer(end.encode(), np.uint8)
    width = len(before) + digits + len(behind)
    return Values(
        _hex(hashes, digits, before, behind),
        np.arange(len(nulls)) * width,
        np.where(nulls, NULL_LENGTH, width),
    )


@kernel
def _hex(hashes: Hashes, digits: int, before: Bytes, behind: Bytes) -> Bytes:
    width = len(before) + digits + len(behind)
    out = np.empty(len(hashes) * width + 2 * SLACK, np.uint8)
    for row in range(len(hashes)):
        place = copy(out, row * width, before, 0, len(before))
        for half in range((digits + 7) // 8):
            word = hashes[row, half // 2] >> np.uint64(32 * (half % 2))
            store(out, place + 8 * half, hexed(word & np.uint64(0xFFFFFFFF)))
        copy(out, place + digits, behind, 0, len(behind))
    return out


@kernel
def _words(buffer: Bytes, starts: Numbers, lengths: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Where the first word of each value starts and ends (nowhere in a blank one), where the rest starts, and its
    length, if there is any."""
    firsts, ends = starts.copy(), starts.copy()
    rests, rest_lengths = starts.copy(), np.full(len(starts), NULL_LENGTH)
    for row in range(len(starts)):
        start, end = starts[row], starts[row] + max(lengths[row], 0)
        while start < end and is_space(buffer[start]):
            start += 1
        while end > start and is_space(buffer[end - 1]):
            end -= 1
        firsts[row] = start
        while start < end and buffer[start] != 32:
            start += 1
        ends[row] = start
        if start < end:
            rests[row], rest_lengths[row] = start + 1, end - start - 1
    return firsts, ends, rests, rest_lengths
