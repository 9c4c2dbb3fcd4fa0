"""One trouble, in plain words."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Trouble(BaseModel):
    """What people are told of something that is not well. Sentences only: never a row's value or a secret."""

    model_config = ConfigDict(frozen=True)

    key: str
    """What tells it from others, for as long as it lasts: `run/nightly`, `check/full_snapshot/rows`."""
    subject: str
    """What is not well: `nightly`, `freshness of full_snapshot`. It `failed`, `still fails`, or what `well` says."""
    what: str
    since: datetime
    seen: datetime
    """When it was last seen: a trouble that is met again is told again, a day after it was told."""
    works: str = ""
    """What goes on in spite of it."""
    todo: str = ""
    link: str = ""
    well: str = "is well again"
    """What is said of it when it is over."""
    environment: str | None = None
    """The feature environment that it is about; its troubles end with it."""


def moment(time: datetime) -> str:
    """`23 Nov 02:05 UTC`"""
    return f"{time.astimezone(UTC):%d %b %H:%M} UTC"
