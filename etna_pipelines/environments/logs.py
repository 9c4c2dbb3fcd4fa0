"""What commands on an environment's databases said: it may hold rows, so it is not kept for ever."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment

KEPT = timedelta(days=30)
"""Where the environment's copies do not expire sooner."""


def drop_old_logs(home: Path, target: "Environment", now: datetime) -> None:
    """Delete the logs of fix-ups and redeploys of an environment, and of rehearsals, that nobody has written to for as
    long as its full copies may be there, or for 30 days."""
    kept = min(target.expires_after or KEPT, KEPT)
    name = target.name.replace("/", "-")
    for pattern in (f"fix-ups/{name}-*.log", f"redeploys/{name}-*.log", "rehearsals/*.log"):
        for log in home.glob(pattern):
            if datetime.fromtimestamp(log.stat().st_mtime, now.tzinfo) < now - kept:
                log.unlink(missing_ok=True)
