"""Every reason not to begin a push, found before anything is created: each a PushRefused."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from etna_pipelines.environments.guard import LOCAL_HOSTS, refuse_marked, refuse_production, refuse_snapshot
from etna_pipelines.environments.history import MARK
from etna_pipelines.environments.privileges import connected_as, refuse_lacking
from etna_pipelines.errors import EtnaError, PushRefused
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.programs import find
from etna_pipelines.postgres.server import Database, server_major
from etna_pipelines.snapshots.manifest import Manifest

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

OWNER = "etna_owner"
"""Owns a developer's database where a superuser would."""
INDEXED = 1.5
"""What a table takes with its indexes, as a multiple of its COPY text: an estimate."""
MARGIN = 1.2
FILLING = f"{MARK}filling "
"""The comment of a database while it is filled begins so; then come the bytes that it will take."""


@dataclass(frozen=True)
class Live:
    """The database that serves, as far as a new one has to resemble it."""

    owner: str
    encoding: str
    provider: str
    locale: str | None
    """The locale of a provider that is not libc."""
    collate: str
    ctype: str
    tablespace: str


@dataclass(frozen=True)
class Ground:
    """What a push builds on."""

    server: Connection
    """To work with on the server: the session that holds the target's lock."""
    owner: str
    """The role that will own the new database and everything in it; no superuser."""
    superuser: bool
    """Whether we connect as one."""
    live: Live | None


def preflight(server: Connection, manifest: Manifest, target: "Environment", production: Database | None) -> Ground:
    """Raise PushRefused unless `manifest` may be pushed to `target` and its server can take it. Where production is not
    even to be asked who it is (None), it is what the manifest says of it."""
    refuse_snapshot(manifest.kind, manifest.id, target)
    _refuse_unproven(manifest, target)
    refuse_production(server, target, production, manifest.source)
    _check_versions(server, manifest, target)
    _check_extensions(server, manifest, target)
    return _ground(server, target)


def ground_of(server: Connection, target: "Environment") -> Ground:
    """What a step of a push builds on. Raises PushRefused where the target became production, or roles are missing."""
    refuse_marked(server, target)
    return _ground(server, target)


def check_space(server: Connection, manifest: Manifest, target: "Environment", template: str | None = None) -> None:
    """Raise PushRefused where the server's disk is known and has no room for a second database, restored or cloned from
    a template: a full disk with the WAL on it takes down the database that serves as well."""
    directory = _local_data_directory(server, target.database)
    if directory is None:
        return
    needed = _clone_takes(server, template) if template else _restore_takes(server, manifest)
    free = max(0, shutil.disk_usage(directory).free - _promised(server))
    if free < needed:
        raise PushRefused(
            f"{target.database.label} has {free / 1e9:.1f} GB free on its disk and the snapshot needs about "
            f"{needed / 1e9:.1f} GB beside the live database: make room, then push again."
        )


def _clone_takes(server: Connection, template: str) -> float:
    """Bytes, without WAL: files are copied. Where blocks are shared it takes less."""
    [(size,)] = server.execute("SELECT pg_database_size(%s)", [template]).fetchall()
    return MARGIN * int(size)


def _restore_takes(server: Connection, manifest: Manifest) -> float:
    """Bytes, with WAL."""
    restored = restored_bytes(manifest)
    query = "SELECT pg_size_bytes(setting || unit) FROM pg_settings WHERE name = 'max_wal_size'"
    [(wal,)] = server.execute(query).fetchall()
    return MARGIN * restored + min(int(wal), restored)


def restored_bytes(manifest: Manifest) -> int:
    """What a restored snapshot will take, about."""
    return int(INDEXED * sum(file.raw_bytes or file.bytes for file in manifest.files))


def _promised(server: Connection) -> int:
    """Bytes that databases which are being filled on the same server have still to take."""
    wanted = "substring(shobj_description(oid, 'pg_database') FROM '[0-9]+$')::bigint"
    has = "CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END"
    found = server.execute(
        f"SELECT {wanted}, {has} FROM pg_database WHERE starts_with(shobj_description(oid, 'pg_database'), %s)",
        [FILLING],
    )
    return sum(max(0, wants - has) for wants, has in found)


def _refuse_unproven(manifest: Manifest, target: "Environment") -> None:
    what = f"The {manifest.kind} snapshot {manifest.id} is not pushed to {target.name}"
    if manifest.kind == "stripped" and not (manifest.proof and manifest.proof.passed):
        raise PushRefused(f"{what}: it has no passed proof that nobody can be found in it; strip again.")
    if not manifest.hmac:
        raise PushRefused(f"{what}: it was never published; publish it first.")


def _check_versions(connection: Connection, manifest: Manifest, target: "Environment") -> None:
    major, source = server_major(connection), _major(manifest.source.server_version)
    if major < source:
        raise PushRefused(
            f"{target.database.label} runs PostgreSQL {major} and the snapshot is of {source}: "
            f"upgrade the server to {source} or newer."
        )
    try:
        find("pg_restore", max(major, _major(manifest.versions.get("pg_dump", "0"))), target.database)
    except EtnaError as error:
        raise PushRefused(f"The snapshot {manifest.id} cannot be restored from here: {error}") from None


def _check_extensions(connection: Connection, manifest: Manifest, target: "Environment") -> None:
    available = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
    if missing := sorted(set(manifest.schema_.extensions) - available):
        raise PushRefused(
            f"{target.database.label} lacks the extensions {', '.join(missing)} that the snapshot uses: "
            "install their packages on its server."
        )
    # What is restored is made by an ordinary role, whoever connects.
    untrusted = connection.execute(
        "SELECT name FROM pg_available_extension_versions WHERE name = ANY(%s)"
        " GROUP BY name HAVING bool_and(superuser AND NOT trusted) ORDER BY 1",
        [manifest.schema_.extensions],
    ).fetchall()
    if untrusted:
        names = ", ".join(name for (name,) in untrusted)
        raise PushRefused(
            f"{target.database.label} lets only superusers make the extensions {names} that the snapshot uses, and a "
            "push is none: set `trusted = true` in their control files on its server, or drop them from production."
        )


def _read_live(connection: Connection, name: str) -> Live | None:
    locale = "daticulocale" if server_major(connection) < 17 else "datlocale"
    row = connection.execute(
        f"SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider::text, {locale}, datcollate,"
        " datctype, spcname FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = %s",
        [name],
    ).fetchone()
    return Live(*row) if row else None


def _ground(connection: Connection, target: "Environment") -> Ground:
    live = _read_live(connection, target.database.name)
    superuser = connected_as(connection).superuser
    owner = target.owner or (live.owner if live else target.database.user)
    if target.makes_owner and superuser:
        owner = _ordinary(connection, owner, named=target.owner is not None)
    refuse_lacking(connection, target, owner)
    return Ground(connection, owner, superuser, live)


def _ordinary(connection: Connection, owner: str, *, named: bool) -> str:
    """The owner itself, or OWNER in place of a superuser whom nobody named; made where it is missing.

    A fresh container has a superuser and a database of his. He goes on reaching all that is in it."""
    roles: dict[str, bool] = dict(connection.execute("SELECT rolname, rolsuper FROM pg_roles").fetchall())
    if roles.get(owner) and not named:
        owner = OWNER
    if owner not in roles:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(owner)))
    return owner


def _local_data_directory(connection: Connection, database: Database) -> Path | None:
    """Where the server keeps its data, if that is on this machine and ours to look at."""
    if database.host not in LOCAL_HOSTS and not database.host.startswith("/"):
        return None
    row = connection.execute(
        "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
    ).fetchone()  # NULL or absent for ordinary roles
    directory = Path(row[0]) if row and row[0] else None
    try:
        # A server in a container has the same address and a directory of the same name elsewhere.
        lines: Sequence[str] = (directory / "postmaster.pid").read_text().splitlines() if directory else []
    except OSError:
        return None
    return directory if len(lines) > 3 and lines[3].strip() == str(database.port) else None


def _major(version: str) -> int:
    return int(version.split(".")[0])
