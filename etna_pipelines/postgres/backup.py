"""Production into the store: a stock archive of one moment, shipped while it is being dumped."""

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from etna_pipelines.errors import BackupFailed, ProgramError, StoreError
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.postgres.frozen import LOCK_TIMEOUT, Frozen, busy, frozen
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.programs import Program, find, run
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.shipping import Shipper
from etna_pipelines.postgres.space import BEHIND, refuse_backup
from etna_pipelines.progress import Progress, silent
from etna_pipelines.scratch import workspace
from etna_pipelines.snapshots.manifest import ArchiveFile, DatabaseSchema, Manifest, Source, new_id
from etna_pipelines.stores.store import Store

FULL_DISK = 16 * 1024**2
"""A failed dump with less than these bytes left in scratch failed for want of them."""

_FINISHED = re.compile(r"finished item (\d+) TABLE DATA ")
# pg_dump takes off every timeout of its sessions, save statement_timeout while it waits for locks.
_NO_LOCK = re.compile(r"could not obtain lock on relation|canceling statement due to (lock|statement) timeout")
_HIDDEN_ROWS = re.compile(r"would be affected by row-level security policy")
_TABLE_DATA = re.compile(r"^(\d+); \d+ (\d+) TABLE DATA ", re.MULTILINE)


def backup(
    source: Database,
    store: Store,
    *,
    environment: str,
    scratch: Path,
    jobs: int = 2,
    progress: Progress = silent,
) -> Manifest:
    """Dump `source` whole into the store, under the manifest's prefix; the manifest is a draft, for the catalogue to
    sign and publish. Where it fails, nothing of it stays in the store or in scratch.

    The role needs SELECT on every table, no more. What scratch has to hold is asked for before the dump (see space.py).
    """
    started = time.monotonic()
    created = datetime.now(UTC)
    identity = new_id(created)
    prefix = f"full/{identity}/"
    with exclusive(source, f"backup of {source.name}"), workspace(scratch, identity) as work:
        reached(FaultPoint.BACKUP_BEGUN)
        archive = work / "archive"
        with _all_or_nothing(store, prefix), Shipper(archive, store, f"{prefix}archive/", progress, jobs) as shipper:
            with frozen(source) as held:
                reached(FaultPoint.BACKUP_TABLES_LOCKED)
                _refuse_unknown_encoding(source, held)
                refuse_backup(held.table_bytes, held.large_object_bytes, jobs, scratch, source.label)
                shipper.expect(sum(held.table_bytes), len(held.schema.tables))
                pg_dump = find("pg_dump", held.major, source)
                _dump(pg_dump, source, held, archive, jobs, shipper)
            # Production is let go here: the rest needs nothing of it.
            reached(FaultPoint.BACKUP_DUMPED)
            listing = run(find("pg_restore", held.major), ["--list", str(archive)]).decode()
            shipper.ship_rest()
            files = _named_after_tables(shipper.shipped(), listing, held.schema, source)
            reached(FaultPoint.BACKUP_SHIPPED)
    rows = {file.table: file.rows for file in files}
    tables = [table.model_copy(update={"rows": rows[table.qualified]}) for table in held.schema.tables]
    return Manifest(
        id=identity,
        kind="full",
        created=created,
        seconds=round(time.monotonic() - started, 3),
        source=Source(
            environment=environment,
            database=source.name,
            system_identifier=held.system_identifier,
            server_version=held.server_version,
            encoding=held.encoding,
        ),
        versions={"etna_pipelines": version("etna-pipelines"), "pg_dump": _version(pg_dump)},
        schema=held.schema.model_copy(update={"tables": tables}),
        files=files,
    )


@contextmanager
def _all_or_nothing(store: Store, prefix: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(StoreError):  # what cannot be deleted now has no manifest, so it is no snapshot
            store.delete([stored.key for stored in store.list(prefix)])
        raise


def _refuse_unknown_encoding(source: Database, held: Frozen) -> None:
    if held.encoding == "SQL_ASCII":
        raise BackupFailed(
            f"{source.label} has encoding SQL_ASCII, whose bytes mean nothing certain and may not restore elsewhere: "
            "convert it to a UTF8 database first."
        )


def _dump(pg_dump: Path, source: Database, held: Frozen, archive: Path, jobs: int, shipper: Shipper) -> None:
    """Run pg_dump and ship each table's file once pg_dump says that it is finished (it does from two jobs on)."""
    arguments = [
        *("--format=directory", f"--jobs={max(jobs, 2)}", "--compress=0", f"--snapshot={held.snapshot}"),
        *("--encoding=UTF8", "--no-sync", "--no-password", "--verbose"),
        # Behind an ALTER that waits for our own locks pg_dump would wait for ever.
        f"--lock-wait-timeout={LOCK_TIMEOUT * 1000}",
        f"--file={archive}",
    ]
    locked = filtered = False

    def listen(line: str) -> None:
        nonlocal locked, filtered
        if finished := _FINISHED.search(line):
            shipper.ship_table(f"{finished[1]}.dat")
        elif _NO_LOCK.search(line):
            locked = True
        elif _HIDDEN_ROWS.search(line):
            filtered = True

    try:
        with Program(pg_dump, arguments, source, on_line=listen) as dump:
            try:
                while dump.running:
                    shipper.check()
                    dump.pause(shipper.look() > BEHIND)
                    time.sleep(0.05)
            except BaseException:
                shipper.stop()
                raise
            dump.wait()
    except ProgramError:
        if locked:
            raise busy(source) from None
        if filtered:
            raise BackupFailed(
                f"Row-level security hides rows of {source.label} from role {source.user}: ALTER ROLE it to BYPASSRLS."
            ) from None
        if shutil.disk_usage(archive.parent).free < FULL_DISK:
            raise BackupFailed(
                f"The disk of {archive.parent.parent} is full: free space for the largest tables of {source.label}."
            ) from None
        raise


def _named_after_tables(
    shipped: Mapping[str, ArchiveFile], listing: str, schema: DatabaseSchema, source: Database
) -> list[ArchiveFile]:
    """Tell each file its table, by the OID in the archive's list. Every table must have a file; nothing else may."""
    tables = {table.oid: table.qualified for table in schema.tables}
    listed = {f"{dump_id}.dat": int(oid) for dump_id, oid in _TABLE_DATA.findall(listing)}
    if missing := [name for name, oid in listed.items() if oid not in tables or name not in shipped]:
        raise BackupFailed(
            f"The dump of {source.label} holds data of what its catalogue does not list, or lacks its file "
            f"({', '.join(missing)}): run the backup again."
        )
    if missing := sorted(tables[oid] for oid in tables.keys() - set(listed.values())):
        raise BackupFailed(f"pg_dump left tables of {source.label} out ({', '.join(missing)}): run the backup again.")
    return [
        file.model_copy(update={"table": tables[listed[name]]}) if name in listed else file
        for name, file in sorted(shipped.items())
    ]


def _version(program: Path) -> str:
    """`18.6` of `pg_dump (PostgreSQL) 18.6`."""
    return re.split(r"\s+", run(program, ["--version"]).decode())[2]
