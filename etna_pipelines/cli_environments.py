"""`etna push`, `etna pull`, `etna rollback`, `etna redeploy`: environments, by hand."""

from typing import TYPE_CHECKING, Annotated

import typer

from etna_pipelines.settings import load
from etna_pipelines.terminal import console

if TYPE_CHECKING:
    from etna_pipelines.environments.history import Push
    from etna_pipelines.progress import Progress
    from etna_pipelines.push_steps import PushSteps
    from etna_pipelines.redeploy.redeployer import Redeployed

Name = Annotated[str, typer.Argument(help="staging, development, local, or test/login-page for a feature environment.")]
Snapshot = Annotated[str, typer.Option(help="The id of a snapshot; else the newest one that may go there.")]

Version = Annotated[str, typer.Option(help="The version of the application; else the one that the push was for.")]


def push(environment: Name, snapshot: Snapshot = "") -> None:
    """Make an environment serve a snapshot, and redeploy it. Whatever fails before the swap changes nothing."""
    from etna_pipelines.bars import Bars

    with Bars(console) as bars:
        steps = push_steps(bars)
        done = steps.push(environment, steps.snapshot(environment, snapshot))
    tell_of_a_push(done)
    tell_of_a_redeploy(steps.redeploy(done))


def pull(snapshot: Snapshot = "") -> None:
    """Fill your own database: `etna push local`."""
    push("local", snapshot)


def rollback(environment: Name) -> None:
    """Swap the previous database of an environment back in and redeploy it. Once more takes it back."""
    steps = push_steps()
    done = steps.rollback(environment)
    holds = f"the {done.kind} snapshot {done.snapshot}" if done.snapshot else "what it served before any push"
    console.print(f"{environment} serves {holds} again. New connections waited {done.outage:.2f} s.")
    tell_of_a_redeploy(steps.redeploy(done))


def redeploy(environment: Name, version: Version = "") -> None:
    """Redeploy what was last swapped into an environment, where that failed; or redeploy another version."""
    if not tell_of_a_redeploy(push_steps().redeploy_last(environment, version)):
        console.print(f"environments.yaml names no way to redeploy {environment}.")


def push_steps(progress: "Progress | None" = None) -> "PushSteps":
    from etna_pipelines.progress import silent
    from etna_pipelines.push_steps import PushSteps

    settings = load()
    return PushSteps(settings, settings.open_store(), progress or silent)


def tell_of_a_push(done: "Push") -> None:
    console.print(
        f"{done.environment} serves the {done.kind} snapshot {done.snapshot}, {done.rows:,} rows, "
        f"after {done.seconds:.1f} s. New connections waited {done.outage:.2f} s.",
        soft_wrap=True,
    )


def tell_of_a_redeploy(redeployed: "Redeployed | None") -> bool:
    if redeployed:
        console.print(f"Redeployed{f': version {redeployed.version}' if redeployed.version else ''}.")
    return redeployed is not None
