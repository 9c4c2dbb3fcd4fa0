"""The demo's production: a database of the demo's site, migrated and filled once, then kept."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from etna_pipelines.demo import accounts, activity, desk, pages
from etna_pipelines.demo.people import people
from etna_pipelines.demo.world import TODAY, Table, World
from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.server import Database, reason
from etna_pipelines.progress import Progress, Tick, silent

APPLICATION_ROLE = "etna_app"
_SEEDING = "etna demo: being made"
_SEEDED = "etna demo: an invented production"

Connection = psycopg.Connection[TupleRow]


class DemoFailed(EtnaError):
    """The demo's production could not be made."""


def seed(database: Database, *, scale: float = 1.0, progress: Progress = silent) -> None:
    """Make the demo's production in `database`, creating it and its owner, the role etna_app, where they are missing.

    What was made is kept: a second call returns at once, and one that was interrupted is taken up again. Everything
    is seeded, so that two machines make the same rows. `database`'s user must be a superuser.
    """
    try:
        if _is_seeded(database):
            return
        progress(Tick("seed"))
        examples = _migrate(database, scale)
        with database.connect(autocommit=False) as connection:
            _fill(connection, scale, examples, progress)
            _mark(connection, database, _SEEDED)
        with database.connect() as connection:
            connection.execute("ANALYZE")
    except psycopg.Error as error:
        raise DemoFailed(
            f"The demo's production could not be made in {database.label} ({reason(error)}): "
            "its user must be a superuser, and the database the demo's own."
        ) from None


def _is_seeded(database: Database) -> bool:
    """Whether there is nothing left to do; a missing database is created. Raises DemoFailed for a stranger's."""
    with database.maintenance.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone():
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):  # somebody was faster
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APPLICATION_ROLE)))
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database.name]
        ).fetchone()
        if not found:
            names = sql.Identifier(database.name), sql.Identifier(APPLICATION_ROLE)
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(*names))
            _mark(connection, database, _SEEDING)
            return False
    if found[0] in (_SEEDED, _SEEDING):
        return bool(found[0] == _SEEDED)
    with database.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_stat_user_tables LIMIT 1").fetchone():
            raise DemoFailed(
                f"{database.label} holds tables that the demo did not make: give the demo a database of its own."
            )
        owner = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(owner.format(sql.Identifier(database.name), sql.Identifier(APPLICATION_ROLE)))
        _mark(connection, database, _SEEDING)
    return False


def _mark(connection: Connection, database: Database, mark: str) -> None:
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database.name), sql.Literal(mark))
    connection.execute(comment)


def _start_site(database: Database) -> subprocess.Popen[str]:
    """Run the site's own migrations, as its own role: everything they make belongs to it."""
    given = dict(database.options)
    as_application = f"{given.get('options', '')} -c role={APPLICATION_ROLE}".strip()
    url = replace(database, options=tuple(sorted((given | {"options": as_application}).items()))).url
    environment = os.environ | {"ETNA_DATABASE_URL": url}
    if database.password is not None:
        environment["PGPASSWORD"] = database.password
    return subprocess.Popen(
        [sys.executable, "-m", "etna_pipelines.demo.site", "prepare"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _migrate(database: Database, scale: float) -> dict[str, dict[str, object]]:
    """Migrate, and learn how Wagtail itself serialises a page of each kind."""
    with _start_site(database) as site:
        try:
            people(scale)  # invented while the site migrates
            output, errors = site.communicate()
        except BaseException:
            site.kill()
            raise
    if site.returncode:
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        raise DemoFailed(f"The demo's site could not migrate {database.label} ({last}): mend that and run it again.")
    examples: dict[str, dict[str, object]] = json.loads(output)
    return examples


def _fill(connection: Connection, scale: float, examples: dict[str, dict[str, object]], progress: Progress) -> None:
    content_types = connection.execute("SELECT app_label || '.' || model, id FROM django_content_type")
    world = World(scale, dict(content_types.fetchall()), examples)
    site_map = pages.site_map(world)
    everything = [
        *accounts.tables(world),
        *desk.tables(world),
        *pages.tables(world, site_map),
        *activity.tables(world, site_map),
    ]
    _forget_the_migrations_own(connection)
    for done, table in enumerate(everything):
        progress(Tick("seed", tables_done=done, tables=len(everything)))
        _copy(connection, table)
    connection.execute(_INDEX)
    _reset_sequences(connection)
    progress(Tick("seed", tables_done=len(everything), tables=len(everything)))


def _forget_the_migrations_own(connection: Connection) -> None:
    """Rows that migrations make with random keys and the current time; foreign keys are checked at the commit."""
    for table in ("wagtailcore_site", "wagtailcore_page", "django_site"):
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    connection.execute("UPDATE django_migrations SET applied = %s", [TODAY])


def _copy(connection: Connection, table: Table) -> None:
    name, rows = table
    rows = iter(rows)
    first = next(rows)
    target = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, first))
    )
    with connection.cursor().copy(target) as copy:
        copy.write_row(tuple(first.values()))
        for row in rows:
            copy.write_row(tuple(row.values()))


_INDEX = """
INSERT INTO wagtailsearch_indexentry
    (object_id, title_norm, content_type_id, autocomplete, title, body, title_text, body_text)
SELECT page.id::text, 1, page.content_type_id, to_tsvector('simple', page.title), to_tsvector(page.title),
       to_tsvector(prose), page.title, prose
FROM wagtailcore_page page
JOIN journal_articlepage article ON article.page_ptr_id = page.id,
     left(concat_ws(' ', author_name, author_email, body), 100000) AS prose
ORDER BY page.id
"""
"""Wagtail indexes drafts too: what the index holds is as private as they are."""


def _reset_sequences(connection: Connection) -> None:
    """Ids were given by hand: the next one that the site makes must be a new one."""
    columns: Iterable[tuple[str, str]] = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND is_identity = 'YES'"
    ).fetchall()
    for table, column in columns:
        connection.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({literal}, {key}), max({column})) FROM {table}").format(
                literal=sql.Literal(table),
                key=sql.Literal(column),
                column=sql.Identifier(column),
                table=sql.Identifier(table),
            )
        )
