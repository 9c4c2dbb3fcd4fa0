"""A hunter that finds nothing must not be one that can't find: each place and each packing, with something in it."""

import base64
import gzip
import os
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from etna_pipelines.postgres.server import Database
from tests.security.hunt import Hunter, Watch

SECRET = "tr0ub4dor & planted"
HUNTER = Hunter({"it": SECRET, "another": "not there at all"})


def in_a_table(path: Path, value: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.execute("INSERT INTO t VALUES (?)", [value])
        connection.commit()


@pytest.mark.parametrize(
    "plant",
    [
        lambda path: path.write_text(f"a log of {SECRET}"),
        lambda path: path.write_text(f"GET /?q={quote(SECRET)}"),
        lambda path: path.write_bytes(b"\\x" + SECRET.encode().hex().encode()),
        lambda path: path.write_bytes(SECRET.encode("utf-16")),
        *(lambda path, n=n: path.write_bytes(base64.b64encode(b"." * n + SECRET.encode() + b"...")) for n in range(4)),
        lambda path: path.write_bytes(gzip.compress(b"\n") + gzip.compress(SECRET.encode())),
        lambda path: in_a_table(path, f"an event: {SECRET}"),
        lambda path: in_a_table(path, zlib.compress(SECRET.encode())),
    ],
)
def test_files(plant: Callable[[Path], None], tmp_path: Path) -> None:
    plant(tmp_path / "file")
    assert HUNTER.in_files(tmp_path.rglob("*"), tmp_path) == ["file holds it"]


def test_a_core_dump(tmp_path: Path) -> None:
    (tmp_path / "core.123").touch()
    assert HUNTER.in_files(tmp_path.rglob("*"), tmp_path) == ["core.123 is a core dump"]


def test_a_database(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE text (v text); CREATE TABLE packed (v bytea); CREATE TABLE clean (v text)")
        connection.execute("INSERT INTO text VALUES (%s)", [SECRET])
        connection.execute("INSERT INTO packed VALUES (%s)", [zlib.compress(SECRET.encode())])
    assert sorted(HUNTER.in_database(database)) == ["table packed holds it", "table text holds it"]


@pytest.mark.parametrize(
    ("command", "environment", "found"),
    [
        ([sys.executable, "-c", "input()", SECRET], {}, "arguments hold it"),
        (
            ["/bin/sh", "-c", "read -r _; : pg_dump"],
            {"PGPASSWORD": SECRET},
            "the environment of a client program holds it",
        ),
    ],
)
def test_processes(command: list[str], environment: dict[str, str], found: str, tmp_path: Path) -> None:
    watch = Watch(HUNTER, tmp_path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | environment) as process:
        deadline = time.monotonic() + 10
        while not watch.found and time.monotonic() < deadline:
            watch.looked_at.clear()
            watch.look()
        process.communicate(b"\n")
    assert watch.found == {found}


def test_a_temporary_file(tmp_path: Path) -> None:
    watch = Watch(HUNTER, tmp_path)
    (tmp_path / "etna-list-1").write_text(SECRET)
    watch.look()
    assert watch.found == {"a temporary file holds it"}


def test_a_password_file_is_for_its_password_alone(tmp_path: Path) -> None:
    watch = Watch(Hunter({"a password": "swordf1sh", "a row": "0ther"}), tmp_path)
    passfile = tmp_path / "etna-pass-1"
    passfile.touch(0o600)
    passfile.write_text("*:*:*:*:swordf1sh")
    watch.look()
    assert watch.found == set()
    passfile.write_text("*:*:*:*:swordf1sh 0ther")
    watch.look()
    assert watch.found == {"a temporary file holds a row"}
    passfile.chmod(0o644)
    watch.look()
    assert watch.found == {"a temporary file holds a row", "a temporary file holds a password"}
