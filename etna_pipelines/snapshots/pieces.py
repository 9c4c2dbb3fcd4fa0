"""Pieces of archive files: what can be read, checked and worked on by itself, here or on another machine."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from etna_pipelines.errors import ObjectMissing, SnapshotDamaged
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Slice
from etna_pipelines.stores.store import Store


class Piece(BaseModel):
    """The slices of a file from `begin` up to `end`, which is not among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    begin: int
    end: int

    @classmethod
    def whole(cls, file: ArchiveFile) -> "Piece":
        return cls(file=file.name, begin=0, end=len(slices_of(file)))

    def is_whole(self, file: ArchiveFile) -> bool:
        return self == Piece.whole(file)

    def is_last(self, file: ArchiveFile) -> bool:
        """Whether the file ends with it."""
        return self.end == len(slices_of(file))


@dataclass(frozen=True)
class Member:
    """A gzip member of a file, as it is stored."""

    data: bytes
    ends_slice: bool


def slices_of(file: ArchiveFile) -> list[Slice]:
    """Its slices: the whole of it where it is read in one."""
    return file.slices or [Slice(members=len(file.members), rows=file.rows or 0, sha256=file.sha256)]


def bytes_of(file: ArchiveFile) -> list[int]:
    """The compressed bytes of each slice."""
    if not file.slices:
        return [file.bytes]
    ends = [0]
    for each in file.slices:
        ends.append(ends[-1] + each.members)
    return [sum(file.members[begin:end]) for begin, end in pairwise(ends)]


def rows_before(file: ArchiveFile, piece: Piece) -> int:
    """How many rows of the table stand before a piece."""
    return sum(each.rows for each in slices_of(file)[: piece.begin])


def rows_of(file: ArchiveFile, piece: Piece) -> int:
    return sum(each.rows for each in slices_of(file)[piece.begin : piece.end])


def members_of(
    store: Store, manifest: Manifest, file: ArchiveFile, piece: Piece, read: Callable[[int], None]
) -> Iterator[Member]:
    """The members of a table's file that a piece has; the file's last two as one, so that pg_dump's terminator stands
    whole. `read` is told their bytes. Raises SnapshotDamaged, at the end of a slice, unless it is what was written."""
    held = bytearray()
    is_whole = piece.is_whole(file)  # then all of it is checked at once
    chunks = _chunks(store, manifest, file, piece)
    begun = sum(each.members for each in slices_of(file)[: piece.begin])
    for number in range(piece.begin, piece.end):
        slice_ = slices_of(file)[number]
        lengths = file.members[begun : begun + slice_.members] or [file.bytes]
        begun += slice_.members
        sha256 = hashlib.sha256()
        if number + 1 == len(slices_of(file)):
            lengths = [*lengths[:-2], sum(lengths[-2:])]
        for place, length in enumerate(lengths, 1):
            while len(held) < length and (chunk := next(chunks, None)):
                held += chunk
            member = bytes(held[:length])
            del held[:length]
            read(len(member))
            ends = place == len(lengths)
            if not is_whole:
                sha256.update(member)
            if ends and not is_whole and sha256.hexdigest() != slice_.sha256:
                _refuse(store, manifest, file)
            yield Member(member, ends)
    if held or next(chunks, None):
        _refuse(store, manifest, file)


def _chunks(store: Store, manifest: Manifest, file: ArchiveFile, piece: Piece) -> Iterator[bytes]:
    """The last piece is read up to the object's end, whatever the manifest says of that."""
    if piece.is_whole(file):
        yield from checked(store, manifest, file)
        return
    sizes = bytes_of(file)
    offset = sum(sizes[: piece.begin])
    length = None if piece.is_last(file) else sum(sizes[piece.begin : piece.end])
    try:
        yield from store.read(manifest.archive_key(file.name), offset, length)
    except ObjectMissing:
        _refuse(store, manifest, file)


def _refuse(store: Store, manifest: Manifest, file: ArchiveFile) -> None:
    where = store.location(manifest.archive_key(file.name))
    raise SnapshotDamaged(
        f"{where} is not what was published (other content, or cut off): do not use this snapshot; take or choose "
        "another."
    )
