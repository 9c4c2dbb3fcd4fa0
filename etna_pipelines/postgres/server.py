"""A database, how to reach it, and the facts of its server."""

import logging
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo
from psycopg.rows import TupleRow

from etna_pipelines.errors import DatabaseRefused, SettingsError
from etna_pipelines.postgres.messages import reason, why_no_connection

__all__ = ["Database", "reason", "server_major", "system_identifier"]

APPLICATION_NAME = "etna-pipelines"
CONNECT_TIMEOUT = 10
KEPT_ALIVE = 30
"""Seconds of silence after which a connection is probed: firewalls forget quiet ones within minutes."""

# Psycopg logs errors that it ignores, in the server's own words, which may quote rows.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Database:
    """A database and how to reach it; the password stays out of repr, messages and arguments."""

    host: str
    port: int
    user: str
    name: str
    password: str | None = field(default=None, repr=False)
    options: tuple[tuple[str, str], ...] = ()
    """sslmode and the like: libpq's keywords."""

    @classmethod
    def from_url(cls, url: str, password: str | None = None) -> Self:
        """Read `postgresql://user@host:port/name?sslmode=require`; `password` goes before one inside the URL."""
        if not url.startswith(("postgresql://", "postgres://")):
            raise SettingsError("A database URL must begin with postgresql://, as in postgresql://user@host:5432/name.")
        try:
            parsed = Conninfo.parse(url.encode())
        except psycopg.Error:  # its message quotes the URL, which may hold a password
            raise SettingsError(
                "A database URL is not one that PostgreSQL's libpq reads: write it as "
                "postgresql://user@host:5432/name?sslmode=require, percent-encoding special characters."
            ) from None
        given = {option.keyword.decode(): option.val.decode() for option in parsed if option.val is not None}
        host, port, user, name = (given.pop(key, "") for key in ("host", "port", "user", "dbname"))
        inside = given.pop("password", None)
        where = f"The database URL of {name or 'no database'} on {host or 'no host'}"
        for part, value in {"host": host, "user": user, "database": name}.items():
            if not value:
                raise SettingsError(f"{where} names no {part}: write it as postgresql://user@host:5432/name.")
        port = port or "5432"
        if "," in host or not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingsError(f"{where} must name one host and a port between 1 and 65535.")
        if secret := [key for key in given if key in ("sslpassword", "oauth_client_secret", "scram_client_key")]:
            raise SettingsError(
                f"{where} holds {secret[0]}, a secret: keep it out of URLs, libpq reads it from elsewhere."
            )
        return cls(host, int(port), user, name, password or inside, tuple(sorted(given.items())))

    @property
    def label(self) -> str:
        """For messages: `etna_production on 127.0.0.1:5433`."""
        return f"{self.name} on {self.host}:{self.port}"

    @property
    def maintenance(self) -> Self:
        """The server's `postgres` database: for work that must not stand on the database it is about."""
        return self.named("postgres")

    @property
    def url(self) -> str:
        """The URL without the password."""
        options = f"?{urlencode(self.options, quote_via=quote)}" if self.options else ""
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        return f"postgresql://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.name, safe='')}{options}"

    def named(self, name: str) -> Self:
        """Another database of the same server, reached in the same way."""
        return replace(self, name=name)

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[TupleRow]:
        """Raises DatabaseUnreachable where nobody answers, DatabaseRefused where the answer is no."""
        parameters = {
            "connect_timeout": str(CONNECT_TIMEOUT),
            "application_name": APPLICATION_NAME,
            "keepalives_idle": str(KEPT_ALIVE),
            **dict(self.options),
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "dbname": self.name,
            "client_encoding": "UTF8",
        }
        if self.password is not None:
            parameters["password"] = self.password
        try:
            return psycopg.connect(make_conninfo("", **parameters), autocommit=autocommit)
        except psycopg.Error as error:
            raise why_no_connection(str(error), self.label, self.user) or DatabaseRefused(
                f"{self.label} refuses the connection ({reason(error)}): check its settings and the server's log."
            ) from None


def server_major(connection: psycopg.Connection[TupleRow]) -> int:
    """The server's major version: 15, 18 ..."""
    return connection.info.server_version // 10000


def system_identifier(connection: psycopg.Connection[TupleRow]) -> str:
    """The number that a cluster is born with and its copies share; empty where the role may not ask for it."""
    try:
        with connection.transaction():
            row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
        return ""
    return str(row[0]) if row else ""
