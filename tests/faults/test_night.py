"""The night as Dagster runs it, killed in the middle."""

from tests.faults import flows
from tests.faults.cases import case
from tests.faults.processes import Outcome
from tests.faults.world import World


@case("kill", "Dagster's night, while it strips", ends="killed", then=flows.night)
def test_killed_while_it_strips(world: World) -> Outcome:
    return world.run(flows.nightly, ETNA_KILL_AT="group:strip: a file written")


@case("kill", "Dagster's night, after its swap", ends="killed", then=flows.night)
def test_killed_after_its_swap(world: World) -> Outcome:
    return world.run(flows.nightly, ETNA_KILL_AT="swap: committed")
