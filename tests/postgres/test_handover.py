import itertools
from collections.abc import Iterator

import pytest

from etna_pipelines.errors import SwapFailed
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.handover import comment_of, hand_over, set_comment
from etna_pipelines.postgres.server import Database

_numbers = itertools.count(1)


@pytest.fixture
def giver(server: EmbeddedServer) -> Iterator[Database]:
    """A database, and another beside it that is to take its name; roles `reader` and `owner` of their own."""
    name = f"giver_{next(_numbers)}"
    giver = server.database(name)
    server.create_database(name)
    server.create_database(receiver(giver))
    run(giver, f"CREATE ROLE reader_{name}", f"CREATE ROLE owner_{name} LOGIN CREATEDB PASSWORD 'x'")
    yield giver
    server.drop_database(name)
    server.drop_database(receiver(giver))


def receiver(giver: Database) -> str:
    return f"{giver.name}_new"


def run(database: Database, *statements: str) -> None:
    with database.maintenance.connect() as connection:
        for statement in statements:
            connection.execute(statement)


def belongings(database: Database, name: str) -> dict[str, object]:
    """What belongs to a name, as the catalogue has it."""
    with database.maintenance.connect() as connection:
        [(oid, privileges, limit)] = connection.execute(
            "SELECT oid, datacl::text[], datconnlimit FROM pg_database WHERE datname = %s", [name]
        ).fetchall()
        settings = connection.execute(
            "SELECT pg_get_userbyid(setrole), setconfig FROM pg_db_role_setting WHERE setdatabase = %s ORDER BY 1",
            [oid],
        ).fetchall()
        comment = comment_of(connection, name)
    return {"privileges": sorted(privileges or []), "limit": limit, "settings": settings, "comment": comment}


def give(giver: Database) -> None:
    with giver.maintenance.connect(autocommit=False) as connection:
        hand_over(connection, giver.name, receiver(giver))


def test_everything_that_belongs_to_the_name_is_handed_over(giver: Database) -> None:
    name = giver.name
    run(
        giver,
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, CREATE ON DATABASE {name} TO reader_{name} WITH GRANT OPTION",
        f"ALTER DATABASE {name} CONNECTION LIMIT 17",
        f"ALTER DATABASE {name} SET work_mem = '7MB'",
        f"ALTER DATABASE {name} SET search_path = 'Own, schema', \"$user\", 'say \"so\"', public",
        f"ALTER DATABASE {name} SET \"site.greeting\" = 'It''s = here, \"quoted\" \\'",
        f"ALTER ROLE reader_{name} IN DATABASE {name} SET statement_timeout = '3s'",
        f"COMMENT ON DATABASE {name} IS 'Ask Siân''s team'",
    )
    give(giver)
    assert belongings(giver, receiver(giver)) == belongings(giver, name)
    assert belongings(giver, name)["comment"] == "Ask Siân's team"


def test_an_empty_search_path_stays_empty(giver: Database) -> None:
    run(giver, f"ALTER DATABASE {giver.name} SET search_path = ''")
    give(giver)
    assert belongings(giver, receiver(giver)) == belongings(giver, giver.name)


def test_what_the_receiver_had_before_goes(giver: Database) -> None:
    run(
        giver,
        f"GRANT CREATE ON DATABASE {receiver(giver)} TO reader_{giver.name}",
        f"ALTER DATABASE {receiver(giver)} SET work_mem = '9MB'",
        f"ALTER DATABASE {receiver(giver)} CONNECTION LIMIT 3",
    )
    give(giver)
    with giver.named(receiver(giver)).connect() as connection:
        assert connection.execute("SHOW work_mem").fetchall() == [("4MB",)]
        may_create = "SELECT has_database_privilege(%s, current_database(), 'CREATE')"
        assert connection.execute(may_create, [f"reader_{giver.name}"]).fetchall() == [(False,)]
        may_connect = "SELECT has_database_privilege(%s, current_database(), 'CONNECT')"
        assert connection.execute(may_connect, [f"reader_{giver.name}"]).fetchall() == [(True,)]
    assert belongings(giver, receiver(giver))["limit"] == -1


def test_a_receiver_keeps_its_own_comment(giver: Database) -> None:
    run(giver, f"COMMENT ON DATABASE {giver.name} IS 'old'", f"COMMENT ON DATABASE {receiver(giver)} IS 'own'")
    give(giver)
    assert belongings(giver, receiver(giver))["comment"] == "own"


def test_the_owners_privileges_go_to_the_receivers_owner(giver: Database) -> None:
    run(
        giver,
        f"ALTER DATABASE {receiver(giver)} OWNER TO owner_{giver.name}",
        f"REVOKE ALL ON DATABASE {giver.name} FROM PUBLIC",
    )
    give(giver)
    assert belongings(giver, receiver(giver))["privileges"] == [f"owner_{giver.name}=CTc/owner_{giver.name}"]


def test_a_setting_that_only_superusers_may_set_is_named(giver: Database) -> None:
    owner = f"owner_{giver.name}"
    run(
        giver,
        f"ALTER DATABASE {giver.name} OWNER TO {owner}",
        f"ALTER DATABASE {receiver(giver)} OWNER TO {owner}",
        f"ALTER DATABASE {giver.name} SET log_statement = 'ddl'",
    )
    with (
        Database(giver.host, giver.port, owner, "postgres", "x").connect(autocommit=False) as connection,
        pytest.raises(SwapFailed, match=f"The setting log_statement cannot be carried over to {receiver(giver)}"),
    ):
        hand_over(connection, giver.name, receiver(giver))


def test_a_comment_is_set_and_taken_away(giver: Database) -> None:
    with giver.maintenance.connect() as connection:
        set_comment(connection, giver.name, "It's 100% { new }")
        assert comment_of(connection, giver.name) == "It's 100% { new }"
        set_comment(connection, giver.name, None)
        assert comment_of(connection, giver.name) is None
