"""Archive files: COPY text compressed as independent gzip members that end at newlines.

Every `pg_restore` reads such a file, and it can be compressed, decompressed and cut member by member, in parallel.
"""

import builtins
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from isal import igzip, igzip_lib, isal_zlib

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.snapshots.manifest import Slice

BLOCK = 4 * 1024 * 1024
"""Raw bytes a member aims at; a longer row makes a longer member."""

SLICE = 16 * 1024 * 1024
"""Compressed bytes that a slice of a table's file aims at (see manifest.Slice)."""

TERMINATOR = b"\\.\n\n\n"
"""What pg_dump ends the data of a table with (pg_backup_archiver: dumpTableData_copy)."""

EMPTY = TERMINATOR

_SHORT = 64 * 1024
"""Raw bytes under which ISA-L 2.32 finds other matches from one thread to the next, now and then; seen up to 350."""


def blocks_of_lines(chunks: Iterable[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """Cut a stream into blocks of about `size` bytes that end at newlines (the last one as it is)."""
    parts: list[bytes] = []
    held = 0
    for chunk in chunks:
        parts.append(chunk)
        held += len(chunk)
        if held < size:
            continue
        newline = chunk.rfind(b"\n")
        if newline < 0:
            continue
        parts[-1] = chunk[: newline + 1]
        yield b"".join(parts)
        rest = chunk[newline + 1 :]
        parts, held = ([rest], len(rest)) if rest else ([], 0)
    if parts:
        yield b"".join(parts)


def compress(block: bytes | memoryview) -> bytes:
    """One gzip member. Level 1 of ISA-L comes out as small as pg_dump's default and is 5 to 10 times faster. Equal data
    makes equal bytes: the header holds no time stamp, and short blocks are left to zlib."""
    if len(block) < _SHORT:
        return zlib.compress(block, 1, wbits=31)
    return igzip.compress(block, compresslevel=1, mtime=0)


def decompress(chunks: Iterable[bytes], name: str = "The archive file") -> Iterator[bytes]:
    """The raw bytes of a gzip stream of any number of members. Raises SnapshotDamaged (naming `name`) where it is cut
    or not gzip."""
    decompressor = isal_zlib.decompressobj(wbits=31)
    fresh = True
    try:
        for chunk in chunks:
            while chunk:
                raw = decompressor.decompress(chunk)
                fresh = False
                if raw:
                    yield raw
                chunk = decompressor.unused_data if decompressor.eof else b""
                if decompressor.eof:
                    decompressor = isal_zlib.decompressobj(wbits=31)
                    fresh = True
    except igzip_lib.IsalError:  # type: ignore[misc]  # its stub takes the class for an instance
        raise SnapshotDamaged(
            f"{name} is not what was written: its compressed data is damaged; do not use this snapshot."
        ) from None
    if not fresh:
        raise SnapshotDamaged(f"{name} is not what was written: it ends too early; do not use this snapshot.")


@dataclass
class Tally:
    """What is known of a file once all of its members have passed: sizes, rows, SHA-256."""

    slice_bytes: int | None = SLICE
    """What a slice aims at; None where only `cut` ends one."""
    terminated: bool = True
    """Whether pg_dump's terminator is among the lines: it is in no part of a file but the last."""
    bytes: int = 0
    raw_bytes: int = 0
    lines: int = 0
    members: list[int] = field(default_factory=list)
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _slices: list[Slice] = field(default_factory=list)
    _open: "_OpenSlice" = field(default_factory=lambda: _OpenSlice())
    _held: tuple[builtins.bytes, int] | None = None
    """The last member and its lines: the last slice has two, as the terminator may stand in both."""

    def add(self, member: builtins.bytes, raw: builtins.bytes) -> builtins.bytes:
        return self.add_counted(member, len(raw), raw.count(b"\n"))

    def add_counted(self, member: builtins.bytes, raw_bytes: int, lines: int) -> builtins.bytes:
        """`add`, where whoever made the member knows already what is in it."""
        self.add_compressed(member)
        self.raw_bytes += raw_bytes
        self.lines += lines
        self.members.append(len(member))
        if self._held and self.slice_bytes is not None and self._open.bytes >= self.slice_bytes:
            self._close()
        self._add_held()
        self._held = member, lines
        return member

    def add_compressed(self, data: builtins.bytes) -> builtins.bytes:
        self.bytes += len(data)
        self._sha256.update(data)
        return data

    def cut(self) -> None:
        """End a slice here."""
        self._add_held()
        self._close()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def rows(self) -> int:
        """Lines of data: without the terminator's three."""
        return self.lines - self._terminators

    @property
    def slices(self) -> list[Slice]:
        """All of them, one too."""
        self.cut()
        *before, last = self._slices or [Slice(members=0, rows=self.lines, sha256=self.sha256)]
        return [*before, last.model_copy(update={"rows": last.rows - self._terminators})]

    @property
    def facts(self) -> "dict[str, object]":
        """What of it the manifest says of a table's file."""
        slices = self.slices
        return {
            "bytes": self.bytes,
            "sha256": self.sha256,
            "raw_bytes": self.raw_bytes,
            "members": self.members,
            "rows": self.rows,
            "slices": slices if len(slices) > 1 else [],
        }

    @property
    def _terminators(self) -> int:
        return TERMINATOR.count(b"\n") if self.terminated else 0

    def _add_held(self) -> None:
        if self._held:
            self._open.add(*self._held)
            self._held = None

    def _close(self) -> None:
        if self._open.members:
            self._slices.append(self._open.closed())
            self._open = _OpenSlice()


@dataclass
class _OpenSlice:
    members: int = 0
    lines: int = 0
    bytes: int = 0
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, member: builtins.bytes, lines: int) -> None:
        self.members += 1
        self.lines += lines
        self.bytes += len(member)
        self._sha256.update(member)

    def closed(self) -> Slice:
        return Slice(members=self.members, rows=self.lines, sha256=self._sha256.hexdigest())
