"""A small site as production, its published snapshots, and an environment to push them to."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from etna_pipelines.environments.history import Push
from etna_pipelines.environments.push import Pushing
from etna_pipelines.environments.rollback import rollback
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest, Proof
from etna_pipelines.stores.local import LocalStore

SITE = """
    CREATE TABLE wagtailcore_site (id int PRIMARY KEY, hostname varchar(255), port int, UNIQUE (hostname, port));
    INSERT INTO wagtailcore_site VALUES (1, 'www.example.org', 443), (2, 'Wagtail.example.org', 443), (3, 'x.org', 80);
    CREATE TABLE django_site (id int PRIMARY KEY, domain varchar(100), name varchar(50));
    INSERT INTO django_site VALUES (1, 'www.example.org', 'The site');
    CREATE TABLE page (id int PRIMARY KEY, title text NOT NULL, site int REFERENCES wagtailcore_site);
    INSERT INTO page SELECT i, 'Page ' || i, 1 FROM generate_series(1, 500) i;
    CREATE EXTENSION citext;
"""
HOSTS = {"www.example.org": "development.example.org", "wagtail.example.org": "wagtail.development.example.org"}
SIGNING_KEY = bytes(32)
OWNER = "site_owner"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Published:
    """Two snapshots of one production, in a store."""

    production: Database
    store: LocalStore
    full: Manifest
    stripped: Manifest


def publish(server: EmbeddedServer, directory: Path, name: str = "site_production") -> Published:
    server.create_database(name)
    production = server.database(name)
    with production.connect() as connection:
        connection.execute(SITE)
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
            connection.execute(f"CREATE ROLE {OWNER}")
    store = LocalStore(directory / "store")
    full = backup(production, store, environment="production", scratch=directory / "scratch")
    stripped = full.model_copy(
        update={"kind": "stripped", "proof": Proof(passed=True, scanned_bytes=0, scanned_files=0, originals=0)}
    )
    for file in full.files:
        store.copy(full.archive_key(file.name), stripped.archive_key(file.name))
    return Published(production, store, full.signed(SIGNING_KEY), stripped.signed(SIGNING_KEY))


@pytest.fixture(scope="session")
def published(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(server, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def published15(server15: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return publish(server15, tmp_path_factory.mktemp("published15"))


MakeTarget = Callable[..., Environment]


@pytest.fixture
def make_target() -> Iterator[MakeTarget]:
    """An environment of the test's own on the server of a production; nothing of it is there yet."""
    made: list[Database] = []

    def make(published: Published, snapshot: Literal["full", "stripped"] = "stripped") -> Environment:
        database = published.production.named(f"site_development_{next(_numbers)}")
        made.append(database)
        return Environment("development", database, snapshot, HOSTS, None, OWNER)

    yield make
    for database in made:
        with database.maintenance.connect() as connection:
            for name in databases(database):
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def target(published: Published, make_target: MakeTarget) -> Environment:
    """Serves nothing yet."""
    return make_target(published)


@pytest.fixture
def serving(target: Environment) -> Environment:
    """Serves a database that somebody made by hand."""
    serve_by_hand(target.database)
    return target


def serve_by_hand(database: Database) -> None:
    with database.maintenance.connect() as connection:
        connection.execute(f"CREATE DATABASE {database.name} OWNER {OWNER}")
    with database.connect() as connection:
        connection.execute(f"CREATE TABLE page (id int, title text); ALTER TABLE page OWNER TO {OWNER}")
        connection.execute("INSERT INTO page VALUES (1, 'By hand')")


def databases(live: Database) -> list[str]:
    """The target's databases, whatever they are for."""
    with live.maintenance.connect() as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname = %s OR datname LIKE %s ORDER BY 1",
            [live.name, live.name.replace("_", r"\_") + r"\_%"],
        )
        return [name for (name,) in names]


def titles(database: Database, limit: int = 2) -> list[str]:
    with database.connect() as connection:
        return [title for (title,) in connection.execute("SELECT title FROM page ORDER BY id LIMIT %s", [limit])]


HANDMADE, RESTORED = ["By hand"], ["Page 1", "Page 2"]
"""What `titles` finds of a database made by hand, and of a snapshot."""

Send = Callable[..., Push]


@pytest.fixture
def pushing(published: Published, tmp_path: Path) -> Callable[..., Pushing]:
    """What pushes a snapshot, the stripped one where none is named."""

    def pushing(target: Environment, manifest: Manifest | None = None, of: Published = published) -> Pushing:
        store, scratch = of.store, tmp_path / "scratch"
        return Pushing(manifest or of.stripped, target, store, of.production, scratch, home=tmp_path / "home")

    return pushing


@pytest.fixture
def send(pushing: Callable[..., Pushing]) -> Send:
    """Push it, in all steps."""

    def send(*target: Environment | Manifest) -> Push:
        return all_steps(pushing(*target))

    return send


def all_steps(pushing: Pushing) -> Push:
    begun = pushing.begin()
    pushing.fill(begun)
    pushing.check(begun)
    pushing.fix_up(begun)
    return pushing.swap_in(begun)


@pytest.fixture
def back(published: Published) -> Callable[[Environment], Push]:
    """Roll back."""
    return partial(rollback, production=published.production, store=published.store)
