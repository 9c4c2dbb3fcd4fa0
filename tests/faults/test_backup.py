"""What happens to production, its disk and its credentials while it is backed up."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg

from etna_pipelines.postgres import programs
from tests.faults import flows
from tests.faults.cases import EVERYWHERE, case
from tests.faults.processes import Outcome
from tests.faults.world import World

LOCKED = "backup: tables locked"
ON_18 = [each for each in EVERYWHERE if each.major == 18]
BUSY = r"^(public\.page|A table) of \w+_production on \S+ is being altered, truncated or locked by another session: run"


def impatient() -> None:
    """Locks are waited for for a second instead of thirty."""
    from etna_pipelines.postgres import backup, frozen

    backup.LOCK_TIMEOUT = frozen.LOCK_TIMEOUT = 1


@contextmanager
def somebody(world: World, statement: str, lock_timeout: str = "30s") -> Iterator[None]:
    """Executes a statement on production meanwhile, which may have to wait for us."""

    def execute() -> None:
        with world.owned("production").connect() as connection:
            connection.execute(f"SET lock_timeout = '{lock_timeout}'")
            with suppress(psycopg.errors.LockNotAvailable):
                connection.execute(statement)

    thread = threading.Thread(target=execute)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def during(world: World, statement: str, lock_timeout: str = "30s") -> Outcome:
    """A backup that meets a statement between its locks and its dump."""
    with ExitStack() as meanwhile:
        with world.standing_at(LOCKED, flows.back_up, prepare=impatient) as run:
            meanwhile.enter_context(somebody(world, statement, lock_timeout))
            world.wait_until_somebody_waits()
        return run.wait()


@case("backup", "a table is altered meanwhile", says=BUSY)
def test_alter(world: World) -> Outcome:
    return during(world, "ALTER TABLE page ALTER title DROP DEFAULT")


@case("backup", "a table is dropped meanwhile", says=r"of \w+_production on \S+ is being altered, truncated or locked")
def test_drop(world: World) -> Outcome:
    with world.production_has("SELECT 1", "CREATE TABLE spare (id int PRIMARY KEY)"):
        return during(world, "DROP TABLE spare")


@case("backup", "a table is truncated and filled anew meanwhile, and that gives up first", ends="succeeded", fast=True)
def test_truncate(world: World) -> Outcome:
    rows = "INSERT INTO page SELECT i, 'Page ' || i FROM generate_series(1, 100) i"
    outcome = during(world, f"BEGIN; TRUNCATE page; {rows}; COMMIT", lock_timeout="300ms")
    assert {file.table: file.rows for file in world.newest("full").files}["public.page"] == 100
    return outcome


@case("backup", "a table is locked when it begins", says=BUSY)
def test_locked_before(world: World) -> Outcome:
    with world.owned("production").connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE page")
        return world.run(flows.back_up, prepare=impatient)


@case("backup", "the server is restarted while it is dumped", says=r"_production on \S+ cannot be reached: ")
def test_server_restarted(world: World) -> Outcome:
    with world.standing_at(LOCKED, flows.back_up) as run:
        world.restart_server()
    return run.wait()


@case("backup", "the server crashes while it is dumped", says=r"_production on \S+ cannot be reached: ")
def test_server_crashed(world: World) -> Outcome:
    with world.standing_at(LOCKED, flows.back_up) as run:
        world.crash_server()
    return run.wait()


@case("backup", "the server is down", says=r"_production on \S+ cannot be reached: nothing listens there: start")
def test_server_down(world: World) -> Outcome:
    world.server.stop()
    try:
        return world.run(flows.back_up)
    finally:
        world.server.ensure_running()


@case("backup", "the disk of scratch is full", says=r"^The disk of \S+/home/scratch is full: free space for")
def test_full_disk(world: World) -> Outcome:
    big = "INSERT INTO attachment VALUES (1, decode(repeat('00ff', 4000000), 'hex'))"
    with world.production_has(big, "TRUNCATE attachment"), world.full_disk(world.home / "scratch", left=2**20):
        return world.run(flows.back_up)


@case("backup", "the password is wrong", says=r"refuses the connection: the password of role \w+_reader is wrong")
def test_password(world: World) -> Outcome:
    return world.run(flows.back_up, ETNA_PRODUCTION_PASSWORD="another")


@case("backup", "the role may not read a table", says=r"may not read|SELECT")
def test_privilege(world: World) -> Outcome:
    role = f"{world.name}_reader"
    with world.production_has(f"REVOKE pg_read_all_data FROM {role}", f"GRANT pg_read_all_data TO {role}"):
        return world.run(flows.back_up)


@case("backup", "two at once", says=r"^Another run holds the lock “backup of \w+_production” on \S+ on \S+: wait until")
def test_two_at_once(world: World) -> Outcome:
    with world.standing_at(LOCKED, flows.back_up) as first:
        second = world.run(flows.back_up)
    assert first.wait().ending == "succeeded"
    return second


@case("backup", "the database is of no certain encoding", says=r"has encoding SQL_ASCII, whose bytes mean nothing")
def test_encoding(world: World) -> Outcome:
    options = "ENCODING SQL_ASCII TEMPLATE template0 LOCALE 'C'"
    with world.another_production(options) as other, world.settings_with(production={"database": other.url}):
        return world.run(flows.back_up)


def only_programs_of_15() -> None:
    from pathlib import Path

    programs._directories = lambda: [Path("/usr/lib/postgresql/15/bin")]


@case("backup", "the client programs are too old", on=ON_18, says=r"^pg_dump 18 or newer is not installed")
def test_old_client(world: World) -> Outcome:
    return world.run(flows.back_up, prepare=only_programs_of_15)


@case(
    "backup",
    "the masking key is missing",
    says=r"^ETNA_MASKING_KEY is not set, and it makes the pseudonyms",
)
def test_no_key(world: World) -> Outcome:
    return world.run(flows.back_up, ETNA_MASKING_KEY="")
