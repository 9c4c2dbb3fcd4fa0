"""Killed at every boundary between two steps: the whole group of processes, or the worker alone."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines import fault_points
from etna_pipelines.fault_points import FaultPoint
from etna_pipelines.snapshots.manifest import SUBSET, new_id
from tests.faults import flows
from tests.faults.cases import EVERYWHERE, USUAL, combinations, succeeds_by_itself
from tests.faults.invariants import invariants
from tests.faults.processes import Flow
from tests.faults.report import Row
from tests.faults.world import World


def nothing_first(world: World) -> None:
    pass


def without_templates(world: World) -> None:
    """So that one is made."""
    with world.superuser.connect() as connection:
        for name in [name for name in world.databases() if "_template_" in name]:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def without_subsets(world: World) -> None:
    """So that one is written."""
    for folder in world.catalogue.folders("stripped"):
        if SUBSET in folder:
            world.catalogue.delete("stripped", folder)


def with_a_previous_database(world: World) -> None:
    """To roll back to."""
    world.good(flows.push)


def with_a_feature(world: World) -> None:
    world.good(flows.make_feature)


def with_a_full_copy(world: World) -> None:
    world.good(flows.push, "staging")


def with_old_snapshots(world: World) -> None:
    """Of years ago, so that they go."""
    newest = world.newest("full")
    for days in (1000, 1010, 1020):
        old = newest.model_copy(update={"id": new_id(datetime.now(UTC) - timedelta(days=days))})
        for file in newest.files:
            world.store.copy(newest.archive_key(file.name), old.archive_key(file.name))
        world.catalogue.publish(old)


@dataclass(frozen=True)
class Way:
    """A flow that comes by some fault points; what follows a kill there, and what is needed before it."""

    flow: Flow
    points: Sequence[FaultPoint]
    arguments: tuple[str, ...] = ()
    then: Flow | None = None
    """Runs after a kill of the worker alone; where the group was killed, the flow itself does."""
    first: Callable[[World], None] = nothing_first


P = FaultPoint
OF_A_PUSH = [
    *(P.PUSH_CREATED, P.PUSH_FETCHED, P.PUSH_RESTORED, P.PUSH_VERIFIED, P.PUSH_FIX_UPS_COMMITTED, P.PUSH_FIXED_UP),
    *(P.SWAP_MARKED, P.SWAP_PREPARED, P.SWAP_LOCKED, P.SWAP_RENAMED, P.SWAP_COMMITTED, P.PUSH_HEALTHY, P.PUSH_RECORDED),
]
OF_A_REDEPLOY = [P.REDEPLOY_NOTED, P.REDEPLOY_ASKED, P.REDEPLOY_DEPLOYED, P.REDEPLOY_RECORDED]
WAYS = [
    Way(flows.back_up, [point for point in P if point.startswith(("backup:", "publish:"))]),
    Way(flows.strip, [point for point in P if point.startswith(("strip:", "publish:"))]),
    Way(flows.subset, [P.SUBSET_WRITTEN, P.PUBLISH_READY], ("7",), first=without_subsets),
    Way(flows.push, [P.PUSH_BEGUN]),
    Way(flows.push, OF_A_PUSH, then=flows.go_on),
    Way(flows.push, OF_A_REDEPLOY, then=flows.redeploy),
    Way(flows.rollback, [P.ROLLBACK_RECORDED, P.SWAP_LOCKED, P.SWAP_RENAMED], first=with_a_previous_database),
    Way(flows.rollback, [P.ROLLBACK_SWAPPED], then=flows.redeploy, first=with_a_previous_database),
    Way(flows.make_template, [point for point in P if point.startswith("template:")], first=without_templates),
    Way(flows.make_feature, [P.CLONE_CREATED, P.PUSH_CLONED, P.SWAP_RENAMED], then=flows.go_on),
    Way(flows.remove_feature, [point for point in P if point.startswith("removal:")], first=with_a_feature),
    Way(flows.verify, [P.VERIFY_MARKED]),
    Way(flows.drill, [point for point in P if point.startswith("drill:")]),
    Way(flows.prune, [point for point in P if point.startswith("prune:")], first=with_old_snapshots),
    Way(flows.expire, [point for point in P if point.startswith("expiry:")], first=with_a_full_copy),
]
PLACES = [pytest.param(way, point, id=f"{way.flow.__name__}-{point}") for way in WAYS for point in way.points]


@pytest.mark.parametrize("world", combinations([USUAL], fast=True), indirect=True)
@pytest.mark.parametrize("way", [pytest.param(way, id=way.flow.__name__) for way in WAYS])
def test_killed_again_and_again(world: World, way: Way) -> None:
    """At each point in turn: what goes on after a kill is killed at the next point, and the last of all succeeds. It is
    what of the sweep below is short enough for every day."""
    way.first(world)
    serving, flow, arguments = world.serving(), way.flow, way.arguments
    for point in way.points:
        outcome = world.run(flow, *arguments, ETNA_KILL_AT=f"group:{point}")
        assert outcome.killed, f"{point}: {outcome.said}"
        serving = invariants(world, serving, outcome)
        if way.then:
            flow, arguments = way.then, ()
    succeeds_by_itself(world, serving, flow, *arguments)


@pytest.mark.parametrize("world", combinations(EVERYWHERE, fast=False), indirect=True)
@pytest.mark.parametrize("kind", ["group", "alone"])
@pytest.mark.parametrize(("way", "point"), PLACES)
def test_killed(world: World, way: Way, point: FaultPoint, kind: str) -> None:
    """At each point, with a whole run after it: the same again, or one that goes on after a worker that was killed."""
    killed = {"group": "the run and its worker are killed", "alone": "the worker is killed"}[kind]
    with Row.of(world.combination, "kill", f"{way.flow.__name__}, {point}: {killed}", EVERYWHERE):
        way.first(world)
        before = world.serving()

        outcome = world.run(way.flow, *way.arguments, ETNA_KILL_AT=point if kind == "alone" else f"group:{point}")

        assert outcome.killed, outcome.said
        serving = invariants(world, before, outcome)
        if way.then and kind == "alone":
            succeeds_by_itself(world, serving, way.then)
        else:
            succeeds_by_itself(world, serving, way.flow, *way.arguments)


def test_every_fault_point_is_passed_by_some_way() -> None:
    assert {point for way in WAYS for point in way.points} == set(FaultPoint)


def test_every_fault_point_stands_at_one_place_of_the_sources() -> None:
    source = Path(fault_points.__file__).parent
    text = "".join(path.read_text() for path in source.rglob("*.py") if path.name != "fault_points.py")
    found = re.findall(r"\breached\(FaultPoint\.(\w+)\)", text)
    assert sorted(found) == sorted(point.name for point in FaultPoint)
