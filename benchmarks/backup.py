"""Backup into the local store, against stock `pg_dump -Fd -j2` with its default gzip, of the same database."""

import shutil
from pathlib import Path

from benchmarks.common import MB, Result, ratio
from benchmarks.site import TABLES, fill
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import find, run
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 2500


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    server = EmbeddedServer(home / "postgres")
    server.ensure_running()
    try:
        server.create_database("bench")
        return [_compared(server.database("bench"), home, megabytes)]
    finally:
        server.stop()


def _compared(database: Database, home: Path, megabytes: int) -> Result:
    fill(database, megabytes // TABLES)
    store = LocalStore(home / "store")
    drafts: list[Manifest] = []

    def ours() -> None:
        drafts.append(backup(database, store, environment="production", scratch=home / "scratch"))

    def stock() -> None:
        target = home / "stock"
        shutil.rmtree(target, ignore_errors=True)
        run(find("pg_dump", 18), ["-Fd", "-j2", f"--file={target}", "--no-sync", "--no-password"], database)

    measured = ratio(ours, stock)
    raw = sum(file.raw_bytes or 0 for file in drafts[-1].files)
    claim = "backup into the local store / stock `pg_dump -Fd -j2`"
    return Result(claim, 0.6, measured, "x", f"{raw / MB:,.0f} MB in {TABLES} tables")
