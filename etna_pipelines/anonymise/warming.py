"""Compiling ahead: the kernels of a strip and of its proof, in a process of their own while other things are done.

The first strip after an installation compiles them one by one, for about a minute; Numba does that under a lock, so
only another process gains anything. What it compiles lies where every process looks for it (see kernels/kernel.py).
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from etna_pipelines.anonymise.kernels.kernel import kept_in

if TYPE_CHECKING:
    from etna_pipelines.snapshots.manifest import Manifest
    from etna_pipelines.stores.store import Store

_MARK = "warm"
"""The file that says of a directory of compiled kernels that it holds them all."""

_IDLE = 10
"""How far behind all others the process stands (see nice(1))."""


@contextmanager
def warming() -> Iterator[None]:
    """Compile what is not compiled yet while the block runs; does nothing where that would gain nothing.

    Never raises anything of its own: a strip compiles whatever it lacks.
    """
    process = _started() if _is_of_use() else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.communicate()


def _is_of_use() -> bool:
    kept = kept_in()
    return kept is not None and not (kept / _MARK).exists() and (os.cpu_count() or 1) > 1


def _started() -> subprocess.Popen[bytes] | None:
    """It ends when the pipe to it closes, however this process ends."""
    with suppress(OSError):
        return subprocess.Popen(
            [sys.executable, "-m", __spec__.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return None


def _end_with_parent() -> None:
    sys.stdin.buffer.read(1)  # nothing is ever sent: it returns when the pipe closes
    os._exit(1)


def warm() -> None:
    """Strip and prove a snapshot of a few made-up rows by the real functions, and mark the kernels as compiled.

    First what a real strip comes to last: it begins with scrub, and where the two meet nothing is compiled twice.
    """
    from etna_pipelines.anonymise.engine import strip
    from etna_pipelines.anonymise.proof.proof import prove
    from etna_pipelines.anonymise.rules import rules
    from etna_pipelines.stores.local import LocalStore

    with TemporaryDirectory() as scratch:
        path, store = Path(scratch, "rules.yaml"), LocalStore(Path(scratch, "store"))
        for scrubbed in _ROUNDS:
            path.write_text(_RULES + scrubbed, encoding="utf-8")
            used = rules.load(path)
            prove(strip(_snapshot(store), store, used, masking_key=bytes(32)), store, used.public)
    if kept := kept_in():
        (kept / _MARK).touch()


def _snapshot(store: "Store") -> "Manifest":
    """A full snapshot of the table `person`, in the store; no manifest makes it one for others."""
    from etna_pipelines.snapshots import archive
    from etna_pipelines.snapshots.manifest import ArchiveFile, Column, DatabaseSchema, Manifest, Source, Table, new_id

    lines = "".join("\t".join(row) + "\n" for row in _ROWS).encode() + archive.TERMINATOR
    data = {"toc.dat": _EMPTY_CONTENTS, "1.dat.gz": archive.compress(lines)}
    columns = [Column(name=name, type=type_) for name, type_ in _COLUMNS.items()]
    table = Table(oid=1, schema_name="public", name="person", columns=columns, rows=len(_ROWS))
    full = Manifest(
        id=new_id(),
        kind="full",
        created=datetime.now(UTC),
        source=Source(environment="", database="", system_identifier="", server_version="", encoding="UTF8"),
        versions={},
        schema=DatabaseSchema(tables=[table]),
        files=[
            ArchiveFile(
                name=name,
                bytes=len(raw),
                sha256=hashlib.sha256(raw).hexdigest(),
                table=None if name == "toc.dat" else table.qualified,
                rows=None if name == "toc.dat" else len(_ROWS),
            )
            for name, raw in data.items()
        ],
    )
    for name, raw in data.items():
        store.put(full.archive_key(name), [raw])
    return full


_EMPTY_CONTENTS = b"PGDMP\x01\x0e\x00\x04\x08\x03" + bytes(8 * 5) + b"\x01\x01\x00\x00\x00" * 3 + bytes(5)
"""toc.dat of version 1.14 without entries: numbers are a sign and four bytes, a text that is missing is -1."""

_COLUMNS = {
    "id": "integer",
    "first": "character varying(30)",
    "last": "text",
    "name": "text",
    "username": "text",
    "email": "text",
    "phone": "text",
    "token": "text",
    "aliases": "text[]",
    "details": "jsonb",
    "note": "text",
}

_RULES = """
tables:
  person:
    keep: [id]
    columns:
      first: fake(first)
      last: fake(last)
      name: fake(name)
      username: fake(username)
      email: email
      phone: phone
      token: hash
"""

_ROUNDS = (
    "      aliases: each(hash)\n      details: keep\n      note: keep\n",
    "      aliases: each(scrub)\n      details: {mask: scrub, $.email: email, $.body: phone}\n      note: scrub\n",
)

_NOTE = (
    "Ann Lee, ann.lee@example.org, wrote on 020 7946 0018\\\\n from 10.0.0.7; QQ123456C &lt;caf\u00e9&gt; %41nn "
    "\\\\u0041nn &#65;nn b.jones%40example.org aHR0cHM6Ly9leGFtcGxlLm9yZy9hbm4ubGVlP2lkPTE= Jones, Bob"
)

_ROWS = [
    (
        str(number),
        first,
        last,
        f"{first} {last}",
        f"{first}.{last}".lower(),
        f"{first}.{last}@example.org",
        f"+44 20 7946 00{number}",
        f"s3cr3t-{last}-of-{number}",
        f'{{{first},"{first} {last}"}}',
        f'{{"email": "{first}@example.org", "body": "{{\\\\"phone\\\\": \\\\"020 7946 00{number}\\\\"}}", "n": 1}}',
        _NOTE,
    )
    for number, first, last in [(10, "Ann", "Lee"), (11, "Bob", "Jones"), (12, "Zo\u00eb", "O'Neill")]
] + [("13", *["\\N"] * 10)]


if __name__ == "__main__":
    os.nice(_IDLE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warm()
