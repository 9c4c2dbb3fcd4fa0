import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.clone import clone
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database

_numbers = itertools.count(1)

both = pytest.mark.parametrize("template", ["server", "server15"], indirect=True)
"""On the newest PostgreSQL and on 15."""

PASSWORD = "secret of the test"


@pytest.fixture
def template(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database that takes no connections, of a role that can't log in, reached as a role that is no superuser."""
    server: EmbeddedServer = request.getfixturevalue(getattr(request, "param", "server"))
    name = f"cloned_{next(_numbers)}"
    owner, cloner = owner_of(name), f"{name}_cloner"
    maintenance = server.database("postgres")
    with maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {owner}")
        connection.execute(f"CREATE ROLE {cloner} LOGIN CREATEDB PASSWORD '{PASSWORD}' IN ROLE {owner}")
        connection.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with server.database(name).connect() as connection:
        connection.execute(f"SET ROLE {owner}")
        connection.execute("CREATE TABLE page AS SELECT i AS id, 'Page ' || i AS title FROM generate_series(1, 9) i")
    with maintenance.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    yield replace(server.database(name), user=cloner, password=PASSWORD)
    with maintenance.connect() as connection:
        for (found,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [name + "%"]):
            connection.execute(f"DROP DATABASE {found} WITH (FORCE)")
        connection.execute(f"DROP ROLE {owner}, {cloner}")


def owner_of(template: str) -> str:
    return f"{template}_owner"


def copy_of(template: Database, number: int = 1) -> Database:
    return clone(template, f"{template.name}_copy{number}", owner=owner_of(template.name))


@both
def test_a_clone_is_like_its_template_and_its_owners_alone(template: Database) -> None:
    copy = copy_of(template)
    with copy.connect() as connection:
        assert connection.execute(
            "SELECT count(*), max(title), min(tableowner) FROM page, pg_tables WHERE tablename = 'page'"
        ).fetchall() == [(9, "Page 9", owner_of(template.name))]
        facts = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, pg_get_userbyid(datdba), datallowconn, datistemplate,"
            " has_database_privilege('public', oid, 'CONNECT') FROM pg_database WHERE datname = current_database()"
        )
        assert facts.fetchall() == [("LATIN1", "C", owner_of(template.name), True, False, False)]


@both
def test_five_clones_at_once(template: Database) -> None:
    with ThreadPoolExecutor(5) as pool:
        copies = list(pool.map(lambda number: copy_of(template, number), range(5)))
    for copy in copies:
        with copy.connect() as connection:
            assert connection.execute("SELECT count(*) FROM page").fetchall() == [(9,)]


@both
def test_a_template_that_is_gone(template: Database) -> None:
    with pytest.raises(PushFailed, match=r"gone on 127.*cannot be cloned: it was dropped meanwhile; push again\.$"):
        clone(template.named("gone"), "copy", owner=owner_of(template.name))


@both
def test_a_template_of_another_role(template: Database) -> None:
    with pytest.raises(PushFailed, match="needs CREATEDB and to be a member of"):
        clone(template.named("postgres"), f"{template.name}_copy", owner=owner_of(template.name))
