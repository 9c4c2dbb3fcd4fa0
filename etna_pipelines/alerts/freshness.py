"""Whether the store itself has a snapshot of this night: one may be there that Dagster knows nothing of, or be gone."""

from datetime import datetime, timedelta

from etna_pipelines.alerts.trouble import moment
from etna_pipelines.alerts.verdict import Facts, Verdict
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Kind, time_of

OLD = timedelta(hours=26)
"""A night, and two hours for a slow one."""
AHEAD = timedelta(minutes=10)
"""By how much two clocks may differ."""


def freshness(catalogue: Catalogue, kind: Kind, now: datetime, recorded: str = "") -> Verdict:
    """The age of the newest snapshot that can be trusted; of a stripped one, of the data that it holds.

    `recorded` is the id of the one that Dagster saw published last, empty where it saw none. Raises StoreError."""
    where, newest = catalogue.store.location(), next(catalogue.trusted(kind), None)
    if newest is None:
        says = f"{where} has no {kind} snapshot that can be trusted: run the job `nightly`."
        return Verdict(False, says, {"recorded by Dagster": recorded or "none"})
    taken = time_of(newest.parent or newest.id) or newest.created
    facts: Facts = {"snapshot": newest.id, "hours": round((now - taken).total_seconds() / 3600, 1)}
    which = f"The newest {kind} snapshot that can be trusted, {newest.id},"
    if taken > now + AHEAD:
        says = f"{which} is {_hours(taken - now)} h ahead of this machine's clock: set the clocks by NTP."
    elif now - taken > OLD:
        says = (
            f"{which} was taken {moment(taken)}, {_hours(now - taken)} h ago: find out why `nightly` has made none "
            "since (its last run, its schedule, the daemon), and run it."
        )
    elif recorded > newest.id and recorded not in catalogue.ids(kind):
        says = f"Dagster recorded {recorded}, and {where} does not have it: find out who deleted it."
    else:
        return Verdict(True, f"{which} was taken {moment(taken)}.", facts)
    return Verdict(False, says, facts)


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:.0f}"
