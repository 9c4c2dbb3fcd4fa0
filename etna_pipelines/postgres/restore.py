"""An archive into a new database: every file verified before pg_restore reads a byte of it, every row counted after."""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from psycopg import sql

from etna_pipelines.errors import PushRefused
from etna_pipelines.postgres.programs import Program, find, run
from etna_pipelines.postgres.restoring import Restoring, watching
from etna_pipelines.postgres.schema import IN_USER_SCHEMA, Connection
from etna_pipelines.postgres.server import Database, server_major
from etna_pipelines.postgres.space import refuse_restore
from etna_pipelines.postgres.verify import verify
from etna_pipelines.progress import Progress, Tick, silent
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest
from etna_pipelines.snapshots.rereading import refuse_strangers
from etna_pipelines.stores.store import Store

__all__ = ["fetch_archive", "restore", "verify"]

THREADS = 4

INDEX_MEMORY = "128MB"
"""For each connection of a restore; a server's default is 64 MB."""

TRANSACTION_TIMEOUT = 17
"""From this major on pg_restore sets transaction_timeout, which older servers do not know."""

BATCH = 20
"""Tables that are analysed by one statement."""


def fetch_archive(manifest: Manifest, store: Store, scratch: Path, progress: Progress = silent) -> Path:
    """The snapshot's archive as a directory for pg_restore, each file of the published size and SHA-256.

    Copied into `scratch`, a private directory of the caller's, from a local store too: what pg_restore reads is what
    was checked, whatever becomes of the store meanwhile. Raises SnapshotDamaged for a file that is changed, cut,
    missing or not in the manifest; PushRefused where it does not fit there.
    """
    refuse_restore(manifest, scratch)
    refuse_strangers(manifest, store)
    archive = scratch / manifest.id
    archive.mkdir(mode=0o700)
    done, total, lock = 0, manifest.bytes, Lock()

    def fetch(file: ArchiveFile) -> None:
        nonlocal done
        with (archive / file.name).open("xb") as target:
            for chunk in checked(store, manifest, file):
                target.write(chunk)
                with lock:
                    done += len(chunk)
                    progress(Tick("verify", done, total))

    with ThreadPoolExecutor(THREADS, "fetch") as pool:
        try:
            list(pool.map(fetch, sorted(manifest.files, key=lambda file: -file.bytes)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return archive


def restore(archive: Path, manifest: Manifest, target: Database, *, jobs: int = 2, progress: Progress = silent) -> None:
    """Restore a fetched archive into `target`, an existing empty database, as a role that need not be superuser.

    Owners, privileges, publications and subscriptions are not restored: they are production's. Where it fails, the
    target is half full and only fit to be dropped.
    """
    with target.connect() as connection:
        _refuse_objects(connection, target)
        major = server_major(connection)
        made = _made_already(connection)
        options = _memory_for_indexes(connection)
    pg_restore = _fitting_pg_restore(manifest, target, major)
    with tempfile.NamedTemporaryFile("w", prefix="list-", dir=archive.parent, encoding="utf-8") as wanted:
        listing = run(pg_restore, ["--list", str(archive)]).decode()
        wanted.writelines(_wanted(listing, made))
        wanted.flush()
        restoring = Restoring(manifest, listing, progress)
        with watching(target, restoring.look):
            _run_pg_restore(pg_restore, archive, Path(wanted.name), target, options, jobs, restoring.listen)
    _analyze(target, jobs, progress)


def _refuse_objects(connection: Connection, target: Database) -> None:
    """Extensions may be there, with all that is theirs: some take a superuser to make."""
    row = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {IN_USER_SCHEMA}"
        " AND NOT EXISTS (SELECT FROM pg_depend d"
        " WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
    ).fetchone()
    if row:
        raise PushRefused(f"{target.label} is not empty ({row[0]} is there): restore into a new database.")


def _made_already(connection: Connection) -> set[str]:
    """Entries of an archive's list that the target has already, such as an extension that a superuser made for us."""
    extensions = connection.execute("SELECT extname FROM pg_extension").fetchall()
    schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname <> 'public'").fetchall()
    return {f"EXTENSION - {name} " for (name,) in extensions} | {f"SCHEMA - {name} " for (name,) in schemas}


def _memory_for_indexes(connection: Connection) -> str:
    """An index that is sorted in memory is made faster. What the server allows is never made less."""
    row = connection.execute(
        "SELECT pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%s)", [INDEX_MEMORY]
    ).fetchone()
    return f"-c maintenance_work_mem={INDEX_MEMORY}" if row and row[0] else ""


def _fitting_pg_restore(manifest: Manifest, target: Database, major: int) -> Path:
    source = _major(manifest.source.server_version)
    if major < source:
        raise PushRefused(
            f"{target.label} runs PostgreSQL {major} and the snapshot is of {source}: upgrade it to {source} or newer."
        )
    wanted = max(major, _major(manifest.versions["pg_dump"]))
    program = find("pg_restore", wanted, target)
    if major < TRANSACTION_TIMEOUT <= max(wanted, _major(run(program, ["--version"]).decode().split()[2])):
        raise PushRefused(
            f"{target.label} runs PostgreSQL {major}, which refuses what pg_dump and pg_restore {TRANSACTION_TIMEOUT} "
            f"or newer write: install postgresql-client-{source} and take a new snapshot with it."
        )
    return program


def _wanted(listing: str, made: Iterable[str]) -> Iterator[str]:
    """The list for pg_restore -L: without what exists, and comments on extensions, which only owners may set."""
    skipped = ("COMMENT - EXTENSION ", *made)
    for line in listing.splitlines(keepends=True):
        entry = re.sub(r"^\d+; \d+ \d+ ", "", line)
        if not entry.startswith(skipped):
            yield line


def _run_pg_restore(
    pg_restore: Path,
    archive: Path,
    wanted: Path,
    target: Database,
    options: str,
    jobs: int,
    listen: Callable[[str], None],
) -> None:
    """Run pg_restore, which says of each thing when it is in (from two jobs on)."""
    arguments = [
        *(f"--dbname={_quoted(target.name)}", f"--jobs={max(jobs, 2)}", f"--use-list={wanted}"),
        *("--exit-on-error", "--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"),
        *("--no-publications", "--no-subscriptions", "--no-password", "--verbose"),
        str(archive),
    ]
    with Program(pg_restore, arguments, target, pgoptions=options, on_line=listen) as running:
        running.wait()


def _analyze(target: Database, jobs: int, progress: Progress) -> None:
    """A database without statistics answers its first queries slowly. Each connection takes its share of the tables;
    to analyse a partitioned one analyses its partitions."""
    with target.connect() as connection:
        tables = connection.execute(
            "SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE relkind IN ('r', 'm', 'p') AND NOT relispartition AND {IN_USER_SCHEMA}"
            " AND pg_has_role(relowner, 'USAGE') ORDER BY relpages DESC"
        ).fetchall()
    done = 0

    def analyze(share: list[tuple[str, str]]) -> None:
        nonlocal done
        with target.connect() as connection:
            for start in range(0, len(share), BATCH):
                batch = share[start : start + BATCH]
                names = sql.SQL(", ").join(sql.Identifier(*name) for name in batch)
                connection.execute(sql.SQL("ANALYZE {}").format(names))
                done += len(batch)
                progress(Tick("analyze", tables_done=done, tables=len(tables)))

    shares = [tables[number::jobs] for number in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(analyze, shares))


def _quoted(name: str) -> str:
    """A database's name that pg_restore does not take for a connection string."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _major(version: str) -> int:
    return int(version.split(".")[0])
