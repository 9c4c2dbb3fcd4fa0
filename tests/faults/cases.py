"""Faults as plain functions: each gets a world, does something bad to a run, and returns how the run ended."""

import functools
import re
from collections.abc import Callable, Iterable, Sequence

import pytest

from tests.faults.invariants import Before, invariants
from tests.faults.processes import Flow, Outcome
from tests.faults.report import Row
from tests.faults.world import Combination, World

EVERYWHERE = tuple(Combination(major, store) for major in (15, 18) for store in ("local", "S3"))
IN_S3 = tuple(each for each in EVERYWHERE if each.store == "S3")
LOCALLY = tuple(each for each in EVERYWHERE if each.store == "local")
USUAL = Combination(18, "local")

Case = Callable[[World], Outcome]


def case(
    stage: str,
    fault: str,
    *,
    ends: str = "failed",
    says: str = "",
    then: Flow | None = None,
    on: Sequence[Combination] = EVERYWHERE,
    fast: bool = False,
    sweeps: bool = True,
) -> Callable[[Case], Callable[[World], None]]:
    """A test of a fault, on each combination of a PostgreSQL and a store that it is about.

    `stage` and `fault` are its words in docs/faults.md. The run `ends` failed, killed or succeeded, its sentence is
    matched by the pattern `says`, and afterwards the invariants hold; what it left may still be there where it can't
    have swept it (`sweeps`), as its server was away. Then the same flow, or `then`, runs again by itself and succeeds.
    All are long but the usual combination of a `fast` one."""

    def registered(do: Case) -> Callable[[World], None]:
        @pytest.mark.parametrize("world", combinations(on, fast=fast), indirect=True)
        @functools.wraps(do)
        def test(world: World) -> None:
            with Row.of(world.combination, stage, fault, on) as row:
                before = world.serving()
                outcome = do(world)
                row.said = outcome.sentence
                assert outcome.ending == ends, outcome.said
                assert re.search(says, outcome.sentence), outcome.said
                serving = invariants(world, before, outcome, sweeps=sweeps)
                succeeds_by_itself(world, serving, then or outcome.flow)

        return test

    return registered


def succeeds_by_itself(world: World, before: Before, flow: Flow, *arguments: str) -> None:
    """The next run, with nothing done to it and nobody's help."""
    again = world.run(flow, *arguments)
    assert again.ending == "succeeded", again.said
    invariants(world, before, again)


def combinations(on: Iterable[Combination], *, fast: bool) -> list[object]:
    """As parameters: long ones but for the usual combination, where that is fast."""
    return [
        pytest.param(
            each,
            id=str(each),
            marks=[
                pytest.mark.xdist_group(str(each)),
                *([] if fast and each == USUAL else [pytest.mark.long]),
            ],
        )
        for each in on
    ]
