"""The embedded server, made ready for the environments that are on it."""

from contextlib import suppress

from psycopg import errors, sql

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.settings import Settings
from etna_pipelines.settings_sections import APPLICATION_ROLE


def start_embedded(settings: Settings) -> None:
    """Start the embedded server, where any environment is on it."""
    if settings.uses_embedded_server:
        start(settings.embedded_server)


def start(server: EmbeddedServer) -> None:
    """Start it, with the role that owns its databases."""
    server.ensure_running()
    with server.database("postgres").connect() as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone() is not None:
            return
        with suppress(errors.DuplicateObject, errors.UniqueViolation):  # another process was faster
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APPLICATION_ROLE)))
