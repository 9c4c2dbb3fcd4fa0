"""Waiting for something elsewhere to come to its end."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 3600.0
"""Seconds that a deployment may take."""
LOOKING = 30.0
"""Seconds within which what was asked for can be found: lists elsewhere are a little behind."""
REMEMBERED = timedelta(days=2)
"""How old something can be that is still looked for."""


def wait_for(look: Callable[[], Found | None], patience: float, every: float = 5.0) -> Found | None:
    """What `look` finds, asked every so many seconds, and sooner in the beginning; None where there is nothing after
    `patience` seconds."""
    deadline, pause = time.monotonic() + patience, every / 32
    while (found := look()) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(2 * pause, every)
    return found
