"""Whatever went wrong, as one sentence for people: in a terminal and in Dagster the same one."""

from traceback import walk_tb

from etna_pipelines.errors import EtnaError


def sentence_of(error: BaseException) -> str:
    """An error of the domain as it is; of any other what is safe to show, for its text may quote anything: rows too."""
    import psycopg

    from etna_pipelines.postgres.messages import reason

    if isinstance(error, EtnaError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"A database server refused: {reason(error)}."
    return f"A fault of etna-pipelines itself: {_where(error)}: report it (in a terminal, ETNA_DEBUG=1 shows more)."


def _where(error: BaseException) -> str:
    """The error's type and the last line of ours that it came through."""
    frames = [(frame.f_globals.get("__name__", ""), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [f" at {module}, line {line}" for module, line in frames if module.startswith("etna_pipelines.")]
    return type(error).__name__ + (ours[-1] if ours else "")
