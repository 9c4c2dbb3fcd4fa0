import pytest

from etna_pipelines.environments.fixups import fix_up
from etna_pipelines.errors import PushFailed
from etna_pipelines.postgres.server import Database


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(query).fetchall()


def run(database: Database, statements: str) -> None:
    with database.connect() as connection:
        connection.execute(statements)


SITES = """
    CREATE TABLE wagtailcore_site (id int, hostname varchar(255), port int);
    INSERT INTO wagtailcore_site VALUES (1, 'a.org', 443), (2, 'B.org', 80), (3, 'c.org', 443);
    CREATE TABLE django_site (id int, domain varchar(100), name varchar(20));
    INSERT INTO django_site VALUES (1, 'a.org', 'a.org'), (2, 'c.org', 'The third');
"""


def test_hosts_become_what_the_mapping_says_all_at_once(database: Database) -> None:
    run(database, SITES)
    assert fix_up(database, {"a.org": "b.org", "b.org": "a.org"}) == 4
    assert rows(database, "SELECT hostname, port FROM wagtailcore_site ORDER BY id") == [
        ("b.org", 443),
        ("a.org", 80),
        ("c.org", 443),
    ]
    assert rows(database, "SELECT domain, name FROM django_site ORDER BY id") == [
        ("b.org", "b.org"),
        ("c.org", "The third"),
    ]


def test_a_database_without_sites_needs_nothing(database: Database) -> None:
    assert fix_up(database, {"a.org": "b.org"}) == 0


def test_all_or_nothing(database: Database) -> None:
    run(database, SITES)
    with pytest.raises(PushFailed, match=r"value too long for type character varying\(20\)") as raised:
        fix_up(database, {"a.org": "a-name-that-is-long.example.org"})
    assert "a-name" not in str(raised.value)
    assert rows(database, "SELECT hostname FROM wagtailcore_site ORDER BY id") == [("a.org",), ("B.org",), ("c.org",)]
