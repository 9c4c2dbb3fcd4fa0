"""Errors of the domain, told to Dagster: one sentence, and a retry only where a retry can help. And told to people, out
of Dagster's events."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.errors import EnvironmentGone, EnvironmentWanted, EtnaError
from etna_pipelines.sentences import sentence_of

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

RETRIES, SECONDS_BETWEEN = 3, 30
"""For a server or store that does not answer. Not a RetryPolicy: that one also retries what a person stopped."""

STOPPED = "The run was stopped; what was half done is removed."

_INTERRUPTS = (dg.DagsterExecutionInterruptedError, KeyboardInterrupt)
_OVERTAKEN = (EnvironmentGone, EnvironmentWanted)


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Raise what fails inside as dg.Failure, without the causes: their texts may quote rows. What a person stopped
    stays an interrupt: a failure would let the steps go on that do not depend on this one."""
    try:
        yield
    except (dg.Failure, dg.RetryRequested, *_OVERTAKEN):
        raise
    except (*_INTERRUPTS, Exception) as error:
        if _stopped(error):
            raise dg.DagsterExecutionInterruptedError(STOPPED) from None
        if isinstance(error, EtnaError) and error.retryable:
            raise dg.RetryRequested(RETRIES, SECONDS_BETWEEN) from failure_of(error)
        raise failure_of(error) from None


def failure_of(error: BaseException) -> dg.Failure:
    """What fails as one sentence, for where nothing is retried: the next tick of a sensor comes anyway."""
    return dg.Failure(sentence_of(error), allow_retries=False)


@contextmanager
def canceled_if_overtaken(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> Iterator[None]:
    """End the run as cancelled, not as failed, where a feature environment left its registry or came back."""
    try:
        yield
    except _OVERTAKEN as overtaken:
        context.instance.report_run_canceling(context.run, str(overtaken))
        raise dg.DagsterExecutionInterruptedError(str(overtaken)) from None


def told(event: dg.DagsterEvent) -> str:
    """Why a step or run failed: the domain's sentences as they are, anything else by its place alone."""
    data = event.event_specific_data
    user_data = getattr(data, "user_failure_data", None)
    if user_data and user_data.description:
        return str(user_data.description)
    where = event.step_key or event.job_name
    fault = f"{where} met a fault of its own: `uv run dagster dev` shows it among its runs."
    return sentence_in(getattr(data, "error", None)) or fault


def sentence_in(error: "SerializableErrorInfo | None") -> str:
    """The domain's sentence in an error that crossed Dagster, or in one that caused it; empty where there is none."""
    while error:
        if error.cls_name in {dg.Failure.__name__, *_domain()}:
            return str(error.message.split(": ", 1)[-1].strip())
        if error.cls_name in [interrupt.__name__ for interrupt in _INTERRUPTS]:
            return str(error.message.partition(": ")[2].strip()) or STOPPED
        error = error.cause
    return ""


def _domain(family: type[EtnaError] = EtnaError) -> set[str]:
    """Names of all errors whose text is for people: of an error that crossed Dagster the type is only a name."""
    return {family.__name__}.union(*map(_domain, family.__subclasses__()))


def _stopped(error: BaseException | None) -> bool:
    """Whether an interrupt began it: what it interrupts may fail in its own way when it cleans up."""
    while error:
        if isinstance(error, _INTERRUPTS):
            return True
        error = error.__context__
    return False
