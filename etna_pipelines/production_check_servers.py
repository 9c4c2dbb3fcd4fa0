"""Servers of a set-up: production, the targets, and the one that holds Dagster's history."""

import time
from collections.abc import Iterator

from etna_pipelines.doctor import Finding
from etna_pipelines.errors import DatabaseRefused, EtnaError, SettingsError
from etna_pipelines.postgres.handover import Connection
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.tls import is_local, mode_of, shortfall
from etna_pipelines.production_page import Section, finding
from etna_pipelines.settings import Settings

CLOCKS_APART = 120
"""Seconds by which clocks may differ: ids of snapshots are times, and AWS refuses what is five minutes off."""
DAEMON_SILENT = 300
"""Seconds: Dagster's daemon notes that it lives twice a minute."""
DRIVEN_BY = "postgresql+psycopg2"
"""Dagster's statements are psycopg2's. Since SQLAlchemy 2.1 `postgresql://` means another driver, which refuses one."""

MAY_WRITE = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
       AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
"""
MAY_CREATE = """
    SELECT count(*) FROM pg_namespace
     WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'CREATE')
"""

SILENT_FOR = """
    SELECT extract(epoch FROM now() AT TIME ZONE 'UTC' - max(timestamp))::float8 FROM daemon_heartbeats
"""

TABLES_MISSING = """
    SELECT string_agg(name, ', ' ORDER BY name)
      FROM unnest(ARRAY['runs', 'run_tags', 'event_logs', 'job_ticks', 'daemon_heartbeats']) AS name
     WHERE to_regclass(name) IS NULL
"""
"""Of Dagster's own. Several processes that start on an empty database make its tables by halves."""


def production(settings: Settings) -> Iterator[Finding]:
    """Its role reads and does nothing else; nobody listens in; its clock is ours."""
    if settings.is_embedded("production"):
        return
    database = settings.database("production")
    yield from _tls("production", database)
    with database.connect() as connection:
        yield from _clock("production", connection)
        yield from _reader(database, connection)


def _reader(database: Database, connection: Connection) -> Iterator[Finding]:
    powers = _powers(connection)
    tables, schemas = (int(connection.execute(query).fetchall()[0][0]) for query in (MAY_WRITE, MAY_CREATE))
    if tables:
        powers.append(f"may write to {tables} tables")
    if schemas:
        powers.append(f"may create in {schemas} schemas")
    if powers:
        says = f"the role {database.user} {', '.join(powers)}: it is to read and nothing else."
        yield finding("production", "work", says, Section.ROLES)
    else:
        yield finding("production", "good", f"{database.user} reads and does nothing else", Section.ROLES)


def targets(settings: Settings) -> Iterator[Finding]:
    """The environments' roles are no superusers, and the rest as for production. A developer's own database is his."""
    for name in settings.sections:
        if name not in ("production", "local") and not settings.is_embedded(name):
            yield from _target(name, settings)


def _target(name: str, settings: Settings) -> Iterator[Finding]:
    try:
        database = settings.database(name)
        yield from _tls(name, database)
        with _server_of(database) as connection:
            yield from _clock(name, connection)
            powers = [power for power in _powers(connection) if power != "may create databases"]
    except EtnaError as error:
        yield finding(name, "work", str(error), Section.ROLES)
        return
    if powers:
        says = f"the role {database.user} {', '.join(powers)}: it needs to create databases and no more."
        yield finding(name, "work", says, Section.ROLES)
    else:
        yield finding(name, "good", f"{database.user} is no superuser", Section.ROLES)


def _server_of(database: Database) -> Connection:
    """A session on its server: on the database itself where it is there and `postgres` is closed to the role."""
    try:
        return database.maintenance.connect()
    except DatabaseRefused:
        return database.connect()


def _powers(connection: Connection) -> list[str]:
    query = "SELECT rolsuper, rolcreaterole, rolreplication, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    has = connection.execute(query).fetchone() or ()
    names = ("is a superuser", "may make roles", "may replicate the whole server", "may create databases")
    return ["is a superuser"] if has and has[0] else [name for name, power in zip(names, has, strict=False) if power]


def _tls(name: str, database: Database) -> Iterator[Finding]:
    if lacks := shortfall(database):
        yield finding(name, "work", f"{lacks}.", Section.ROLES)
    elif not is_local(database):
        yield finding(name, "good", f"sslmode={mode_of(database)}", Section.ROLES)


def _clock(name: str, connection: Connection) -> Iterator[Finding]:
    asked = time.time()
    [(theirs,)] = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchall()
    if problem := clock_problem(theirs - (asked + time.time()) / 2, f"the server of {name}"):
        yield finding("clock", "work", problem, Section.MACHINE)


def clock_problem(ahead: float, whose: str) -> str | None:
    """What is wrong where another clock is so many seconds ahead of ours."""
    if abs(ahead) <= CLOCKS_APART:
        return None
    way = "behind" if ahead > 0 else "ahead of"
    return f"this machine's clock is {abs(ahead) / 60:.0f} minutes {way} that of {whose}: set both by NTP."


def history(address: str, variable: str) -> Iterator[Finding]:
    """Where Dagster keeps its runs, events and schedules; its daemon notes there that it lives."""
    scheme, mark, rest = address.partition("://")
    if scheme != DRIVEN_BY:
        says = f"{variable} must begin with {DRIVEN_BY}://: by SQLAlchemy's own choice of a driver no run ever starts."
        yield finding("dagster", "work", says, Section.DAGSTER)
    try:
        database = Database.from_url(f"postgresql{mark}{rest}")
    except SettingsError as error:
        yield finding("dagster", "work", f"{variable}: {error}", Section.DAGSTER)
        return
    yield from _tls("dagster", database)
    with database.connect() as connection:
        if powers := _powers(connection):
            says = f"the role {database.user} {', '.join(powers)}: it needs to own the database of the history alone."
            yield finding("dagster", "work", says, Section.DAGSTER)
        if missing := connection.execute(TABLES_MISSING).fetchall()[0][0]:
            says = f"{database.label} lacks the tables {missing}: stop the services and run `dagster instance migrate`"
            yield finding("dagster", "work", f"{says}; if that is not enough, make it anew.", Section.DAGSTER)
            return
        beat = connection.execute(SILENT_FOR).fetchone()
    yield finding("dagster", "good", f"its history is in {database.label}", Section.DAGSTER)
    if beat is None or beat[0] is None:
        yield finding("daemon", "work", "it never ran: nothing starts by itself without it.", Section.SERVICES)
    elif beat[0] > DAEMON_SILENT:
        says = f"it was last heard of {beat[0] / 60:.0f} minutes ago: `systemctl restart etna-daemon`."
        yield finding("daemon", "work", says, Section.SERVICES)
    else:
        yield finding("daemon", "good", "it is at work", Section.SERVICES)
