"""The scan of bytes for originals: what is found, of which kind, and where, in every reading of the bytes."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

import numpy as np

from etna_pipelines.anonymise.kernels.kernel import kernel
from etna_pipelines.anonymise.proof import contacts, search
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.readings import Reading, readings
from etna_pipelines.anonymise.pseudonyms.pseudonyms import EMAIL_DOMAIN
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.values import Bytes, Numbers

DEPTH = 16
"""Encodings within encodings that are undone."""

LONG = 14
"""Bytes of an address that is no chance where tokens of random bytes are unpacked."""

NAME, PHONE, EMAIL, FOREIGN = (
    "original name, username or secret",
    "original phone number",
    "original e-mail",
    "e-mail that is not allowed",
)
"""Kinds of findings."""

_AT = ord("@")
_DIVIDING = b"\t\n"
_KINDS = {search.SEQUENCE: NAME, search.PHONE: PHONE}


class Hit(NamedTuple):
    """Something that must not be there: its kind, where in the scanned bytes."""

    kind: str
    position: int


@dataclass
class Seen:
    """What a scan saw: hits of each reading, what was allowed in whichever reading the most was, and bytes decoded."""

    readings: list[list[Hit]] = field(default_factory=list)
    allowed: Counter[str] = field(default_factory=Counter)
    decoded: int = 0

    @property
    def hits(self) -> Counter[str]:
        """By kind, as many as the reading with the most has."""
        total: Counter[str] = Counter()
        for hits in self.readings:
            total |= Counter(hit.kind for hit in hits)
        return total

    def by_column(self, raw: bytes) -> Counter[tuple[int, str, bool]]:
        """Likewise, by the position of the column in lines of COPY text, and by whether a field begins with it."""
        total: Counter[tuple[int, str, bool]] = Counter()
        for hits in self.readings:
            if hits:
                positions = np.array(sorted({hit.position for hit in hits}), np.int64)
                columns = dict(zip(positions.tolist(), _columns(_array(raw), positions).tolist(), strict=True))
                total |= Counter((columns[at], kind, at == 0 or raw[at - 1] in _DIVIDING) for kind, at in hits)
        return total


class Scan:
    """Scans any bytes for what `originals` hold; threads may share it."""

    def __init__(self, originals: Originals, public: Public) -> None:
        self._known = search.known_of(originals)
        self._public = public
        self._verdicts: dict[tuple[str, int], str | None] = {}
        self._lock = Lock()

    def scan(self, raw: bytes) -> Seen:
        """Fields end with tabs and newlines; no name reaches across."""
        seen = Seen()
        self._scan(_array(raw), None, seen, DEPTH)
        return seen

    def _scan(self, raw: Bytes, made_of: Reading | None, seen: Seen, depth: int) -> None:
        found, marks = search.find(raw, self._known)
        allowed: Counter[str] = Counter()
        hits = [
            Hit(_KINDS[kind], start)
            for kind, hash_, start, end in zip(*(each.tolist() for each in found), strict=True)
            if not self._is_allowed(_KINDS[kind], hash_, raw, start, end, allowed)
        ]
        signs = raw[marks] == _AT
        shortest = LONG if made_of and made_of.unpacked else 0
        hits += self._emails(raw, marks[signs], allowed, shortest)
        if made_of:
            hits = [Hit(hit.kind, made_of.origin(hit.position)) for hit in hits]
        seen.readings.append(hits)
        seen.allowed |= allowed
        for hidden in readings(raw, marks[~signs]) if depth else ():
            if made_of:
                hidden = hidden.within(made_of)
            seen.decoded += len(hidden.raw)
            self._scan(hidden.raw, hidden, seen, depth - 1)

    def _emails(self, raw: Bytes, signs: Numbers, allowed: Counter[str], shortest: int) -> list[Hit]:
        """Addresses that are an original's; foreign ones of at least `shortest` bytes."""
        if not len(signs):
            return []
        starts, ends, ats, domains, known = contacts.addresses(raw, signs, self._known.letters, self._known.emails)
        if not len(ats):
            return []
        hits = []
        each, firsts, inverse, counts = np.unique(domains, return_index=True, return_inverse=True, return_counts=True)
        reasons = [
            self._verdict("domain", hash_, raw, ats[first], ends[first])
            for hash_, first in zip(each.tolist(), firsts.tolist(), strict=True)
        ]
        for reason, count in zip(reasons, counts.tolist(), strict=True):
            if reason:
                allowed[reason] += count
        foreign = np.array([reason is None for reason in reasons], np.bool_)[inverse] & (ends - starts >= shortest)
        for kind, chosen in ((EMAIL, known != 0), (FOREIGN, foreign)):
            for place in np.flatnonzero(chosen).tolist():
                start, end = int(starts[place]), int(ends[place])
                if not self._is_allowed(kind, int(known[place]), raw, start, end, allowed):
                    hits.append(Hit(kind, start))
        return hits

    def _is_allowed(self, kind: str, hash_: int, raw: Bytes, start: int, end: int, allowed: Counter[str]) -> bool:
        reason = self._verdict(kind, hash_, raw, start, end)
        if reason:
            allowed[reason] += 1
        return bool(reason)

    def _verdict(self, kind: str, hash_: int, raw: Bytes, start: int, end: int) -> str | None:
        """Why a found text is allowed. The same hash gets the same answer, so that it is thought about once."""
        key = (kind, hash_)
        with self._lock:
            if hash_ and key in self._verdicts:
                return self._verdicts[key]
        text = raw[start:end].tobytes().decode(errors="replace")
        reason = self._why(text) if kind == "domain" else self._public.why_allowed(text)
        with self._lock:
            self._verdicts[key] = reason
        return reason

    def _why(self, at_domain: str) -> str | None:
        if not self._public.allows_email(at_domain):
            return None
        made = at_domain.lower() == f"@{EMAIL_DOMAIN}" and not self._public.publishes(at_domain)
        return f"e-mail at {at_domain[1:].lower()}, {'made by the strip' if made else 'one of public: domains'}"


def _array(raw: bytes) -> Bytes:
    return np.frombuffer(raw, np.uint8)


@kernel
def _columns(raw: Bytes, positions: Numbers) -> Numbers:
    """The tabs between each position (in order) and the beginning of its line."""
    columns = np.empty(len(positions), np.int64)
    column = place = 0
    for row in range(len(positions)):
        while place < positions[row]:
            if raw[place] == 9:
                column += 1
            elif raw[place] == 10:
                column = 0
            place += 1
        columns[row] = column
    return columns
