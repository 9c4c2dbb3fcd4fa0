"""What a terminal shows of a run."""

import re

import dagster as dg
import pytest

from etna_pipelines.defs.console import console
from etna_pipelines.errors import DatabaseUnreachable

ATTEMPTS: list[int] = []


@dg.op
def fine(context: dg.OpExecutionContext) -> None:
    context.log.warning("Only for the UI.")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def away_at_first() -> None:
    ATTEMPTS.append(1)
    if len(ATTEMPTS) == 1:
        raise dg.RetryRequested(1, 0.01) from dg.Failure("db cannot be reached: start it.")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def faulty() -> None:
    raise dg.Failure("This column has no rule: add one.")


@dg.op(ins={"after": dg.In(dg.Nothing)})
def never() -> None:
    raise AssertionError


@dg.job(logger_defs={"console": console})
def night() -> None:
    never(faulty(away_at_first(fine())))


def run(capfd: pytest.CaptureFixture[str], quiet: bool) -> list[str]:
    ATTEMPTS.clear()
    night.execute_in_process(run_config={"loggers": {"console": {"config": {"quiet": quiet}}}}, raise_on_error=False)
    return capfd.readouterr().err.splitlines()


def test_a_line_when_a_step_starts_and_one_when_it_ends(capfd: pytest.CaptureFixture[str]) -> None:
    lines = [re.sub(r"\d+\.\d s$", "N s", line) for line in run(capfd, quiet=False)]

    assert lines == [
        "→ fine",
        "✓ fine, N s",
        "→ away_at_first",
        "↻ away_at_first: db cannot be reached: start it; again in 0 s",
        "→ away_at_first",
        "✓ away_at_first, N s",
        "→ faulty",
        "✗ faulty: This column has no rule: add one.",
    ]


def test_nothing_where_bars_are_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, quiet=True) == []


def test_a_run_that_fails_outside_of_its_steps_says_so_too(capfd: pytest.CaptureFixture[str]) -> None:
    @dg.resource
    def broken() -> None:
        raise DatabaseUnreachable("db cannot be reached: start it.")

    @dg.op(required_resource_keys={"broken"})
    def step() -> None: ...

    @dg.job(logger_defs={"console": console}, resource_defs={"broken": broken})
    def nightly() -> None:
        step()

    nightly.execute_in_process(run_config={"loggers": {"console": {}}}, raise_on_error=False)

    assert capfd.readouterr().err == "✗ nightly: db cannot be reached: start it.\n"
