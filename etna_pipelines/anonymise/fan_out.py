"""A strip and its proof shared out: by parts, which others do elsewhere, with nothing in common but the store.

    begin -> read_first, part by part -> gather -> strip, part by part -> assemble -> prove, part by part -> conclude

Whoever does a step finds what it needs in the store: the full snapshot, and in the workroom what was done before. A
step that is done twice leaves the same; one that was killed left nothing that counts. The archive is byte for byte what
engine.strip makes, because it is made of the same pieces by the same functions.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from importlib.metadata import version

from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.engine import Stripped, begun, finished
from etna_pipelines.anonymise.outcome import Outcome, StrippedPiece
from etna_pipelines.anonymise.parts import Part, parts
from etna_pipelines.anonymise.proof.proof import Found, Proving, conclude
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.anonymise.stripping import Bundle, Stripping, no_originals
from etna_pipelines.anonymise.workroom import Workroom, clear
from etna_pipelines.errors import SettingsError, StoreRefused
from etna_pipelines.progress import Progress, silent
from etna_pipelines.snapshots.catalogue import MANIFEST
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest
from etna_pipelines.snapshots.pieces import slices_of
from etna_pipelines.stores.store import Store

WORKERS = 1
"""Threads of a part: as many parts are done at a time as there are workers for them."""

MAKERS = ("etna-pipelines", "isal", "polars")
"""Distributions whose version may decide which bytes a part becomes; so may that of Python's zlib."""


class _Begun(BaseModel):
    """What all who work on a strip have to agree on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    draft: Manifest
    """As `engine.begun` makes it: with the id of the new snapshot, and the rules and key."""
    started: datetime
    contents: StrippedPiece
    read_first: list[Part]
    strip: list[Part]
    size: int


class _Assembled(BaseModel):
    """A finished archive, and how to share out its proof."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    draft: Manifest
    unchanged: list[tuple[str, str, int, int]]
    parts: list[Part]


@dataclass(frozen=True)
class FanOut:
    """The strip of one full snapshot, as one of those has it who work on it. Each method is a step.

    Raises what engine.strip and prove raise; SettingsError where a worker has other rules or versions;
    StoreRefused where the snapshot was published meanwhile.
    """

    full: Manifest
    store: Store
    rules: Rules
    masking_key: bytes = field(repr=False)
    progress: Progress = silent

    def begin(self, size: int) -> str:
        """Refuse what can't be stripped, before any data is read, and share the work out in parts of about `size`
        bytes of the archive. Returns the id of the snapshot that is to be made."""
        draft = begun(self.full, self.rules, self.masking_key)
        with self._stripping(draft) as work:
            work.write_contents(work.contents())
            files = list(work.files())
            first = [(file, True) for file in files if work.is_read_first(file)]
            record = _Begun(
                draft=draft,
                started=datetime.now(UTC),
                contents=work.outcome.pieces[0],
                read_first=parts(first, size),
                strip=parts([(file, work.is_masked(file)) for file in files], size),
                size=size,
            )
        as_json = record.model_dump_json(by_alias=True).encode()
        self._room(draft.id).leave("begun", {"versions": _versions(), "record": as_json})
        return draft.id

    def parts_to_read_first(self, id_: str) -> int:
        """How many parts have columns that have to be known whole before anything is masked."""
        return len(self._begun(id_).read_first)

    def read_first(self, id_: str, number: int) -> None:
        begun = self._begun(id_)
        with self._stripping(begun.draft) as work:
            work.read_first(begun.read_first[number])
            self._room(id_).leave(f"first-{number:05}", work.known())

    def gather(self, id_: str) -> None:
        """Put together what was read first."""
        begun = self._begun(id_)
        if not begun.read_first:
            return
        with self._stripping(begun.draft) as work:
            for number in range(len(begun.read_first)):
                work.know(self._room(id_).find(f"first-{number:05}"))
            self._room(id_).leave("known", work.known())

    def parts_to_strip(self, id_: str) -> int:
        return len(self._begun(id_).strip)

    def strip(self, id_: str, number: int) -> None:
        begun, room = self._begun(id_), self._room(id_)
        with self._stripping(begun.draft) as work:
            if begun.read_first:
                work.know(room.find("known"))
            work.prepare()
            for piece in begun.strip[number]:
                is_whole = piece.is_whole(work.file(piece.file))
                put = partial(self._put, begun.draft, piece.file) if is_whole else partial(room.leave_piece, piece)
                work.strip(piece, put)
            room.leave(f"stripped-{number:05}", work.outcome.handed_over())

    def assemble(self, id_: str) -> None:
        """Put the pieces of large files one behind the other, and together what is known of all."""
        begun, room = self._begun(id_), self._room(id_)
        with self._stripping(begun.draft) as work:
            outcome, plan = work.outcome, work.plan
        for number in range(len(begun.strip)):
            outcome.take(room.find(f"stripped-{number:05}"))
        outcome.pieces.append(begun.contents)
        made = {file.name: file for file in self._joined(begun.draft, outcome.pieces)}
        stripped = finished(begun.draft, plan, made, outcome, (datetime.now(UTC) - begun.started).total_seconds())
        record = _Assembled(
            draft=stripped.draft,
            unchanged=[(*place, *counts) for place, counts in stripped.unchanged.items()],
            parts=parts([(file, True) for file in stripped.draft.files], begun.size),
        )
        handed_over = outcome.handed_over() | {"record": record.model_dump_json(by_alias=True).encode()}
        room.leave("assembled", handed_over)

    def parts_to_prove(self, id_: str) -> int:
        return len(_assembled(self._room(id_).find("assembled")).parts)

    def prove(self, id_: str, number: int) -> None:
        """Search a part of the finished archive."""
        record, stripped = self._stripped(id_)
        proving = Proving(stripped, self.store, self.rules.public, WORKERS, self.progress)
        found = proving.search(record.parts[number])
        self._room(id_).leave(f"found-{number:05}", {"found": _found_as_json(found)})

    def conclude(self, id_: str) -> Manifest:
        """The draft of the new snapshot, with its proof, passed or not."""
        record, stripped = self._stripped(id_)
        found = [
            _found_from_json(self._room(id_).find(f"found-{number:05}")["found"]) for number in range(len(record.parts))
        ]
        return stripped.draft.model_copy(update={"proof": conclude(stripped, found)})

    def clear(self, id_: str) -> None:
        """Delete what was left for one another."""
        clear(self.store, self.full.id, id_)

    def _stripping(self, draft: Manifest) -> Stripping:
        return Stripping(
            self.full,
            self.store,
            self.rules,
            draft,
            masking_key=self.masking_key,
            workers=WORKERS,
            progress=self.progress,
        )

    def _room(self, id_: str) -> Workroom:
        return Workroom(self.store, self.full.id, id_, self.masking_key)

    def _begun(self, id_: str) -> _Begun:
        """Agreed on: who has other rules would mask other columns than the rest, who has another version may write
        other bytes."""
        bundle = self._room(id_).find("begun")
        if bundle.get("versions") != _versions():
            raise SettingsError(
                f"The strip of {self.full.id} was begun with another version of {', '.join(MAKERS)} or zlib than this "
                "worker has: install the same on all of them (`uv sync --locked`), then strip again."
            )
        record = _Begun.model_validate_json(bundle["record"])
        if record.draft.rules != begun(self.full, self.rules, self.masking_key).rules:
            raise SettingsError(
                f"The strip of {self.full.id} was begun with other rules, or another version of Faker, than this "
                "worker has: give all of them the same, then strip again."
            )
        return record

    def _stripped(self, id_: str) -> tuple[_Assembled, Stripped]:
        """What there is to prove."""
        self._begun(id_)
        bundle = self._room(id_).find("assembled")
        record = _assembled(bundle)
        outcome = Outcome(no_originals(self.masking_key, record.draft))
        outcome.take(bundle)
        unchanged = {(table, column): (count, values) for table, column, count, values in record.unchanged}
        return record, Stripped(record.draft, outcome.originals, unchanged)

    def _put(self, draft: Manifest, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file of the new archive, unless that is published by the time it ends: a worker that was taken for
        lost may come back so late. What is published never changes."""

        def stream() -> Iterator[bytes]:
            yield from chunks
            if any(self.store.list(f"{draft.prefix}/{MANIFEST}")):
                raise StoreRefused(
                    f"Snapshot {draft.id} is published already: this part of its strip came too late and wrote "
                    "nothing; there is nothing to do."
                )

        self.store.put(draft.archive_key(name), stream())

    def _joined(self, draft: Manifest, made: list[StrippedPiece]) -> Iterator[ArchiveFile]:
        """The files of the new archive: those in several pieces are put together."""
        by_file: dict[str, list[StrippedPiece]] = {}
        for each in sorted(made, key=lambda each: each.piece.begin):
            by_file.setdefault(each.piece.file, []).append(each)
        for pieces in by_file.values():
            yield pieces[0].file if len(pieces) == 1 else self._join(draft, pieces)

    def _join(self, draft: Manifest, pieces: list[StrippedPiece]) -> ArchiveFile:
        whole, room = sha256(), self._room(draft.id)

        def stream() -> Iterator[bytes]:
            for each in pieces:
                for chunk in room.find_piece(each.piece):
                    whole.update(chunk)
                    yield chunk

        files = [each.file for each in pieces]
        self._put(draft, files[0].name, stream())
        return files[0].model_copy(
            update={
                "bytes": sum(file.bytes for file in files),
                "sha256": whole.hexdigest(),
                "raw_bytes": sum(file.raw_bytes or 0 for file in files),
                "members": [member for file in files for member in file.members],
                "rows": sum(file.rows or 0 for file in files),
                "slices": [slice_ for file in files for slice_ in slices_of(file)],
            }
        )


def _versions() -> bytes:
    return json.dumps({name: version(name) for name in MAKERS} | {"zlib": zlib.ZLIB_RUNTIME_VERSION}).encode()


def _assembled(bundle: Bundle) -> _Assembled:
    return _Assembled.model_validate_json(bundle["record"])


def _found_as_json(found: Found) -> bytes:
    hits = [[*place, count] for place, count in found.hits.items()]
    others = {"allowed": found.allowed, "scanned": found.scanned, "decoded": found.decoded}
    return json.dumps({"hits": hits, **others}).encode()


def _found_from_json(data: bytes) -> Found:
    said = json.loads(data)
    hits = Counter({(table, column, kind): count for table, column, kind, count in said["hits"]})
    return Found(hits, Counter(said["allowed"]), Counter(said["scanned"]), Counter(said["decoded"]))
