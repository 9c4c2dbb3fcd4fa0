"""`etna worker`: one of those who do the steps of a night."""

import os
from typing import Annotated

import typer

from etna_pipelines.errors import SettingsError
from etna_pipelines.settings import load


def worker(
    steps: Annotated[
        bool, typer.Option("--steps", help="Do all other steps, one at a time, instead of parts of strip and proof.")
    ] = False,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Parts at a time; as many as this machine has processors by default.")
    ] = None,
) -> None:
    """Do steps of the job `nightly` that wait in Redis (ETNA_BROKER_URL), until it is stopped."""
    settings = load()
    if settings.growing.executor != "celery":
        raise SettingsError(
            "environments.yaml has no `growing: {executor: celery}`: there is nothing to do for workers."
        )
    try:
        from etna_pipelines.defs.worker import run
    except ImportError:
        raise SettingsError("Celery is not installed: install it with `uv sync --extra celery`.") from None
    count = 1 if steps else at_once or len(os.sched_getaffinity(0))
    run(settings.broker(), settings.growing, parts=not steps, at_once=count)
