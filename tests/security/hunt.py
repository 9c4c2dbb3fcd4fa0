"""Looking for what was planted: in files however packed, in databases, in processes while they run."""

import base64
import re
import sqlite3
import threading
import urllib.parse
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from etna_pipelines.postgres.server import Database

PAUSE = 0.02
LOOKS = 5
"""At a process's arguments: it may start other programs in its first moments."""
CLIENTS = (b"pg_dump", b"pg_restore", b"etna-supervisor")
"""Programs that have no need of a secret in their environment."""
CORE = re.compile(r"core(\.\d+)?$")


@dataclass(frozen=True)
class Hunter:
    """Knows the planted texts by name, in every spelling that a program may have given them."""

    planted: Mapping[str, str]
    _patterns: dict[str, re.Pattern[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, text in self.planted.items():
            spellings = sorted(set(_spellings(text)), key=len, reverse=True)
            self._patterns[name] = re.compile(b"|".join(map(re.escape, spellings)))

    def names_in(self, content: bytes) -> list[str]:
        return [name for name, pattern in self._patterns.items() if pattern.search(content)]

    def in_files(self, paths: Iterable[Path], root: Path) -> list[str]:
        found = []
        for path in paths:
            with suppress(FileNotFoundError):
                if CORE.fullmatch(path.name):
                    found.append(f"{path.relative_to(root)} is a core dump")
                names = {name for part in _parts(path) for name in self.names_in(part)}
                found += [f"{path.relative_to(root)} holds {name}" for name in sorted(names)]
        return found

    def in_database(self, database: Database) -> list[str]:
        """In every value of every table."""
        found = []
        with database.connect() as connection:
            tables = connection.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public'")
            for schema, table in tables.fetchall():
                rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table))).fetchall()
                names = {
                    name for row in rows for value in row for part in _unpacked(value) for name in self.names_in(part)
                }
                found += [f"table {table} holds {name}" for name in sorted(names)]
        return found


@dataclass
class Watch:
    """What is there for others to see while programs run: arguments, environments, temporary files."""

    hunter: Hunter
    temporary: Path
    found: set[str] = field(default_factory=set)
    looked_at: Counter[str] = field(default_factory=Counter)
    arguments: set[bytes] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(PAUSE):
                self.look()

        looker = threading.Thread(target=look)
        looker.start()
        try:
            yield
        finally:
            over.set()
            looker.join()

    def look(self) -> None:
        self._look_at_processes()
        for path in self.temporary.rglob("*"):
            with suppress(OSError):
                if path.is_file():
                    self._look_at_temporary(path)

    def _look_at_processes(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            if self.looked_at[process.name] >= LOOKS:
                continue
            self.looked_at[process.name] += 1
            with suppress(OSError):
                arguments = (process / "cmdline").read_bytes()
                self.arguments.add(arguments)
                self.found |= {f"arguments hold {name}" for name in self.hunter.names_in(arguments)}
                if any(client in arguments for client in CLIENTS) and b"python" not in arguments:
                    names = self.hunter.names_in((process / "environ").read_bytes())
                    self.found |= {f"the environment of a client program holds {name}" for name in names}

    def _look_at_temporary(self, path: Path) -> None:
        names = set(self.hunter.names_in(path.read_bytes()))
        if path.name.startswith("etna-pass-") and path.stat().st_mode & 0o077 == 0:
            names = {name for name in names if not name.endswith("password")}  # it is what that file is for
        self.found |= {f"a temporary file holds {name}" for name in names}


def _parts(path: Path) -> Iterator[bytes]:
    """A file's content, and what is packed in it."""
    content = path.read_bytes()
    yield content
    if content[:2] == b"\x1f\x8b":
        yield _gunzipped(content)
    if content.startswith(b"SQLite format 3\0"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        yield from _unpacked(value)


def _unpacked(value: object) -> Iterator[bytes]:
    if isinstance(value, bytes | memoryview):
        yield bytes(value)
        with suppress(zlib.error):
            yield zlib.decompress(bytes(value))
    elif value is not None:
        yield str(value).encode()


def _gunzipped(content: bytes) -> bytes:
    """All members, as far as they are whole."""
    unpacked = b""
    while content[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=31)
        with suppress(zlib.error):
            unpacked += member.decompress(content)
        content = member.unused_data
    return unpacked


def _spellings(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield from (plain, plain.hex().encode(), text.encode("utf-16-le"), urllib.parse.quote(text).encode())
    for before in range(3):  # base64 of something that it is a part of: what does not depend on its neighbours
        padded = bytes(before) + plain
        encoded = base64.b64encode(padded + bytes(-len(padded) % 3))
        yield encoded[-(-before * 8 // 6) + (before > 0) : len(padded) * 8 // 6]
