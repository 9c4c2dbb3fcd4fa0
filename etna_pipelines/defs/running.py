"""Running the job `nightly` in this process, for people who watch."""

import os
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from etna_pipelines.defs.errors import told
from etna_pipelines.errors import EtnaError, SettingsError
from etna_pipelines.progress import Progress, listening

QUIET = {"loggers": {"console": {"config": {"quiet": True}}}}


class RunFailed(EtnaError):
    """A run failed: the sentence is that of the step that did."""


def run_nightly(progress: Progress) -> str:
    """Run the job to its end, in the instance that `dagster dev` shows too; returns the run's id.

    Raises RunFailed."""
    with (
        _instance() as instance,
        listening(progress),
        dg.execute_job(
            dg.reconstructable(nightly), instance=instance, run_config=QUIET, raise_on_error=False
        ) as result,
    ):
        if not result.success:
            raise RunFailed(sentence(result.all_events, result.run_id))
        return result.run_id


def nightly() -> dg.JobDefinition:
    """The job as the definitions have it."""
    from etna_pipelines.definitions import defs

    return defs().resolve_job_def("nightly")


def _instance() -> dg.DagsterInstance:
    """What dagster.yaml in this directory describes, or the one in DAGSTER_HOME where that is set."""
    directory = Path(os.environ.get("DAGSTER_HOME") or Path.cwd())
    if not (directory / "dagster.yaml").is_file():  # Dagster would begin a history of its own here
        raise SettingsError(f"There is no dagster.yaml in {directory}: run etna in the top directory of the checkout.")
    return dg.DagsterInstance.from_config(str(directory))


def sentence(events: Sequence[dg.DagsterEvent], run_id: str) -> str:
    """What the failed step says; of a fault of our own, where to look."""
    for event in events:
        if event.is_step_failure:
            return told(event)
    return f"The run {run_id} failed outside of its steps: `uv run dagster dev` shows why."
