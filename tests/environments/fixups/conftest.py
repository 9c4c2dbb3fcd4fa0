"""A restored database that belongs to a role which is no superuser, and what it is to become."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from etna_pipelines.django_password import django_hash
from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.environments.fixups import fix_up, superuser
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment

OWNER = "fixups_owner"

MakeDatabase = Callable[..., Database]
FixUp = Callable[..., None]


@pytest.fixture(scope="session")
def two(server: EmbeddedServer) -> tuple[Database, Database]:
    """Two databases, reached as their owner."""
    with server.database("postgres").connect() as connection:
        connection.execute(f"CREATE ROLE {OWNER}")
        for name in ("fixups_new", "fixups_live"):
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    options = (("options", f"-c role={OWNER}"),)
    new, live = (replace(server.database(name), options=options) for name in ("fixups_new", "fixups_live"))
    return new, live


@pytest.fixture
def make_database(two: tuple[Database, Database]) -> Iterator[MakeDatabase]:
    """A database made of these statements by its owner; a test can have two."""
    left = list(two)

    def make(statements: str = "") -> Database:
        database = left.pop()
        run(database, statements)
        return database

    yield make
    for database in two:
        run(database, f"ALTER DATABASE {database.name} RESET ALL")
        run(database, f"DROP OWNED BY {OWNER} CASCADE")


@pytest.fixture
def apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FixUp:
    """Make the fix-ups of `development` on a database, as environments.yaml says them."""
    monkeypatch.setattr(superuser, "django_hash", partial(django_hash, iterations=1000))

    def apply(new: Database, live: Database | None = None, **given: Any) -> None:
        hosts, kind, password = (given.pop(name, None) for name in ("hosts", "kind", "password"))
        target = Environment("development", new, hosts=hosts or {}, superuser_password=password)
        target = replace(target, fix_ups=FixUps.model_validate(given))
        fix_up(new, target, push="push-1", kind=kind or "stripped", live=live, home=tmp_path)

    return apply


def run(database: Database, statements: str) -> None:
    if statements:
        with database.connect() as connection:
            connection.execute(statements.encode())


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def values(database: Database, query: str) -> list[Any]:
    """Of the first column."""
    return [row[0] for row in rows(database, query)]
