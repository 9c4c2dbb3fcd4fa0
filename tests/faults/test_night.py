"""The night as Dagster runs it, killed in the middle."""

import shutil

from tests.faults import flows
from tests.faults.cases import case
from tests.faults.processes import Outcome
from tests.faults.world import World


@case("kill", "Dagster's night, while it strips", ends="killed", then=flows.night)
def test_killed_while_it_strips(world: World) -> Outcome:
    return first_night(world, "group:strip: a file written")


@case("kill", "Dagster's night, after its swap", ends="killed", then=flows.night)
def test_killed_after_its_swap(world: World) -> Outcome:
    return first_night(world, "swap: committed")


def first_night(world: World, kill_at: str) -> Outcome:
    """In a history of its own: a killed run's places in Dagster's pools are given back by the daemon, of which there is
    none here."""
    shutil.rmtree(world.home / "dagster", ignore_errors=True)
    return world.run(flows.nightly, ETNA_KILL_AT=kill_at)
