"""Running the job `nightly` in this process, for people who watch."""

import os
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from etna_pipelines.errors import EtnaError, SettingsError
from etna_pipelines.progress import Progress, listening

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


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
    """What the failed step says: the domain's errors as they are, faults of our own by their place alone."""
    failures = [event for event in events if event.is_step_failure]
    for event in failures:
        told = event.step_failure_data.user_failure_data
        if told and told.description:
            return told.description
        error = event.step_failure_data.error
        while error:
            if error.cls_name in _domain():
                return error.message.split(": ", 1)[-1].strip()
            error = error.cause
    where = failures[0].step_key if failures else "nightly"
    return f"{where} met a fault of its own: `uv run dagster dev` shows it in the run {run_id}."


def _domain(family: type[EtnaError] = EtnaError) -> set[str]:
    """Names of all errors whose text is for people: of an error that crossed Dagster the type is only a name."""
    return {family.__name__}.union(*map(_domain, family.__subclasses__()))
