"""What is configured, what works, what is missing, and the next step where something is."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from rich.filesize import decimal

from etna_pipelines.errors import DatabaseRefused, EtnaError, SettingsError, StoreError
from etna_pipelines.keys import key_id
from etna_pipelines.postgres.programs import Installation, find, installed
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.postgres.space import AS_TEXT, BEHIND, OVERSHOOT, gives_back
from etna_pipelines.postgres.tls import shortfall
from etna_pipelines.settings import FILE, Settings, load
from etna_pipelines.steps import WORKERS
from etna_pipelines.stores.identities import VARIABLE
from etna_pipelines.variables import KeyName

NEWEST_MINORS = {15: "15.20", 16: "16.15", 17: "17.11", 18: "18.6"}
MINORS_KNOWN_ON = "21 November 2026"
"""Newer ones can exist; what is older than these is behind for certain. Minor releases fix, among others, the running
of code from a crafted archive by pg_restore and psql."""

State = Literal["good", "note", "work"]


@dataclass(frozen=True)
class Finding:
    """What was found about one subject; `work` is for somebody to do, and the sentence ends with the next step."""

    subject: str
    state: State
    says: str


RESTING = Finding(
    "databases", "note", "the embedded server is not running; the next run starts it, and so does `etna demo`"
)


@dataclass(frozen=True)
class _Visit:
    """A look at one environment's database, and its server's major version if there was an answer."""

    finding: Finding
    major: int | None = None
    database: Database | None = None


def examine(path: Path = FILE) -> list[Finding]:
    """Look at everything that a nightly run needs. Changes nothing but a probe in the store, which it removes."""
    try:
        settings = load(path)
    except SettingsError as error:
        return [Finding("settings", "work", str(error))]
    resting = settings.uses_embedded_server and not settings.embedded_server.is_running
    names = [name for name in settings.sections if not (resting and settings.is_embedded(name))]
    with ThreadPoolExecutor() as pool:
        visits = list(pool.map(lambda name: _visit(settings, name), names))
    return [
        _settings(settings),
        *([RESTING] if resting else []),
        *(visit.finding for visit in visits),
        *_unverified(visits),
        *_programs(visits),
        _key(settings, "masking", settings.masking_key),
        _key(settings, "signing", settings.signing_key),
        *_old_keys(settings),
        _attempt("store", lambda: _store(settings)),
        _scratch(settings.home / "scratch"),
        *([_encryption(settings)] if settings.encryption.full else []),
        _attempt("rules", lambda: _rules(settings.rules)),
        *([_attempt("github", lambda: _github(settings))] if settings.github else []),
        *([_registry(settings)] if "test" in settings.sections else []),
        _dagster(),
    ]


def _attempt(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, "good", look())
    except EtnaError as error:
        return Finding(subject, "work", str(error))


def _unverified(visits: Sequence[_Visit]) -> Iterator[Finding]:
    for visit in visits:
        if visit.database and (says := shortfall(visit.database)):
            yield Finding(f"{visit.finding.subject} TLS", "note", says)


def _settings(settings: Settings) -> Finding:
    embedded = [name for name in settings.sections if settings.is_embedded(name)]
    configured = [name for name in settings.sections if name not in embedded]
    if not configured:
        return Finding("settings", "good", f"everything is embedded, under {settings.home}")
    rest = f"; embedded under {settings.home}: {', '.join(embedded)}" if embedded else ""
    return Finding("settings", "good", f"configured: {', '.join(configured)}{rest}")


def _visit(settings: Settings, name: str) -> _Visit:
    try:
        database = settings.database(name)
        with database.connect() as connection:
            version = connection.info.parameter_status("server_version") or ""
            major = connection.info.server_version // 10000
        return _Visit(Finding(name, "good", f"{database.label}, PostgreSQL {version.split(' ')[0]}"), major, database)
    except DatabaseRefused as error:
        if name != "production" and (found := _server_without(database)):
            if name == "test":  # it is the beginning of their names
                return _Visit(Finding(name, "good", f"{database.label}, a database for each branch"), found, database)
            says = f"{database.label} is not there yet; its first push makes it"
            return _Visit(Finding(name, "note", says), found, database)
        return _Visit(Finding(name, "work", str(error)))
    except EtnaError as error:
        return _Visit(Finding(name, "work", str(error)))
    except psycopg.Error as error:
        return _Visit(
            Finding(name, "work", f"{database.label} broke the conversation off ({reason(error)}): try again.")
        )


def _server_without(database: Database) -> int | None:
    """The server's major version if it lets us in and only the database is missing."""
    try:
        with database.maintenance.connect() as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database.name]).fetchone()
            return connection.info.server_version // 10000 if found is None else None
    except (EtnaError, psycopg.Error):
        return None


def _programs(visits: Sequence[_Visit]) -> Iterator[Finding]:
    """The client programs that runs would pick for these servers; without a server, those on the machine."""
    here = installed()
    if not here:
        yield Finding("programs", "work", "no PostgreSQL client programs are installed: run `uv sync`.")
    elif not any(visit.major for visit in visits):
        yield Finding("programs", "note", f"PostgreSQL {', '.join(one.version for one in here)} on this machine")
    by_major = sorted(visits, key=lambda visit: visit.major or 0)
    yield from dict.fromkeys(finding for visit in by_major for finding in _programs_for(visit, here))


def _programs_for(visit: _Visit, here: Sequence[Installation]) -> Iterator[Finding]:
    if not visit.major:
        return
    try:
        directories = {find(program, visit.major, visit.database).parent for program in ("pg_dump", "pg_restore")}
    except EtnaError as error:
        yield Finding("programs", "work", str(error))
        return
    for one in here:
        if one.directory in directories:
            yield _fitting(one, visit.major)


def _fitting(one: Installation, major: int) -> Finding:
    newest = NEWEST_MINORS.get(one.major)
    where = f"pg_dump and pg_restore {one.version} in {one.directory} fit PostgreSQL {major}"
    if newest and one.order < Installation(one.directory, newest).order:
        says = (
            f"{where}, but are behind {newest} (as of {MINORS_KNOWN_ON}): update PostgreSQL {one.major} where they are."
        )
        return Finding("programs", "work", says)
    return Finding("programs", "good", where)


def _key(settings: Settings, name: KeyName, key: Callable[[], bytes]) -> Finding:
    file = settings.key_file(name)
    if file and not file.exists():
        return Finding(f"{name} key", "note", f"made at the first use, in {file}")
    where = f"in {file}" if file else f"in ETNA_{name.upper()}_KEY"
    return _attempt(f"{name} key", lambda: f"{where}, with the id {key_id(key())}")


def _old_keys(settings: Settings) -> Iterator[Finding]:
    """Of what signed before."""
    try:
        old = [key_id(key) for key in settings.variables.old_keys()]
    except EtnaError:
        return  # what is wrong with them is said of the signing key
    if old:
        says = f"{' and '.join(old)} still verify; `etna resign` signs anew what needs them"
        yield Finding("old signing keys", "note", says)


def _store(settings: Settings) -> str:
    """Write, read and remove a probe."""
    store = settings.open_store()
    probe, content = f"doctor/{secrets.token_hex(4)}", secrets.token_bytes(16)
    store.put(probe, [content])
    try:
        if b"".join(store.read(probe)) != content:
            raise StoreError(f"{store.location()} does not give back what is written to it: use another store.")
    finally:
        store.delete([probe])
    return f"{store.location()} can be written and read"


def _scratch(directory: Path) -> Finding:
    """What there is of it, and what it takes whatever the database's size."""
    there = next(each for each in (directory, *directory.parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    needed = f"a backup needs up to {decimal(BEHIND + OVERSHOOT)} of it"
    if not gives_back(there):
        needed += f", and {AS_TEXT} times its {WORKERS} largest tables, as its file system cannot punch holes"
    says = f"{directory} has {decimal(free)} free: {needed}, a restore the size of the snapshot"
    return Finding("scratch", "good" if free >= BEHIND + OVERSHOOT else "note", says)


def _encryption(settings: Settings) -> Finding:
    """Whom archives are encrypted to, and which of them we could open."""
    to = settings.encryption
    says = (
        f"recipients of full snapshots: {len(to.full)}, of stripped ones: {len(to.stripped) or 'none, they are plain'}"
    )
    try:
        opened = to.opened_by(settings.variables.age_identities())
    except EtnaError as error:
        return Finding("encryption", "work", str(error))
    if "full" in opened:
        return Finding("encryption", "good", f"{says}; {VARIABLE} opens both")
    if "stripped" in opened:
        return Finding("encryption", "note", f"{says}; this machine opens the latter: enough to pull, not for a night")
    return Finding("encryption", "work", f"{says}, and {VARIABLE} opens neither: set it to an identity of one of them.")


def _rules(path: Path) -> str:
    from etna_pipelines.anonymise.rules import rules  # loads Polars

    return f"{path.name} names {len(rules.load(path).tables)} tables"


def _github(settings: Settings) -> str:
    with settings.open_github() as github:
        return f"{settings.github and settings.github.repository} answers; it has {len(github.tags())} tags"


def _registry(settings: Settings) -> Finding:
    """Of feature environments."""
    from etna_pipelines.environments.registry import default_directory, registry_for

    directory = default_directory(settings)
    if settings.test.registry is None and not directory.is_dir():
        return Finding("registry", "note", f"{directory} is not there yet; the first tick of the sensor makes it")
    return _attempt("registry", lambda: f"it announces {len(registry_for(settings).branches())} branches")


def _dagster() -> Finding:
    missing = [name for name in ("dagster.yaml", "workspace.yaml") if not Path(name).is_file()]
    if missing:
        says = (
            f"{' and '.join(missing)} not in {Path.cwd()}: run etna and dagster in the top directory of the checkout."
        )
        return Finding("dagster", "work", says)
    return Finding("dagster", "good", "dagster.yaml and workspace.yaml are here")
