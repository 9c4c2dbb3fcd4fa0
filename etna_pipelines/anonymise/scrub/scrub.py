"""scrub: free text and JSON rewritten inside, with the rest left byte for byte.

Nothing is parsed and nothing serialised again, so numbers keep every digit, keys their order, and JSON in JSON strings
works at any depth: what is personal is found in a plain reading of the text and replaced where it stands, in the
encoding that it has there. Texts in which nothing is found are not even copied.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from etna_pipelines.anonymise.pseudonyms.pseudonyms import EMAIL_DOMAIN, TOKEN_DIGITS, Pseudonyms
from etna_pipelines.anonymise.pseudonyms.stand_ins import StandIns
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub import dress, patterns
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.json_place import is_key, is_keyword, is_number
from etna_pipelines.anonymise.scrub.mentions import Mentions
from etna_pipelines.anonymise.scrub.neighbours import names_beside, owners_of
from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.values import Values

_PSEUDONYM = re.compile(rf"[a-z]+\.[0-9a-f]{{{TOKEN_DIGITS}}}@{re.escape(EMAIL_DOMAIN)}", re.I)  # of an address
_REST_OF_SECRET = re.compile(rb"""[^\s&"'<>#\\;,\x00]*""")


class _Edit(NamedTuple):
    """A piece of the plain texts (offsets in bytes), and what to write instead."""

    start: int
    end: int
    instead: str
    kind: patterns.Kind | None = None
    """None for names."""


@dataclass
class Scrubber:
    """Rewrites texts, from several threads if need be; `prepare` it once the identities are collected."""

    pseudonyms: Pseudonyms
    identities: Identities
    public: Public

    def __post_init__(self) -> None:
        self._stand_ins = StandIns(self.pseudonyms)
        self._mentions: Mentions | None = None

    def prepare(self, tick: Callable[[], None] = lambda: None) -> None:
        """Build the search for the identities collected so far; `tick` is called now and then."""
        self._mentions = self.identities.mentions(tick)

    def scrub(self, texts: Values) -> Values:
        """The texts without personal data; NULL stays NULL."""
        plain = Plain.of(texts)
        haystack = plain.buffer.tobytes()
        names = self._names(plain, haystack)
        pieces = self._pieces(texts, plain, haystack)
        edits = [*names, *pieces, *self._names_beside(haystack, pieces)]
        kept = [edit for edit in edits if edit.instead != haystack[edit.start : edit.end].decode()]
        return _rewritten(texts, plain, haystack, kept) if kept else texts

    def _names(self, plain: Plain, haystack: bytes) -> list[_Edit]:
        """Of known people, but those that are a JSON key of one word."""
        if self._mentions is None:
            return []
        return [
            _Edit(start, end, _in_case_of(haystack[start:end].decode(), fake))
            for start, end, fake in self._mentions.find(plain, self._is_public)
            if not is_key(haystack, start, end)
        ]

    def _pieces(self, texts: Values, plain: Plain, haystack: bytes) -> list[_Edit]:
        """What patterns find, each distinct piece judged and replaced once."""
        found = self._trimmed(texts, plain, haystack, patterns.found(plain.buffer))
        by_kind: defaultdict[patterns.Kind, set[str]] = defaultdict(set)
        for start, end, kind in found:
            by_kind[kind].add(haystack[start:end].decode())
        instead = {kind: self._instead(kind, sorted(pieces)) for kind, pieces in by_kind.items()}
        return [
            _Edit(start, end, instead[kind][haystack[start:end].decode()], kind)
            for start, end, kind in found
            if not (haystack[start:end].isdigit() and is_number(haystack, start))
        ]

    def _trimmed(
        self, texts: Values, plain: Plain, haystack: bytes, found: list[patterns.Piece]
    ) -> list[patterns.Piece]:
        """Addresses in URLs without what a plus divides from them: there it is a space."""
        trimmed = []
        for piece in found:
            start, end, kind = piece
            if kind == "email" and b"+" in haystack[start:end]:
                first, last = plain.places(np.array([start, end])).tolist()
                raw = texts.buffer[first:last].tobytes()
                if b"@" not in raw and b"+" in raw:  # what is encoded as %2B is a plus
                    behind = Plain.of(Values.of([raw.rpartition(b"+")[2].decode()]))
                    piece = patterns.Piece(end - int(behind.lengths[0]), end, kind)
            trimmed.append(piece)
        return trimmed

    def _instead(self, kind: patterns.Kind, pieces: list[str]) -> dict[str, str]:
        """What each becomes: itself where it is public."""
        if kind == "base64":
            return dict(zip(pieces, self._base64(pieces), strict=True))
        made = dict(zip(pieces, self._stand_ins.of(kind, pieces), strict=True))
        for piece in pieces:
            stays = self._is_public(piece) or (kind == "email" and self._stays(piece))
            made[piece] = piece if stays else _in_case_of(piece, made[piece])
        return made

    def _stays(self, email: str) -> bool:
        return self.public.publishes(email) or _PSEUDONYM.fullmatch(email) is not None

    def _is_public(self, piece: str) -> bool:
        return bool(self.public.words or self.public.hashes) and self.public.why_allowed(piece) is not None

    def _base64(self, pieces: list[str]) -> list[str]:
        """Text that was packed in base64, scrubbed and packed again; what is no text is left alone."""
        texts = [unpack(piece) for piece in pieces]
        scrubbed = self.scrub(Values.of(texts)).to_list()
        return [
            piece if text is None or clean is None else _packed_again(piece, text, clean)
            for piece, text, clean in zip(pieces, texts, scrubbed, strict=True)
        ]

    def _names_beside(self, haystack: bytes, pieces: list[_Edit]) -> list[_Edit]:
        """The names of people that are not known from any column, where they stand beside their own address."""
        addresses = [edit for edit in pieces if edit.kind == "email"]
        private = {plain for edit in addresses if (plain := haystack[edit.start : edit.end].decode()) != edit.instead}
        owners = owners_of(private, self._mentions.holds if self._mentions else lambda names: [False] * len(names))
        named = [
            name
            for edit in addresses
            if (owner := owners.get(haystack[edit.start : edit.end].decode()))
            for name in names_beside(haystack, edit.start, edit.end, owner, b"\0")
            if not is_key(haystack, name.start, name.end) and not is_keyword(haystack, name.start, name.end)
        ]
        edits: list[_Edit] = []
        for kind in ("first", "last"):
            names = [name for name in named if name.kind == kind]
            fakes = self.pseudonyms.fake(Values.of([name.plain for name in names]), kind).to_list()
            for name, fake in zip(names, fakes, strict=True):
                edits.append(_Edit(name.start, name.end, _in_case_of(name.plain, fake or "")))
        return edits


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


def _rewritten(texts: Values, plain: Plain, haystack: bytes, edits: list[_Edit]) -> Values:
    """Write the pseudonyms in, leftmost and longest first."""
    edits.sort(key=lambda edit: (edit.start, -edit.end))
    offsets = np.array([(edit.start, edit.end) for edit in edits], np.int64)
    rows = (np.searchsorted(plain.starts, offsets[:, 0], "right") - 1).tolist()
    places = plain.places(offsets.ravel()).reshape(-1, 2).tolist()
    raw = texts.buffer.tobytes()
    parts_of: defaultdict[int, list[bytes]] = defaultdict(list)
    done: dict[int, int] = {}
    for edit, row, (start, end) in zip(edits, rows, places, strict=True):
        begin = done.get(row, int(texts.starts[row]))
        if start < begin:
            continue
        if edit.kind == "secret" and raw[start - 1 : start] == b"=" and raw[end : end + 1] == b"%":
            rest = _REST_OF_SECRET.match(raw, end, int(texts.starts[row] + texts.lengths[row]))
            end = rest.end() if rest else end
        parts_of[row] += (raw[begin:start], dress.dressed(raw[start:end], edit.instead, haystack, edit.start))
        done[row] = end
    for row, end in done.items():
        parts_of[row].append(raw[end : int(texts.starts[row] + texts.lengths[row])])
    return _with(texts, {row: b"".join(parts) for row, parts in parts_of.items()})


def _with(texts: Values, changed: dict[int, bytes]) -> Values:
    """The texts with some of them changed; the others stay where they are."""
    rows = np.fromiter(changed, np.int64, len(changed))
    lengths, starts = texts.lengths.copy(), texts.starts.copy()
    lengths[rows] = np.fromiter(map(len, changed.values()), np.int64, len(changed))
    starts[rows] = len(texts.buffer) + np.cumsum(lengths[rows]) - lengths[rows]
    buffer = np.concatenate([texts.buffer, np.frombuffer(b"".join(changed.values()), np.uint8)])
    return Values(buffer, starts, lengths)


def _in_case_of(piece: str, pseudonym: str) -> str:
    """`JANE DOE` and `jane-doe` keep their case."""
    if piece.isupper() and len(piece) > 1:
        return pseudonym.upper()
    return pseudonym.lower() if piece.islower() else pseudonym
