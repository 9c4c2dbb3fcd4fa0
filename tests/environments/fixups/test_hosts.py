import pytest

from etna_pipelines.errors import FixUpFailed
from tests.environments.fixups.conftest import FixUp, MakeDatabase, rows, run, values

SITES = """
    CREATE TABLE wagtailcore_site (id int, hostname varchar(255), port int, UNIQUE (hostname, port));
    INSERT INTO wagtailcore_site VALUES (1, 'www.org', 443), (2, 'Wagtail.org', 443), (3, 'archive.org', 443);
    CREATE TABLE django_site (id int, domain varchar(100) UNIQUE, name varchar(20));
    INSERT INTO django_site VALUES (1, 'www.org', 'WWW.org'), (2, 'archive.org', 'The third');
"""
LINKS = """
    CREATE TABLE page (id int, link varchar(80), body jsonb, notes json);
    INSERT INTO page VALUES
        (1, 'https://www.org/a?to=//WWW.org:443/b', '{"a": ["see www.org", 12345678901234567890.10]}', '"\\nwww.org"'),
        (2, 'https://m.www.org, www.org.uk, awww.org, a@www.org, www.org-x', '{"www.org.": null}', 'null'),
        (3, 'none', NULL, NULL);
"""


def test_sites_get_their_hosts_and_ports(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(SITES)
    apply(
        database,
        hosts={"www.org": "localhost:8000", "wagtail.org": "localhost:8001", "archive.org": "archive.localhost"},
    )
    assert rows(database, "SELECT hostname, port FROM wagtailcore_site ORDER BY id") == [
        ("localhost", 8000),
        ("localhost", 8001),
        ("archive.localhost", 443),
    ]
    assert rows(database, "SELECT domain, name FROM django_site ORDER BY id") == [
        ("localhost:8000", "localhost:8000"),
        ("archive.localhost", "The third"),
    ]


def test_hosts_may_change_places(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(SITES)
    apply(database, hosts={"www.org": "wagtail.org", "wagtail.org": "www.org", "archive.org": "www.archive.org"})
    assert values(database, "SELECT hostname FROM wagtailcore_site ORDER BY id") == [
        "wagtail.org",
        "www.org",
        "www.archive.org",
    ]
    assert values(database, "SELECT domain FROM django_site ORDER BY id") == ["wagtail.org", "www.archive.org"]


def test_sites_of_every_schema_and_of_none(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database("CREATE SCHEMA tenant; CREATE TABLE tenant.django_site (domain text)")
    run(database, "INSERT INTO tenant.django_site VALUES ('www.org')")
    apply(database, hosts={"www.org": "dev.org"})
    assert values(database, "SELECT domain FROM tenant.django_site") == ["dev.org"]


def test_values_of_any_column_and_type_are_rewritten(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database("""
        CREATE TYPE stage AS ENUM ('live', 'test');
        CREATE TABLE setting (id int PRIMARY KEY, stage stage, key text UNIQUE, number int);
        INSERT INTO setting VALUES (1, 'live', 'a', 7), (2, 'live', 'b', 8)""")
    apply(
        database,
        rewrite={
            "setting.stage": {"live": "test"},
            "public.setting.key": {"a": "b", "b": "a"},
            "setting.number": {"7": "8", "8": "9"},
        },
    )
    assert rows(database, "SELECT stage, key, number FROM setting ORDER BY id") == [("test", "b", 8), ("test", "a", 9)]


def test_hosts_are_replaced_inside_texts_and_json(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(LINKS)
    apply(database, hosts={"www.org": "localhost:8000"}, hosts_in=["page.link", "page.body", "page.notes"])
    assert rows(database, "SELECT link, body::text, notes::text FROM page ORDER BY id") == [
        (
            "https://localhost:8000/a?to=//localhost:8000/b",
            '{"a": ["see localhost:8000", 12345678901234567890.10]}',
            '"\\nlocalhost:8000"',
        ),
        ("https://m.www.org, www.org.uk, awww.org, a@www.org, www.org-x", '{"localhost:8000.": null}', "null"),
        ("none", None, None),
    ]


def test_hosts_inside_texts_may_change_places(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database("CREATE TABLE page (body jsonb)")
    run(database, """INSERT INTO page VALUES ('["a.org b.org", {"c.org": "//b.org/a.org"}]')""")
    apply(database, hosts={"a.org": "b.org", "b.org": "a.org", "c.org": "a.org"}, hosts_in=["page.body"])
    assert values(database, "SELECT body FROM page") == [["b.org a.org", {"a.org": "//a.org/b.org"}]]


def test_what_does_not_fit_is_not_cut_and_not_told(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(SITES)
    with pytest.raises(FixUpFailed) as raised:
        apply(database, hosts={"archive.org": "www.arch.org", "www.org": "a-name-that-is-too-long.org"})
    assert str(raised.value) == (
        "development serves what it served before: the fix-up `hosts` failed, "
        "value too long for type character varying(20) (22001)."
    )
    assert values(database, "SELECT hostname FROM wagtailcore_site ORDER BY id")[2] == "archive.org"


def test_a_column_that_is_not_there(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database(LINKS)
    with pytest.raises(FixUpFailed, match="the fix-up `rewrite` failed, there is no table `paeg` in the snapshot; did"):
        apply(database, rewrite={"paeg.link": {"a": "b"}})
    with pytest.raises(FixUpFailed, match="`hosts_in` failed, there is no column `lnk` in page; did you mean `link`"):
        apply(database, hosts_in=["page.lnk"], hosts={"a": "b"})
