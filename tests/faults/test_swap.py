"""What stands in the way of the exchange of two databases, and what dies while it is done."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg

from etna_pipelines.errors import EtnaError
from tests.faults import flows
from tests.faults.cases import case
from tests.faults.content import PASSWORD
from tests.faults.processes import Flow, Outcome
from tests.faults.world import World

SERVES_ON = r"^\w+_development on \S+ goes on serving what it served: "
LOST = SERVES_ON + "the connection was lost before the exchange: check that the server runs, then try again"
CLIENTS = 20
PATIENCE = 3
"""Tries of a client that lost its connection."""


@contextmanager
def clients(world: World) -> Iterator[list[str]]:
    """Sessions that read from development all the time, and come back when they are disconnected. What they were told
    that no reconnecting client should be."""
    over, failures = threading.Event(), list[str]()

    def reading() -> None:
        while not over.wait(0.01):
            with suppress(psycopg.OperationalError, psycopg.InterfaceError), connected() as connection:
                while not over.wait(0.02):
                    if connection.execute("SELECT count(*) FROM page").fetchall() != [(100,)]:
                        failures.append("pages are missing")

    def connected() -> psycopg.Connection[tuple[object, ...]]:
        for _ in range(PATIENCE):
            with suppress(EtnaError, psycopg.OperationalError):
                return replace(world.database("development"), password=PASSWORD).connect()
            time.sleep(0.05)
        failures.append("no connection")
        raise psycopg.OperationalError

    threads = [threading.Thread(target=reading) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        over.set()
        for thread in threads:
            thread.join()


@case("swap", "twenty clients read all the time, and reconnect", ends="succeeded")
def test_clients(world: World) -> Outcome:
    with clients(world) as failures:
        outcome = world.run(flows.push)
        time.sleep(0.2)
    assert failures == []
    return outcome


@case("swap", "twenty clients read while it is rolled back", ends="succeeded", then=flows.push)
def test_clients_of_a_rollback(world: World) -> Outcome:
    world.good(flows.push)
    with clients(world) as failures:
        outcome = world.run(flows.rollback)
        time.sleep(0.2)
    assert failures == []
    return outcome


def crash_at(
    point: str, *, ends: str = "failed", says: str, flow: Flow = flows.push, first: Flow | None = None
) -> Callable[[World], None]:
    """Every process of the server is killed while the run stands at a point; then it recovers, and the run goes on."""

    @case("swap", f"{flow.__name__}, {point}: the server is killed", ends=ends, says=says, then=flow, sweeps=False)
    def crashing(world: World) -> Outcome:
        if first:
            world.good(first)
        with world.standing_at(point, flow) as run:
            world.crash_server()
        return run.wait()

    return crashing


test_crash_when_marked = crash_at(
    "swap: new database marked", says=rf"^The connection that holds the lock .+ was lost: try again\.$|{LOST}"
)
test_crash_when_prepared = crash_at("swap: prepared", says=LOST)
test_crash_when_locked = crash_at("swap: first name changed", says=LOST)
test_crash_when_renamed = crash_at("swap: all names changed", says=LOST)
test_crash_when_committed = crash_at("swap: committed", ends="succeeded", says="")
test_crash_when_healthy = crash_at("push: healthy", ends="succeeded", says="")
test_crash_of_a_rollback = crash_at("swap: all names changed", says=LOST, flow=flows.rollback, first=flows.push)
test_crash_after_a_rollback = crash_at(
    "swap: committed", ends="succeeded", says="", flow=flows.rollback, first=flows.push
)


@case(
    "swap", "a prepared transaction is open on what serves", says=rf"{SERVES_ON}database \S+ has prepared transactions"
)
def test_prepared_transaction(world: World) -> Outcome:
    with world.owned("development").connect() as connection:
        connection.execute("BEGIN; INSERT INTO spare VALUES (77); PREPARE TRANSACTION 'in_the_way'")
        try:
            return world.run(flows.push)
        finally:
            connection.execute("ROLLBACK PREPARED 'in_the_way'")


@case("swap", "a superuser has a session on what serves", says=rf"{SERVES_ON}superuser \w+ has a session open on it")
def test_superuser_session(world: World) -> Outcome:
    with world.owned("development").connect():
        return world.run(flows.push)


@case(
    "swap", "a replication slot is on what serves", says=rf"{SERVES_ON}replication slot in_the_way belongs to database"
)
def test_replication_slot(world: World) -> Outcome:
    with world.owned("development").connect() as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('in_the_way', 'pgoutput')")
    try:
        return world.run(flows.push)
    finally:
        with world.superuser.connect() as connection:
            connection.execute("SELECT pg_drop_replication_slot('in_the_way')")


def impatient() -> None:
    """The database's lock is waited for for a second instead of ten."""
    from etna_pipelines.environments import push

    push.swap = functools.partial(push.swap, lock_timeout=1)


@case(
    "swap",
    "somebody holds the database's lock",
    says=rf"{SERVES_ON}something else .+ holds its lock for 1 s: try again",
)
def test_locked(world: World) -> Outcome:
    with world.superuser.connect(autocommit=False) as connection:
        connection.execute(f"COMMENT ON DATABASE {world.name}_development IS 'locked'")
        outcome = world.run(flows.push, prepare=impatient)
        connection.rollback()
    return outcome


def hasty() -> None:
    """What was swapped in is waited for for a second instead of thirty."""
    from etna_pipelines.environments import push

    push.check_health = functools.partial(push.check_health, patience=1)


@case(
    "swap", "what was swapped in has no rows", says=r"^\w+_development on \S+ has no rows after its swap: push again\.$"
)
def test_unhealthy(world: World) -> Outcome:
    empty = "TRUNCATE person, note, page, attachment, spare;\n"
    with world.file_with("fix_up.sql", empty):
        return world.run(flows.push)


@case(
    "swap",
    "what was swapped in takes no connections",
    says=r"_development on \S+ refuses the connection: it takes no co",
)
def test_unreachable_afterwards(world: World) -> Outcome:
    with (
        world.superuser.connect() as connection,
        world.standing_at("swap: committed", flows.push, prepare=hasty) as run,
    ):
        connection.execute(f"ALTER DATABASE {world.name}_development ALLOW_CONNECTIONS false")
    return run.wait()
