"""Errors of the domain, told to Dagster: one sentence, and a retry only where a retry can help."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from etna_pipelines.errors import EtnaError


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Raise what fails inside as dg.Failure, without the causes: their texts may quote rows."""
    try:
        yield
    except dg.Failure:
        raise
    except dg.DagsterExecutionInterruptedError:
        raise dg.Failure("The run was stopped; what was half done is removed.", allow_retries=False) from None
    except EtnaError as error:
        raise dg.Failure(str(error), allow_retries=error.retryable) from None
    except Exception as error:
        raise dg.Failure(_unforeseen(error), allow_retries=False) from None


def _unforeseen(error: Exception) -> str:
    import psycopg

    from etna_pipelines.postgres.server import reason

    if isinstance(error, psycopg.Error):
        return f"A database server refused: {reason(error)}."
    return f"A fault of etna-pipelines itself: {_where(error)}."


def _where(error: Exception) -> str:
    """The error's type and the line it came from, never its text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
