"""How long GitHub wants to be left alone, by what it answers."""

import time

import httpx
import pytest

from etna_pipelines.github.limits import UNTOLD, wait_of
from etna_pipelines.github.transport import Reply

NOON = {"date": "Fri, 21 Aug 2026 12:00:00 GMT"}
RESET = "1787313630"  # 30 seconds after noon


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "", None),
        (403, {"x-ratelimit-remaining": "4999"}, "Resource not accessible by integration", None),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET, **NOON}, "", 31),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1", **NOON}, "", 1),
        (429, {"x-ratelimit-remaining": "0"}, "", UNTOLD),
        (403, {"retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET, **NOON}, "", 7),
        (429, {"retry-after": "0"}, "", 1),
        (403, {}, "You have exceeded a secondary rate limit.", UNTOLD),
        (429, {}, "", UNTOLD),
    ],
)
def test_waits(status: int, headers: dict[str, str], body: str, wait: float | None) -> None:
    assert wait_of(Reply(status, httpx.Headers(headers), body.encode(), None)) == wait


def test_without_a_date_it_is_this_machines_clock_that_counts() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 30)}

    assert wait_of(Reply(403, httpx.Headers(headers), b"", None)) == pytest.approx(30.5, abs=1)
