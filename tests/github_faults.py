"""What can go wrong between us and GitHub: `github_server.faults.append(lost_reply(on="dispatches"))`.

A fault is met by the next `times` requests that hold `on`, as in `GET /repos/a/b/tags?page=2`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One thing that goes wrong, with the request or with its reply."""

    on: str = ""
    times: int = 1
    status: int | None = None
    """Answered instead of serving the request."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers of the reply, whichever it is."""
    message: str = ""
    resets: bool = False
    """The connection ends before the request is served."""
    loses: bool = False
    """The connection ends after the request was served."""
    cuts: bool = False
    """Half of the body is sent, then the connection ends."""
    delay: float = 0
    """Seconds before the reply."""
    drips: float = 0
    """Seconds between the bytes of its body."""
    does: Callable[[], object] = lambda: None
    """What happens in the repository before the request is served."""


def broken(status: int = 502, times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, status, message="Server Error")


def primary_limit(seconds: float = 1, times: int = 1, on: str = "") -> Fault:
    """All requests of this hour are used up, and the next hour begins in `seconds`."""
    reset = str(int(time.time() + seconds))
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    return Fault(on, times, 403, headers, "API rate limit exceeded for installation.")


def secondary_limit(seconds: int = 1, times: int = 1, on: str = "") -> Fault:
    """Too many requests at once."""
    return Fault(on, times, 429, {"retry-after": str(seconds)}, "You have exceeded a secondary rate limit.")


def reset_connection(times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, resets=True)


def lost_reply(times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, loses=True)


def cut_body(times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, cuts=True)


def meanwhile(does: Callable[[], object], times: int = 1, on: str = "") -> Fault:
    """No fault: life goes on while it is asked."""
    return Fault(on, times, does=does)


def slow(seconds: float, times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, delay=seconds)


def dripping(seconds: float, times: int = 1, on: str = "") -> Fault:
    return Fault(on, times, drips=seconds)
