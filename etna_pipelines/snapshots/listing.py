"""A store's snapshots at a glance, quickly.

What a published snapshot is never changes, and its manifest takes a while to read. So what was read of it once, and
authenticated, is remembered in a file of this machine's own, under the home. It is for lists: whatever is used is read
and authenticated whole.
"""

import hashlib
import hmac
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from etna_pipelines.errors import EtnaError, SnapshotDamaged, SnapshotMissing, SnapshotUnreadable, StoreRefused
from etna_pipelines.keys import SigningKeys
from etna_pipelines.private_file import replace_private
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import KINDS, Kind, Manifest


def listable(catalogue: Catalogue) -> tuple[list[Kind], list[StoreRefused]]:
    """The kinds that these credentials may list, and why not others. Raises StoreRefused where they may list none."""
    kinds: list[Kind] = []
    refused: list[StoreRefused] = []
    for kind in KINDS:
        try:
            catalogue.folders(kind)
            kinds.append(kind)
        except StoreRefused as problem:
            refused.append(problem)
    if not kinds:
        raise refused[0]
    return kinds, refused


class Listed(BaseModel):
    """What lists tell of a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    id: str
    parent: str | None
    is_subset: bool
    bytes: int
    rows: int
    database: str
    rules: str = ""
    """The rules' digest; empty for a full one."""
    key_id: str = ""
    proven: bool | None = None

    @classmethod
    def of(cls, manifest: Manifest) -> "Listed":
        return cls(
            kind=manifest.kind,
            id=manifest.id,
            parent=manifest.parent,
            is_subset=manifest.part is not None,
            bytes=manifest.bytes,
            rows=manifest.rows,
            database=manifest.source.database,
            rules=manifest.rules.digest if manifest.rules else "",
            key_id=manifest.rules.key_id if manifest.rules else "",
            proven=manifest.proof.passed if manifest.proof else None,
        )


@dataclass(frozen=True)
class Unreadable:
    """A snapshot whose manifest can't be trusted, and the sentence that says why."""

    kind: Kind
    id: str
    problem: EtnaError


_MEMORY = TypeAdapter(list[Listed])


@dataclass(frozen=True)
class Memory:
    """What was read before. Of another key, or damaged, it counts as empty."""

    file: Path
    keys: SigningKeys = field(repr=False)

    @classmethod
    def of(cls, home: Path, catalogue: Catalogue) -> "Memory":
        """That of one store."""
        name = hashlib.sha256(catalogue.store.location().encode()).hexdigest()[:16]
        return cls(home / "cache" / f"snapshots-{name}.json", catalogue.keys)

    def recall(self) -> dict[tuple[Kind, str], Listed]:
        try:
            mac, _, data = self.file.read_bytes().partition(b"\n")
            if not hmac.compare_digest(mac, self._mac(data)):
                return {}
            return {(each.kind, each.id): each for each in _MEMORY.validate_json(data)}
        except (OSError, ValidationError):
            return {}

    def keep(self, found: Iterable[Listed]) -> None:
        data = _MEMORY.dump_json([*found])
        with suppress(OSError):  # what can't be remembered is read again
            replace_private(self.file, self._mac(data) + b"\n" + data)

    def _mac(self, data: bytes) -> bytes:
        return hmac.new(self.keys.newest, b"etna-listing\n" + data, hashlib.sha256).hexdigest().encode()


def listing(
    catalogue: Catalogue, memory: Memory | None = None, kinds: Iterable[Kind] = KINDS
) -> list[Listed | Unreadable]:
    """The published snapshots, oldest first, without those that are retired. With a memory, those that it knows are not
    read again. Raises StoreError."""
    known = memory.recall() if memory else {}
    found: list[Listed | Unreadable] = []
    for kind in kinds:
        retired = catalogue.retired(kind)
        for id_ in catalogue.folders(kind):
            if id_ not in retired:
                with suppress(SnapshotMissing):  # a draft
                    found.append(known.get((kind, id_)) or _read(catalogue, kind, id_))
    readable = [each for each in found if isinstance(each, Listed)]
    if memory and {(each.kind, each.id): each for each in readable} != known:
        memory.keep(readable)
    return sorted(found, key=lambda each: each.id)


def _read(catalogue: Catalogue, kind: Kind, id_: str) -> Listed | Unreadable:
    try:
        return Listed.of(catalogue.read(kind, id_))
    except (SnapshotDamaged, SnapshotUnreadable) as problem:
        return Unreadable(kind, id_, problem)
