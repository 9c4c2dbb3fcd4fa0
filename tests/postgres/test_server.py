"""Databases, how they are reached, and what is said when they are not."""

import socket
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from etna_pipelines.errors import DatabaseRefused, DatabaseUnreachable, EtnaError, SettingsError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database, reason, server_major, system_identifier

SECRET = "tr0ub4dor"


def test_a_url_is_read_and_written_without_its_password() -> None:
    url = "postgresql://et%40na:tr0ub4dor@db.example:5433/etna_production?sslmode=verify-full&sslrootcert=%2Fca.pem"
    database = Database.from_url(url)
    assert (database.host, database.port, database.user, database.name) == (
        "db.example",
        5433,
        "et@na",
        "etna_production",
    )
    assert database.password == SECRET
    assert dict(database.options) == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    assert database.label == "etna_production on db.example:5433"
    assert SECRET not in repr(database) + str(database) + database.url + database.label
    assert Database.from_url(database.url, SECRET) == database


def test_a_given_password_counts_before_one_in_the_url() -> None:
    assert Database.from_url("postgres://u:old@h/d", "new").password == "new"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"mysql://u:{SECRET}@h/d", "must begin with postgresql://"),
        (f"postgresql://u:{SECRET}%zz@h/d", "percent-encoding"),
        (f"postgresql://u:{SECRET}@h/d?nonsense=1", "libpq"),
        (f"postgresql://u:{SECRET}@/d", "names no host"),
        (f"postgresql://u:{SECRET}@h", "names no database"),
        ("postgresql://h/d", "names no user"),
        (f"postgresql://u:{SECRET}@h:99999/d", "port between 1 and 65535"),
        (f"postgresql://u:{SECRET}@h,i/d", "one host"),
        (f"postgresql://u@h/d?sslpassword={SECRET}", "sslpassword, a secret"),
    ],
)
def test_a_wrong_url_is_named_without_its_secret(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Database.from_url(url)
    assert says in str(caught.value)
    assert_clean(caught.value)


def test_connecting(database: Database, server: EmbeddedServer) -> None:
    with database.connect() as connection:
        shown = connection.execute("SELECT current_database(), current_setting('application_name')").fetchone()
        assert shown == (database.name, "etna-pipelines")
        assert connection.autocommit
        assert server_major(connection) == int(server.version.split(".")[0])
        assert system_identifier(connection).isdigit()


def test_a_role_that_may_not_ask_for_the_system_identifier(database: Database) -> None:
    with database.connect(autocommit=False) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("CREATE ROLE nosy")
        connection.execute("SET LOCAL ROLE nosy")
        assert system_identifier(connection) == ""
        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.rollback()


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Database("127.0.0.1", taken.getsockname()[1], "u", "d", SECRET)
        with pytest.raises(
            DatabaseUnreachable, match=r"d on 127\.0\.0\.1:\d+ cannot be reached: nothing listens"
        ) as caught:
            nobody.connect()
    assert_clean(caught.value)


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(DatabaseUnreachable, match="host name is not known"):
        Database("db.invalid", 5432, "u", "d", SECRET).connect()


def test_a_server_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        database = Database("127.0.0.1", silent.getsockname()[1], "u", "d", SECRET, (("connect_timeout", "2"),))
        with pytest.raises(DatabaseUnreachable, match="did not answer in time"):
            database.connect()


def test_a_server_that_says_no(database: Database) -> None:
    refusals = {
        "the password of role postgres is wrong": replace(database, password=SECRET),
        "role postgres needs a password": replace(database, password=None),
        "the password of role nobody_here is wrong": replace(database, user="nobody_here", password=SECRET),
        "there is no such database": database.named("not_there"),
        "it has no TLS, which sslmode asks for": replace(database, options=(("sslmode", "require"),)),
    }
    for says, refused in refusals.items():
        with pytest.raises(DatabaseRefused) as caught:
            refused.connect()
        assert says in str(caught.value)
        assert str(caught.value).startswith(refused.label)
        assert_clean(caught.value)


def test_a_role_without_the_privilege_to_connect(database: Database) -> None:
    stranger = replace(database, user="stranger", password=SECRET)
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE stranger LOGIN PASSWORD {}").format(SECRET))
        connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database.name)))
        with pytest.raises(DatabaseRefused, match="role stranger may not connect: GRANT it CONNECT"):
            stranger.connect()
        connection.execute("DROP ROLE stranger")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            f"INSERT INTO person VALUES (1, '{SECRET}')",
            'unique constraint "person_pkey" (23505) at table public.person',
        ),
        (f"INSERT INTO person VALUES (2, '{SECRET}!')", "value too long for type character varying(9) (22001)"),
        (f"SELECT '{SECRET}'::int", "invalid input syntax for type integer (22P02)"),
        (f"SELECT '{SECRET}'::json", "invalid input syntax for type json (22P02)"),
        (f"SELECT '{SECRET}'::date", "(22007)"),
        (f"DO $$ BEGIN RAISE EXCEPTION 'no {SECRET}' USING DETAIL = '{SECRET}'; END $$", "raise exception (P0001)"),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist (42P01)'),
        ("INSERT INTO person VALUES (2, NULL)", "column name"),
        (
            "SELECT pg_terminate_backend(pg_backend_pid())",
            "terminating connection due to administrator command (57P01)",
        ),
    ],
)
def test_a_reason_holds_no_value(database: Database, statement: str, says: str) -> None:
    with database.connect() as connection:
        connection.execute("CREATE TABLE person (id int PRIMARY KEY, name varchar(9) NOT NULL)")
        connection.execute("INSERT INTO person VALUES (1, 'someone')")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement.encode())
    assert says in reason(caught.value)
    assert SECRET not in reason(caught.value)


def test_psycopg_logs_nothing_of_what_servers_say(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyboardInterrupt), database.connect(autocommit=False) as connection:
        connection.pgconn.send_query(b"SELECT pg_sleep(0.1)")
        raise KeyboardInterrupt  # the rollback now fails, and psycopg ignores and logs it

    assert caplog.text == ""


def assert_clean(error: EtnaError) -> None:
    assert SECRET not in str(error)
    assert str(error).endswith(".")
    assert "\n" not in str(error)
    assert error.__context__ is None or error.__suppress_context__  # a traceback would show libpq's own words
