"""How far the new database of a push is, said by its comment: what is half done by a killed step is told from what is
done, and a step that is run again begins where the last one that ended left off."""

from datetime import UTC, datetime
from typing import Literal, get_args

from etna_pipelines.environments.history import MARK, serving_of
from etna_pipelines.postgres.handover import Connection, comment_of, set_comment

Stage = Literal["filled", "checked", "fixed up"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In order."""


def reached(server: Connection, new: str) -> Stage | None:
    """The last stage that it came to; None where there is no such database, or one that has to be filled anew."""
    return _read(server, new)[0]


def fixed_up_at(server: Connection, new: str) -> datetime | None:
    """When its fix-ups had been made; None where they have not."""
    stage, since = _read(server, new)
    return since if stage == "fixed up" else None


def reach(server: Connection, new: str, stage: Stage | None) -> None:
    """Note that it came to a stage; None before what must not be done twice."""
    set_comment(server, new, f"{MARK}{stage} {datetime.now(UTC).isoformat()}" if stage else None)


def missing(server: Connection, new: str, wanted: Stage) -> list[Stage]:
    """The stages up to `wanted` that it did not come to yet."""
    done = reached(server, new)
    return list(STAGES[STAGES.index(done) + 1 if done else 0 : STAGES.index(wanted) + 1])


def _read(server: Connection, new: str) -> tuple[Stage | None, datetime | None]:
    """The stage, and since when."""
    comment = comment_of(server, new) or ""
    if serving := serving_of(comment):  # said right before the swap
        return "fixed up", serving.pushed
    said, _, since = comment.removeprefix(MARK).rpartition(" ")
    stage = next((stage for stage in STAGES if comment.startswith(MARK) and said == stage), None)
    return stage, datetime.fromisoformat(since) if stage else None
