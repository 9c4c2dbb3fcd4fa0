"""What `dagster job execute` prints: a line when a step starts, and one when it ends. The UI has everything else."""

import logging
import sys

import dagster as dg

from etna_pipelines.defs.errors import STOPPED, told


@dg.logger(config_schema={"quiet": dg.Field(bool, default_value=False, description="For those who draw bars.")})
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Steps for people at a terminal: no stack traces, nothing of Dagster's own doings."""
    logger = logging.Logger("etna", logging.DEBUG)  # what is shown depends on the event, not on Dagster's level for it
    logger.addHandler(logging.NullHandler() if context.logger_config["quiet"] else _Lines())
    return logger


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        event: dg.DagsterEvent | None = getattr(record, "dagster_event", None)
        if event and (said := line(event)):
            print(said, file=sys.stderr, flush=True)


def line(event: dg.DagsterEvent) -> str | None:
    """What people are told of an event; most are not for them."""
    step = event.step_key or event.job_name
    match event.event_type:
        case dg.DagsterEventType.STEP_START | dg.DagsterEventType.STEP_RESTARTED:
            return f"→ {step}"
        case dg.DagsterEventType.STEP_SUCCESS:
            return f"✓ {step}, {event.step_success_data.duration_ms / 1000:.1f} s"
        case dg.DagsterEventType.STEP_UP_FOR_RETRY:
            return f"↻ {step}: {told(event).rstrip('.')}; again in {event.step_retry_data.seconds_to_wait:.0f} s"
        case dg.DagsterEventType.STEP_FAILURE:
            return f"✗ {step}: {told(event)}"
        case dg.DagsterEventType.RUN_FAILURE if event.job_failure_data.first_step_failure_event is None:
            said = told(event)
            return f"✗ {step}: {said}" if said != STOPPED else None  # the step that was stopped has said so
    return None
