import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.environments.push import Pushing
from etna_pipelines.errors import FixUpFailed
from etna_pipelines.settings import Environment
from tests.environments.conftest import (
    HANDMADE,
    OWNER,
    all_steps,
    databases,
    titles,
)
from tests.environments.fixups.conftest import FixUp, MakeDatabase, rows, run, values

SITE = """
    CREATE TABLE django_site (id int, domain text); INSERT INTO django_site VALUES (1, 'www.org');
    CREATE TABLE token (id serial, key text); INSERT INTO token (key) VALUES ('production');
"""


def test_a_command_finds_all_fix_ups_and_may_change_the_schema(
    make_database: MakeDatabase, apply: FixUp, tmp_path: Path
) -> None:
    (tmp_path / "a.sql").write_text("UPDATE token SET key = key || '!'")
    live = make_database("CREATE TABLE token (id int, key text); INSERT INTO token VALUES (8, 'own')")
    new = make_database(SITE)
    migrate = (
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['ETNA_DATABASE_URL'], password=os.environ.get('PGPASSWORD')) as c:\n"
        "    c.execute('CREATE TABLE migrated AS SELECT domain, key, current_user AS by FROM django_site, token')\n"
    )
    apply(
        new,
        live,
        hosts={"www.org": "dev.org"},
        keep=["token"],
        sql=[str(tmp_path / "a.sql")],
        commands=[[sys.executable, "-c", migrate]],
    )
    [(domain, key, by)] = rows(new, "SELECT * FROM migrated")
    assert (domain, key) == ("dev.org", "own!")
    assert by == values(new, "SELECT tableowner FROM pg_tables WHERE tablename = 'token'")[0]


def test_one_that_fails_undoes_those_before_it(make_database: MakeDatabase, apply: FixUp) -> None:
    new = make_database(SITE)
    with pytest.raises(FixUpFailed, match=r"^development serves what it served before: the fix-up `superuser` failed"):
        apply(new, hosts={"www.org": "dev.org"}, keep=["token"], superuser={}, password="p")
    assert rows(new, "SELECT domain, key FROM django_site, token") == [("www.org", "production")]


def test_a_command_that_fails_is_told_as_one(make_database: MakeDatabase, apply: FixUp) -> None:
    with pytest.raises(
        FixUpFailed, match=r"before: the fix-up `commands` failed, command 1, .*exit code 3\): read .*log"
    ):
        apply(make_database(), commands=[[sys.executable, "-c", "raise SystemExit(3)"]])


PushingOf = Callable[..., Pushing]

COMMAND = """
import os, psycopg
with psycopg.connect(os.environ["ETNA_DATABASE_URL"], password=os.environ["PGPASSWORD"]) as connection:
    connection.execute("CREATE TABLE migrated AS SELECT title FROM page")
"""


def test_a_push_keeps_rows_and_runs_commands_as_the_owner(target: Environment, pushing: PushingOf) -> None:
    fix_ups = FixUps(keep=["page"], commands=[[sys.executable, "-c", COMMAND]])
    target = replace(target, fix_ups=fix_ups)
    all_steps(pushing(target))
    assert values(target.database, "SELECT title FROM page") == []  # nothing served before
    run(target.database, "INSERT INTO page VALUES (1, 'Its own', 1)")
    all_steps(pushing(target))
    assert values(target.database, "SELECT title FROM page UNION ALL SELECT title FROM migrated") == ["Its own"] * 2
    assert values(target.database, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [OWNER]


def test_a_push_whose_fix_ups_fail_leaves_what_serves(serving: Environment, pushing: PushingOf) -> None:
    target = replace(serving, fix_ups=FixUps(empty=["pgae"]))
    with pytest.raises(FixUpFailed, match="no table `pgae` in the snapshot; did you mean `page`"):
        all_steps(pushing(target))
    assert (titles(target.database), databases(target.database)) == (HANDMADE, [target.database.name])
