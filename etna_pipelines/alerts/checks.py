"""Asset checks, as troubles that began or are over."""

from dataclasses import dataclass
from datetime import datetime

from etna_pipelines.alerts.memory import Memory
from etna_pipelines.alerts.runs import NIGHTLY
from etna_pipelines.alerts.still_works import still_works
from etna_pipelines.alerts.trouble import Trouble
from etna_pipelines.settings import Settings


@dataclass(frozen=True)
class Checked:
    """The last evaluation of a check of an asset."""

    asset: str
    check: str
    passed: bool
    says: str
    at: datetime

    @property
    def key(self) -> str:
        return f"check/{self.asset}/{self.check}"


def look_at_check(memory: Memory, checked: Checked, settings: Settings) -> None:
    """Note what it came to. All checks are of snapshots: what works in spite of them is what the night fills."""
    if checked.passed:
        memory.end(checked.key, checked.at, checked.says or "The check passed.")
    elif not memory.knows(checked.key, checked.at):
        web = settings.alerts.webserver
        memory.meet(
            Trouble(
                key=checked.key,
                subject=f"{checked.check} of {checked.asset}",
                what=checked.says or f"The check says why under its asset, {checked.asset}, in the UI.",
                since=checked.at,
                seen=checked.at,
                works=still_works(settings, NIGHTLY),
                well="passes again",
                link=f"{web.rstrip('/')}/assets/{checked.asset}?view=checks" if web else "",
            )
        )
