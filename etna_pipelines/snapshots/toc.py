"""toc.dat: the table of contents of a `pg_dump -Fd` archive.

The format is PostgreSQL's own (src/bin/pg_dump/pg_backup_archiver.c: ReadHead, ReadToc), versions 1.14 (PostgreSQL 12)
to 1.16 (17 and 18).
"""

from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO

from etna_pipelines.errors import SnapshotDamaged


@dataclass(frozen=True)
class Entry:
    """One entry: a table's definition, its data, an index, a comment ..."""

    dump_id: int
    oid: int
    tag: str
    kind: str
    """`TABLE`, `TABLE DATA`, `COMMENT`, `SEQUENCE SET` ..."""
    namespace: str
    sql: str
    copy: str
    """`COPY schema.table (columns) FROM stdin;` of table data."""
    file: str
    owner: str = ""
    dependencies: tuple[int, ...] = ()
    """The dump ids of what it needs, and of what is not in the archive."""

    @property
    def name(self) -> str:
        """For messages: `COMMENT public.TABLE auth_user`."""
        return " ".join(
            part for part in (self.kind, f"{self.namespace}.{self.tag}" if self.namespace else self.tag) if part
        )


def read(data: bytes) -> list[Entry]:
    """The entries of a toc.dat. Raises SnapshotDamaged where it is not one."""
    return [entry for entry, _ in _read(data).entries]


def without(data: bytes, dump_ids: Collection[int]) -> bytes:
    """The same toc.dat lacking some entries; all others stay byte for byte. Raises SnapshotDamaged.

    pg_restore passes over dependencies on what is not there.
    """
    contents = _read(data)
    kept = [raw for entry, raw in contents.entries if entry.dump_id not in dump_ids]
    count = bytes(1) + len(kept).to_bytes(contents.int_size, "little")
    return b"".join([contents.header, count, *kept, contents.rest])


@dataclass(frozen=True)
class _Contents:
    """A toc.dat in its parts: what stands before the number of entries, each entry with its bytes, what follows."""

    header: bytes
    int_size: int
    entries: list[tuple[Entry, bytes]]
    rest: bytes


def _read(data: bytes) -> _Contents:
    try:
        return _Reader(data).contents()
    except (IndexError, ValueError, UnicodeDecodeError):
        raise SnapshotDamaged(
            "toc.dat is not a table of contents that this version reads: take a new backup."
        ) from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._in = BytesIO(data)
        if self._in.read(5) != b"PGDMP":
            raise ValueError
        major, minor, _revision, self._int_size, _offset_size, _format = self._in.read(6)
        self._version = (major, minor)
        if not (1, 14) <= self._version <= (1, 16):
            raise ValueError
        if self._version >= (1, 15):
            self._in.read(1)  # compression algorithm
        else:
            self._int()  # compression level
        for _ in range(7):
            self._int()  # the time of the dump
        for _ in range(3):
            self._text()  # database, server version, pg_dump version

    def contents(self) -> _Contents:
        header = self._data[: self._in.tell()]
        entries = []
        for _ in range(self._int()):
            start = self._in.tell()
            entry = self._entry()
            entries.append((entry, self._data[start : self._in.tell()]))
        return _Contents(header, self._int_size, entries, self._in.read())

    def _entry(self) -> Entry:
        dump_id = self._int()
        self._int()  # whether it has data
        self._text()  # the oid of the catalogue it is in
        oid, tag, kind = int(self._text()), self._text(), self._text()
        self._int()  # section
        definition, drop, copy, namespace = (self._text() for _ in range(4))
        self._text()  # tablespace
        self._text()  # table access method
        if self._version >= (1, 16):
            self._int()  # relkind
        owner = self._text()
        self._text()  # with oids
        dependencies = []
        while (dependency := self._raw()) is not None:
            dependencies.append(int(dependency))
        sql, file = f"{definition}{drop}", self._text()
        return Entry(dump_id, oid, tag, kind, namespace, sql, copy, file, owner, tuple(dependencies))

    def _int(self) -> int:
        sign, *digits = self._in.read(1 + self._int_size)
        if len(digits) < self._int_size:
            raise ValueError
        value = int.from_bytes(bytes(digits), "little")
        return -value if sign else value

    def _raw(self) -> bytes | None:
        length = self._int()
        if length < 0:
            return None
        data = self._in.read(length)
        if len(data) < length:
            raise ValueError
        return data

    def _text(self) -> str:
        return (self._raw() or b"").decode()
