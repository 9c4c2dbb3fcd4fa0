"""What happens to a target, and to what is brought there, while a snapshot is pushed."""

import signal
from contextlib import ExitStack, suppress

import psutil
import psycopg

from tests.faults import flows
from tests.faults.cases import EVERYWHERE, IN_S3, case
from tests.faults.content import RULES
from tests.faults.processes import Outcome
from tests.faults.targets import (
    another_server,
    development,
    newest_snapshot_has,
    on_a_small_disk,
    role_without,
    small_disk,
    wait_for_session,
)
from tests.faults.test_store import SEVERAL_PARTS, hasty, unavailable
from tests.faults.world import World
from tests.stores.faulty_server import Reply, Request

ON_18 = [each for each in EVERYWHERE if each.major == 18]
SERVES = r"^development serves what it served before"
UNREACHABLE = r"^\w+_development\S* on \S+ cannot be reached: |^development serves what it served before"
CREATED, RESTORED, VERIFIED = "push: database created", "push: restored", "push: verified"
SLOW = "CREATE OR REPLACE FUNCTION slow(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN {} RETURN true; END'"
SLOWLY_CHECKED = "; ".join(
    (SLOW.format(""), "ALTER TABLE page ADD CONSTRAINT slow CHECK (slow(title))", SLOW.format("PERFORM pg_sleep(600);"))
)
"""A snapshot of this is restored for ten minutes."""


@case(
    "push",
    "the target's disk is full while it is restored",
    says=r"development_new_\S+ on \S+ .*(its disk is full: make room there|No space left on device)",
)
def test_disk_full(world: World) -> Outcome:
    with on_a_small_disk(world, "development") as disk, ExitStack() as filled:
        with world.standing_at(CREATED, flows.push) as run:
            filled.enter_context(world.full_disk(disk))
        return run.wait()


@case("push", "the target's disk is known to have no room", says=r"^staging_\S+ .*has \S+ GB free on its disk and the")
def test_no_room(world: World) -> Outcome:
    major = world.combination.major
    with (
        newest_snapshot_has(world, SEVERAL_PARTS, "TRUNCATE attachment"),
        small_disk(world, 256) as disk,
        another_server(world, major, disk / "home") as server,
    ):
        there, owner = server.database("staging_elsewhere"), f"{world.name}_app"
        assert there.password
        with (
            world.full_disk(disk, left=16 * 2**20),
            world.settings_with(staging={"database": there.url, "owner": owner}),
        ):
            return world.run(flows.push, "staging", ETNA_STAGING_PASSWORD=there.password)


@case(
    "push", "the target's server is older than the source", on=ON_18, says=r"runs PostgreSQL 15 and the snapshot is of"
)
def test_older_server(world: World) -> Outcome:
    with another_server(world, 15) as server:
        url = world.database("development").url.replace(f":{world.superuser.port}/", f":{server.database('').port}/")
        with world.settings_with(development=development(world, database=url)):
            return world.run(flows.push)


@case(
    "push", "the target's server is down", says=r"^development's server \S+ does not answer .+: start it, or leave it"
)
def test_server_down(world: World) -> Outcome:
    with world.settings_with(development=development(world, wait=0)):
        world.server.stop()
        try:
            return world.run(flows.push)
        finally:
            world.server.ensure_running()


@case("push", "the server is restarted after the restore", says=UNREACHABLE, sweeps=False)
def test_restarted_after_restore(world: World) -> Outcome:
    with world.standing_at(RESTORED, flows.push) as run:
        world.restart_server()
    return run.wait()


@case("push", "the server crashes in the middle of the restore", says=UNREACHABLE, sweeps=False)
def test_crashed_mid_restore(world: World) -> Outcome:
    with newest_snapshot_has(world, SLOWLY_CHECKED, "DROP FUNCTION slow CASCADE"):
        run = world.start(flows.push)
        wait_for_session(world, "PgSleep")
        world.crash_server()
        return run.wait()


@case("push", "an administrator ends the restore's session", says=UNREACHABLE)
def test_session_ended(world: World) -> Outcome:
    with newest_snapshot_has(world, SLOWLY_CHECKED, "DROP FUNCTION slow CASCADE"):
        run = world.start(flows.push)
        with world.superuser.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [wait_for_session(world, "PgSleep")])
        return run.wait()


@case("push", "pg_restore is killed alone", says=rf"{SERVES}: pg_restore")
def test_pg_restore_killed(world: World) -> Outcome:
    with newest_snapshot_has(world, SLOWLY_CHECKED, "DROP FUNCTION slow CASCADE"):
        run = world.start(flows.push)
        wait_for_session(world, "PgSleep")
        for child in psutil.Process(run.group).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # with its parent, one goes by itself
                if child.name() == "pg_restore":
                    child.send_signal(signal.SIGKILL)
        return run.wait()


@case(
    "push", "what is restored breaks a constraint", says=rf"{SERVES}: pg_restore failed .*check constraint", fast=True
)
def test_constraint(world: World) -> Outcome:
    constraint = "ALTER TABLE note ADD CONSTRAINT original CHECK (body ~ ('Xylo' || 'phonist'))"
    rules = RULES.replace("body: redact", "body: {mask: redact, checked: true}")
    with (
        world.file_with("rules.yaml", rules),
        newest_snapshot_has(world, constraint, "ALTER TABLE note DROP CONSTRAINT original"),
    ):
        return world.run(flows.push)


@case("push", "rows are missing after the restore", says=r"page.* (rows|99)")
def test_rows_missing(world: World) -> Outcome:
    with world.standing_at(RESTORED, flows.push) as run:
        [new] = [name for name in world.databases() if "_new_" in name]
        with world.superuser.named(new).connect() as connection:
            connection.execute("DELETE FROM page WHERE id = 1")
    return run.wait()


@case("push", "somebody drops the new database before its fix-ups", ends="succeeded")
def test_new_database_dropped(world: World) -> Outcome:
    with world.standing_at(VERIFIED, flows.push) as run:
        [new] = [name for name in world.databases() if "_new_" in name]
        world.server.drop_database(new)
    return run.wait()


@case(
    "push", "the snapshot needs an extension that only superusers make", says=r"lets only superusers make .+pg_prewarm"
)
def test_extension(world: World) -> Outcome:
    with newest_snapshot_has(world, "CREATE EXTENSION pg_prewarm", "DROP EXTENSION pg_prewarm"):
        return world.run(flows.push)


@case("push", "the owner's role is missing", says=r"^Role nobody_here, the owner of \S+.*, does not exist: CREATE ROLE")
def test_no_owner(world: World) -> Outcome:
    with world.settings_with(development=development(world, owner="nobody_here")):
        return world.run(flows.push)


@case(
    "push", "the role is no member of the owner", says=r"_pusher is no member of \w+_app, who is to own .+: GRANT \w+"
)
def test_no_member(world: World) -> Outcome:
    with role_without(world, "REVOKE {app} FROM {pusher}", "GRANT {app} TO {pusher}"):
        return world.run(flows.push)


@case("push", "the role may not create databases", says=r"may not create databases on \S+: ALTER ROLE \w+ CREATEDB\.$")
def test_no_createdb(world: World) -> Outcome:
    with role_without(world, "ALTER ROLE {pusher} NOCREATEDB", "ALTER ROLE {pusher} CREATEDB"):
        return world.run(flows.push)


@case("push", "the role may not end sessions", says=r"may not end the sessions .+: GRANT pg_signal_backend TO \w+\.$")
def test_no_signal(world: World) -> Outcome:
    with role_without(world, "REVOKE pg_signal_backend FROM {pusher}", "GRANT pg_signal_backend TO {pusher}"):
        return world.run(flows.push)


@case(
    "push", "the password is wrong", says=r"refuses the connection: the password of role \w+_pusher is wrong: correct"
)
def test_password(world: World) -> Outcome:
    return world.run(flows.push, ETNA_DEVELOPMENT_PASSWORD="another")


@case("push", "the role's password has expired", says=r"refuses the connection: the password of role \w+_pusher")
def test_password_expired(world: World) -> Outcome:
    with role_without(
        world, "ALTER ROLE {pusher} VALID UNTIL '2020-01-01'", "ALTER ROLE {pusher} VALID UNTIL 'infinity'"
    ):
        return world.run(flows.push)


@case("push", "the role has no connection left", says=r"refuses the connection: its connections are all in use: try")
def test_no_connection_left(world: World) -> Outcome:
    with role_without(world, "ALTER ROLE {pusher} CONNECTION LIMIT 0", "ALTER ROLE {pusher} CONNECTION LIMIT -1"):
        return world.run(flows.push)


@case("push", "production is the target", says=r"`development` has the very database of `production`")
def test_production(world: World) -> Outcome:
    with world.settings_with(development=development(world, database=world.database("production").url)):
        return world.run(flows.push)


@case(
    "push",
    "production is the target under another address",
    says=r"is production itself under another address: correct the",
)
def test_production_by_another_address(world: World) -> Outcome:
    url = world.database("development").url.replace("127.0.0.1", "db.example.internal")
    url = f"{url.replace('_development', '_production')}?hostaddr=127.0.0.1"
    with world.settings_with(development=development(world, database=url)):
        return world.run(flows.push)


@case(
    "push", "somebody marked the target as production", says=r"is marked as production by its comment, and nothing may"
)
def test_marked(world: World) -> Outcome:
    live = f"{world.name}_development"
    with world.superuser.connect() as connection:
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        [(comment,)] = connection.execute(query, [live]).fetchall()
        connection.execute(f"COMMENT ON DATABASE {live} IS {psycopg.sql.quote(comment + chr(10) + MARKED)}")
        try:
            return world.run(flows.push)
        finally:
            connection.execute(f"COMMENT ON DATABASE {live} IS {psycopg.sql.quote(comment)}")


MARKED = "etna-pipelines: production"


@case(
    "push",
    "a full snapshot, to an environment of stripped ones",
    says=r"^The store has no stripped snapshot \S+: `etna sn",
)
def test_full_snapshot(world: World) -> Outcome:
    return world.run(flows.push, "development", world.newest("full").id)


@case("push", "a fix-up's SQL fails", says=r"^development\b.*fix_up\.sql")
def test_sql_fails(world: World) -> Outcome:
    with world.file_with("fix_up.sql", "CREATE TABLE fixed_up (push text);\nUPDATE page SET title = (1 / 0)::text;\n"):
        return world.run(flows.push)


@case("push", "a fix-up's SQL names a row that it meets", says=r"fix_up\.sql")
def test_sql_quotes_a_row(world: World) -> Outcome:
    with world.file_with("fix_up.sql", "ALTER TABLE page ADD CONSTRAINT none CHECK (id > 50);\n"):
        return world.run(flows.push)


@case("push", "a command of the fix-ups fails", says=r"^development\b.*/bin/sh")
def test_command_fails(world: World) -> Outcome:
    fix_ups = {"sql": ["fix_up.sql"], "commands": [["/bin/sh", "-c", "echo broken >&2; exit 3"]]}
    with world.settings_with(development=development(world, fix_ups=fix_ups)):
        return world.run(flows.push)


@case("push", "a command of the fix-ups is not there", says=r"/no/such/program")
def test_no_command(world: World) -> Outcome:
    with world.settings_with(development=development(world, fix_ups={"commands": [["/no/such/program"]]})):
        return world.run(flows.push)


@case("push", "the snapshot is retired meanwhile", ends="succeeded")
def test_retired_meanwhile(world: World) -> Outcome:
    newest = world.newest("stripped").id
    with world.standing_at("push: begun", flows.push) as run:
        world.catalogue.retire("stripped", newest)
    outcome = run.wait()
    world.catalogue.bring_back("stripped", newest)
    return outcome


@case("push", "the snapshot is deleted meanwhile", says=r"The store has no stripped snapshot|is missing: do not use")
def test_deleted_meanwhile(world: World) -> Outcome:
    world.good(flows.strip)
    newest = world.newest("stripped").id
    with world.standing_at(CREATED, flows.push) as run:
        world.catalogue.delete("stripped", newest)
    return run.wait()


@case(
    "push", "a feature environment's branch goes meanwhile", then=flows.make_feature, says=r"^test/login is not wanted"
)
def test_environment_gone(world: World) -> Outcome:
    with world.standing_at("push: verified", flows.make_feature) as run:
        (world.home / "feature_environments/feature/login").unlink()
    return run.wait()


@case("push", "two at once", says=r"^Another run holds the lock “push \w+_development” on .+: wait until")
def test_two_at_once(world: World) -> Outcome:
    with world.standing_at(CREATED, flows.push) as first:
        second = world.run(flows.push)
    assert first.wait().ending == "succeeded"
    return second


@case("push", "the disk of scratch is full", says=r"/home/scratch, whose disk has 0 bytes free: make room")
def test_scratch_full(world: World) -> Outcome:
    with world.full_disk(world.home / "scratch"):
        return world.run(flows.push)


@case(
    "push",
    "S3 fails while the archive is fetched",
    on=IN_S3,
    says=r"failed at GetObject of s3://\S+ .+: run this again",
)
def test_store_fails(world: World) -> Outcome:
    def answer(request: Request) -> Reply | None:
        return unavailable(request) if ".dat.gz" in request.path else world.proxy.forward(request)

    with world.answering(answer):
        return world.run(flows.push, prepare=hasty)
