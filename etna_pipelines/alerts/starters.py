"""Sensors and schedules that fail, as troubles: what they would have started never runs, and so never fails."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.trouble import Trouble
from etna_pipelines.settings import Settings

PATIENCE = timedelta(minutes=10)
"""A server that did not answer once is asked again by the next tick, before anybody need know."""


@dataclass(frozen=True)
class Starter:
    """A sensor or schedule that is on, and what its last ticks came to."""

    name: str
    last: datetime
    """When its last tick was."""
    failing_since: datetime | None = None
    says: str = ""
    """Why the last one failed."""


def look_at_starter(memory: Memory, starter: Starter, now: datetime, settings: Settings) -> None:
    """Note what it came to."""
    key, web = f"starter/{starter.name}", settings.alerts.webserver
    if starter.failing_since is None:
        memory.end(key, starter.last, "It works again.")
    elif now - starter.failing_since >= PATIENCE and not memory.knows(key, starter.last):
        memory.meet(
            Trouble(
                key=key,
                subject=starter.name,
                what=starter.says,
                since=starter.failing_since,
                seen=starter.last,
                works="what it started before; it starts nothing new",
                link=f"{web.rstrip('/')}/automation" if web else "",
            )
        )
