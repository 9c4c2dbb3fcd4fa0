import pytest

from etna_pipelines.errors import FixUpFailed
from tests.environments.fixups.conftest import FixUp, MakeDatabase, rows, run, values

USERS = (
    "CREATE TABLE auth_user (id int PRIMARY KEY, username text); INSERT INTO auth_user VALUES (1, 'ann'), (2, 'bo');"
)
TOKENS = """
    CREATE TABLE api_apitoken (
        id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(100) UNIQUE, key varchar(40) NOT NULL,
        user_id int REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED, expires date,
        length int GENERATED ALWAYS AS (length(key)) STORED);
"""
PRODUCTION = f"{USERS} {TOKENS} INSERT INTO api_apitoken (name, key) VALUES ('production', 'p')"


def test_rows_are_those_that_serve_now_column_by_column(make_database: MakeDatabase, apply: FixUp) -> None:
    live = make_database("""
        CREATE TABLE api_apitoken (key text, gone int, id bigint, name text, expires date);
        INSERT INTO api_apitoken VALUES ('k1', 1, 7, E'tab\\tand \\\\N', '2026-02-01'), ('k2', 2, 9, NULL, NULL);""")
    run(live, f"ALTER DATABASE {live.name} SET datestyle = 'German'")
    new = make_database(PRODUCTION)
    apply(new, live, keep=["api_apitoken"])
    kept = "SELECT id, name, key, expires::text, length FROM api_apitoken ORDER BY id"
    assert rows(new, kept) == [(7, "tab\tand \\N", "k1", "2026-02-01", 2), (9, None, "k2", None, 2)]
    run(new, "INSERT INTO api_apitoken (key) VALUES ('next')")
    assert values(new, "SELECT max(id) FROM api_apitoken") == [10]


def test_kept_rows_may_refer_to_kept_rows(make_database: MakeDatabase, apply: FixUp) -> None:
    tables = """
        CREATE TABLE z_client (id int PRIMARY KEY, above int REFERENCES z_client);
        CREATE TABLE a_token (id int PRIMARY KEY, client int NOT NULL REFERENCES z_client);"""
    live = make_database(f"{tables} INSERT INTO z_client VALUES (1, 2), (2, NULL); INSERT INTO a_token VALUES (5, 1)")
    new = make_database(f"{tables} INSERT INTO z_client VALUES (3, NULL); INSERT INTO a_token VALUES (5, 3)")
    apply(new, live, keep=["a_token", "z_client"], sequences=False)
    assert rows(new, "SELECT a.id, client, above FROM a_token a JOIN z_client c ON c.id = client") == [(5, 1, 2)]


@pytest.mark.parametrize("live_tables", [None, "CREATE TABLE other (id int)"], ids=["first push", "new table"])
def test_where_nothing_is_kept_yet_the_table_is_empty(
    make_database: MakeDatabase, apply: FixUp, live_tables: str | None
) -> None:
    new = make_database(PRODUCTION)
    apply(new, make_database(live_tables) if live_tables else None, keep=["public.api_apitoken"])
    assert values(new, "SELECT count(*) FROM api_apitoken") == [0]


def test_rows_that_would_refer_to_nobody(make_database: MakeDatabase, apply: FixUp) -> None:
    live = make_database(f"{USERS} {TOKENS} INSERT INTO auth_user VALUES (57, 'cy')")
    run(live, "INSERT INTO api_apitoken (key, user_id) VALUES ('secret', 57)")
    new = make_database(PRODUCTION)
    with pytest.raises(FixUpFailed) as raised:
        apply(new, live, keep=["api_apitoken"])
    assert str(raised.value) == (
        "development serves what it served before: the fix-up `keep` failed, rows of api_apitoken refer to rows of "
        "auth_user that the snapshot lacks (api_apitoken_user_id_fkey): delete those rows where they serve now, list "
        "auth_user under `keep` too, or don't keep api_apitoken."
    )
    assert values(new, "SELECT name FROM api_apitoken") == ["production"]


def test_a_column_that_needs_a_value_which_is_not_there(make_database: MakeDatabase, apply: FixUp) -> None:
    live = make_database("CREATE TABLE api_apitoken (id int, name text)")
    with pytest.raises(FixUpFailed, match=f"api_apitoken of {live.name} has no key, which can't be null"):
        apply(make_database(PRODUCTION), live, keep=["api_apitoken"])


def test_rows_that_a_policy_hides_are_not_lost(make_database: MakeDatabase, apply: FixUp) -> None:
    live = make_database(f"{USERS} {TOKENS} ALTER TABLE api_apitoken ENABLE ROW LEVEL SECURITY")
    run(live, "ALTER TABLE api_apitoken FORCE ROW LEVEL SECURITY")
    with pytest.raises(FixUpFailed, match=r"`keep` failed, insufficient privilege \(42501\)"):
        apply(make_database(PRODUCTION), live, keep=["api_apitoken"])


def test_tables_are_emptied_together_and_nothing_else(make_database: MakeDatabase, apply: FixUp) -> None:
    database = make_database("""
        CREATE TABLE session (id int PRIMARY KEY); CREATE TABLE event (session int REFERENCES session, id int);
        INSERT INTO session VALUES (1); INSERT INTO event VALUES (1, 1);""")
    with pytest.raises(FixUpFailed, match="session would be emptied, and foreign keys of event point to it"):
        apply(database, empty=["session"])
    apply(database, empty=["session", "event"])
    assert values(database, "SELECT count(*) FROM session UNION ALL SELECT count(*) FROM event") == [0, 0]
    with pytest.raises(FixUpFailed, match=r"there is no table `evnt` in the snapshot; did you mean `event`\?"):
        apply(database, empty=["evnt"])
