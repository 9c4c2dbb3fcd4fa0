"""scrub: free text and JSON rewritten inside, with the rest left byte for byte.

Nothing is parsed and nothing serialised again, so numbers keep every digit, keys their order, and JSON in JSON strings
works at any depth: personal pieces are found as they are written, encodings included, and replaced in place by their
pseudonyms in the same encoding, which are made of characters that need no escaping anywhere.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from ahocorasick_rs import BytesAhoCorasick

from etna_pipelines.anonymise import patterns
from etna_pipelines.anonymise.identities import Identities, ascii_lower
from etna_pipelines.anonymise.neighbours import Owner, names_beside, owner_of
from etna_pipelines.anonymise.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.values import Values

_SEPARATOR = "\0"  # between the texts of a block while they are searched as one: PostgreSQL's text has none

_ENDS_IN_ESCAPE = re.compile(rb"(?:\\[nrtbfv]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|&#?\w{1,8};)$")
_KEY_AFTER = re.compile(rb'\\*"\s*:')
_QUOTE = re.compile(rb'\\*"')
_JSON = re.compile(rb'\s*(?:\[|\{\s*(?:\}|\\*"(?:[^"\\]|\\.)*"\s*:))')
_BETWEEN_STRINGS = re.compile(rb"(?:[\s\d.,:+\-\[\]{}eE]|true|false|null)*")
_LOOKED_BACK = 200  # bytes in which the string before a JSON number is looked for


class Scrubber:
    """Rewrites texts; `prepare` it once the identities are collected."""

    def __init__(self, pseudonyms: Pseudonyms, identities: Identities, public: Public) -> None:
        self._pseudonyms = pseudonyms
        self._identities = identities
        self._public = public
        self._known = _Replacements({})

    def prepare(self) -> None:
        """Build the search for the identities collected so far."""
        self._known = _Replacements(self._identities.patterns())

    def scrub(self, texts: Values) -> Values:
        """The texts without personal data; NULL stays NULL."""
        return Values.of(self._scrub(texts.series()))

    def _scrub(self, texts: pl.Series) -> pl.Series:
        filled = texts.drop_nulls()
        if not len(filled):
            return texts
        haystack = _SEPARATOR.join(filled).encode()
        replacements = self._replacements(patterns.candidates(filled))
        found = _Replacements(replacements).find(haystack)
        owners = self._names_beside(haystack, replacements, found)
        rewritten = _rewrite(haystack, [*self._known.find(haystack), *found, *owners])
        if rewritten == haystack:
            return texts
        clean = pl.Series(rewritten.decode().split(_SEPARATOR), dtype=pl.String)
        return clean if len(clean) == len(texts) else texts.clone().scatter(texts.is_not_null().arg_true(), clean)

    def _replacements(self, candidates: list[str]) -> dict[str, str]:
        """What each candidate that is personal becomes, in the dress it has, keyed in ASCII lower case."""
        by_kind: dict[patterns.Kind, list[str]] = {}
        for candidate in candidates:
            if kind := patterns.kind_of(candidate):
                by_kind.setdefault(kind, []).append(candidate)
        makers: dict[patterns.Kind, Callable[[list[str]], list[str]]] = {
            "secret": self._secrets,
            "email": self._emails,
            "phone": self._phones,
            "national_insurance": lambda found: self._numbers(found, "national_insurance", "ZZ{:.6}A"),
            "card": lambda found: self._numbers(found, "card", "999999{}"),
            "ip": self._addresses,
            "base64": self._base64,
        }
        return {
            ascii_lower(original): instead
            for kind, found in by_kind.items()
            for original, instead in zip(found, makers[kind](found), strict=True)
            if instead != original
        }

    def _names_beside(self, haystack: bytes, replacements: dict[str, str], found: list["_Hit"]) -> list["_Hit"]:
        """The names of people that are not known from any column, where they stand beside their own address."""
        strangers: dict[bytes, Owner] = {}
        for piece in replacements:
            address = patterns.plain(piece)
            if "@" in address and (owner := owner_of(address, self._is_known)):
                strangers[piece.encode()] = owner
        named = [
            name
            for hit in found
            if (owner := strangers.get(haystack[hit.start : hit.end].lower()))
            for name in names_beside(haystack, hit.start, hit.end, owner, _SEPARATOR.encode())
            if not _is_keyword(haystack, name.start, name.end)
        ]
        hits: list[_Hit] = []
        for kind in ("first", "last"):
            names = [name for name in named if name.kind == kind]
            fakes = self._pseudonyms.fake(Values.of([name.plain for name in names]), kind).series()
            hits += [_Hit(name.start, name.end, fake) for name, fake in zip(names, fakes, strict=True)]
        return hits

    def _is_known(self, parts: tuple[str, ...]) -> bool:
        """Whether the search for known identities finds the owner of an address made of `parts` by itself."""
        return " ".join(parts) in self._known or any(part in self._known for part in parts)

    def _secrets(self, found: list[str]) -> list[str]:
        """`token=...` with another value."""
        split = [patterns.SECRET_SIGN.split(piece, maxsplit=1) for piece in found]
        tokens = self._pseudonyms.token(Values.of([value for _, _, value in split]), "hash").series()
        return [name + sign + token for (name, sign, _), token in zip(split, tokens, strict=True)]

    def _emails(self, found: list[str]) -> list[str]:
        plain = [patterns.plain(email) for email in found]
        fakes = self._pseudonyms.email(Values.of(plain)).series()
        return [
            original if self._public.publishes(email) else fake.replace("@", patterns.at_sign(original))
            for original, email, fake in zip(found, plain, fakes, strict=True)
        ]

    def _phones(self, found: list[str]) -> list[str]:
        fakes = self._pseudonyms.phone(Values.of([patterns.plain(phone) for phone in found])).series()
        return [_fill(original, fake) for original, fake in zip(found, fakes, strict=True)]

    def _numbers(self, found: list[str], kind: str, form: str) -> list[str]:
        """The same shape with other digits, beginning with a prefix that is never issued."""
        digests = self._pseudonyms.digest(pl.Series([patterns.plain(text).upper() for text in found]), kind)
        digits = ["".join(str(int(digit, 16) % 10) for digit in digest) for digest in digests]
        return [_fill(original, form.format(number)) for original, number in zip(found, digits, strict=True)]

    def _addresses(self, found: list[str]) -> list[str]:
        """An address of TEST-NET-1 to 3 (RFC 5737)."""
        digests = self._pseudonyms.digest(pl.Series(found), "ip")
        nets = self._pseudonyms.pick(digests, pl.Series(["192.0.2", "198.51.100", "203.0.113"]))
        hosts = self._pseudonyms.pick(digests, pl.Series([str(host) for host in range(1, 255)]), part=1)
        return (nets + "." + hosts).to_list()

    def _base64(self, found: list[str]) -> list[str]:
        """Text that was packed in base64, scrubbed and packed again; what is no text is left alone."""
        texts = [unpack(piece) for piece in found]
        inside = pl.Series([text for text in texts if text is not None], dtype=pl.String)
        scrubbed = iter(self._scrub(inside) if len(inside) else ())
        return [
            piece if text is None else _packed_again(piece, text, next(scrubbed))
            for piece, text in zip(found, texts, strict=True)
        ]


def unpack(piece: str) -> str | None:
    """The text in a piece of base64 (either alphabet), None where it holds no printable UTF-8."""
    standard = piece.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def _packed_again(piece: str, text: str, clean: str) -> str:
    if clean == text:
        return piece
    packed = base64.b64encode(clean.encode()).decode()
    packed = packed if piece.endswith("=") or len(piece) % 4 == 0 else packed.rstrip("=")
    return packed.replace("+", "-").replace("/", "_") if "-" in piece or "_" in piece else packed


def _fill(shape: str, fake: str) -> str:
    """The letters and digits of `fake` poured into the shape of the original: `07700 900123`, `AB 12 34 56 C`."""
    if "%" in shape or "&" in shape or "\\" in shape:
        return "".join(fake.split())
    source = iter(re.sub(r"\W", "", fake))
    return re.sub(r"\w", lambda _: next(source, "0"), shape)


@dataclass(frozen=True)
class _Hit:
    """A piece of the haystack (byte offsets), and what to write instead."""

    start: int
    end: int
    instead: str


class _Replacements:
    """A search for many pieces at once, blind to ASCII case."""

    def __init__(self, replacements: dict[str, str]) -> None:
        self._pieces = replacements.keys()
        self._instead = list(replacements.values())
        self._search = BytesAhoCorasick([piece.encode() for piece in replacements]) if replacements else None

    def __contains__(self, piece: str) -> bool:
        return piece in self._pieces

    def find(self, haystack: bytes) -> list[_Hit]:
        if self._search is None:
            return []
        matches = self._search.find_matches_as_indexes(haystack.lower(), overlapping=True)
        return [_Hit(start, end, self._instead[which]) for which, start, end in matches]


def _rewrite(haystack: bytes, hits: list[_Hit]) -> bytes:
    """Write the pseudonyms in, leftmost and longest first, where a piece stands for itself."""
    out: list[bytes] = []
    done = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start < done or not _stands_alone(haystack, hit):
            continue
        out += (haystack[done : hit.start], _in_case_of(haystack[hit.start : hit.end].decode(), hit.instead).encode())
        done = hit.end
    return b"".join([*out, haystack[done:]])


def _stands_alone(haystack: bytes, hit: _Hit) -> bool:
    """Whether the piece is a word of its own, and neither a JSON key of one word nor part of a JSON number."""
    piece = haystack[hit.start : hit.end]
    if b"@" in piece:
        return True
    before, after = haystack[max(0, hit.start - 12) : hit.start], haystack[hit.end : hit.end + 12]
    if _text(after)[:1].isalnum() or (_text(before)[-1:].isalnum() and not _ENDS_IN_ESCAPE.search(before)):
        return False
    if piece.isdigit():
        return not _is_number(haystack, hit)
    return not (piece.isalnum() and before.endswith(b'"') and _KEY_AFTER.match(after))


def _is_keyword(haystack: bytes, start: int, end: int) -> bool:
    """Whether a piece is all of a quoted string in lower case, as a StreamField's block says its type."""
    quoted = haystack[start - 1 : start] == b'"' and _QUOTE.match(haystack, end)
    return bool(quoted) and haystack[start:end].islower()


def _is_number(haystack: bytes, hit: _Hit) -> bool:
    """Whether digits are (part of) a JSON number: in JSON, and after a string's end rather than after its beginning."""
    row = haystack.rfind(_SEPARATOR.encode(), 0, hit.start) + 1
    before = haystack[max(row, hit.start - _LOOKED_BACK) : hit.start]
    between = before[before.rfind(b'"') + 1 :]
    if haystack.startswith(b"0", hit.start) and not between.endswith((b".", b"e", b"E", b"+", b"-")):
        return False  # no number begins with a zero and another digit
    closed = between == before or between.lstrip()[:1] in (b":", b",", b"]", b"}")
    return closed and bool(_BETWEEN_STRINGS.fullmatch(between) and _JSON.match(haystack, row))


def _text(raw: bytes) -> str:
    return raw.decode(errors="ignore")


def _in_case_of(piece: str, pseudonym: str) -> str:
    """`JANE DOE` and `jane-doe` keep their case."""
    if piece.isupper() and len(piece) > 1:
        return pseudonym.upper()
    return pseudonym.lower() if piece.islower() else pseudonym
