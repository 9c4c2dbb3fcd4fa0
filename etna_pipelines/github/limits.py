"""GitHub's rate limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etna_pipelines.github.transport import Reply

UNTOLD = 60.0
"""Seconds to wait for a limit that does not say how long."""


@dataclass(frozen=True)
class Patience:
    """How long GitHub is waited for, in seconds."""

    limit: float = 120
    """For rate limits, a request."""
    reply: float = 30
    """For a reply to begin, and between its pieces."""
    whole: float = 60
    """For a whole reply."""
    all: float = math.inf
    """For all requests of one client: none is begun after it."""
    tries: int = 4
    """How often a request is tried whose failures may pass."""
    pause: float = 0.5
    """After the first failure; twice that after the second."""


PATIENT = Patience()


def wait_of(reply: "Reply") -> float | None:
    """Seconds until GitHub takes the request; None where no rate limit refused it."""
    if reply.status not in (403, 429):
        return None
    if (after := reply.headers.get("retry-after", "")).isdigit():
        return float(after) or 1.0
    if reply.headers.get("x-ratelimit-remaining") == "0":
        reset = reply.headers.get("x-ratelimit-reset", "")
        # A second more: both times are cut to whole ones.
        return max(int(reset) - _now_at(reply), 0.0) + 1 if reset.isdigit() else UNTOLD
    if reply.status == 429 or b"rate limit" in reply.body.lower():
        return UNTOLD
    return None


def when(wait: float) -> str:
    """The time of day that a wait ends."""
    return datetime.fromtimestamp(time.time() + wait, UTC).strftime("%H:%M UTC")


def _now_at(reply: "Reply") -> float:
    """GitHub's own clock, for its reset times are by it."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()
