"""What became suspiciously small from one full snapshot to the next."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from etna_pipelines.alerts.verdict import Verdict
from etna_pipelines.snapshots.manifest import Manifest, time_of

SHARE = 0.5
"""What is left of it, at most."""
FEW = 20
"""Tables with fewer rows come and go."""
NAMED = 10
"""Tables that a sentence names; their number says the rest."""
MEANT = timedelta(days=7)
"""What was lost, and nobody brought back in this time, counts as meant."""


def look_at_newest(snapshots: Iterable[Manifest], compare: Callable[[Manifest, Manifest], Verdict]) -> Verdict:
    """The newest one, beside the last of the week before it that passed: a table that is empty is not well again for
    having been empty the night before too. `snapshots` come newest first."""
    verdict = Verdict(True, "There is no older snapshot.")
    good: Manifest | None = None
    for snapshot in reversed(_recent(snapshots)):
        if good:
            verdict = compare(good, snapshot)
        if verdict.passed:
            good = snapshot
    return verdict


def rows(before: Manifest, after: Manifest) -> Verdict:
    """Tables that lost half of their rows, or are gone with all of them."""
    then, now = _rows(before), _rows(after)
    lost = {table: count for table, count in then.items() if count >= FEW and now.get(table, 0) <= SHARE * count}
    if not lost:
        return Verdict(True, f"No table lost half of its rows since {before.id}.")
    told = [f"{table} has {now.get(table, 0):,} of {count:,}" for table, count in lost.items()]
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return Verdict(
        False,
        f"{len(lost)} {'tables' if len(lost) > 1 else 'table'} lost half of the rows since {before.id}: "
        f"{', '.join(told[:NAMED])}{more}: if nobody meant that, find out what deleted them; {_stays(before)}.",
        {"tables": len(lost), "rows before": sum(lost.values()), "rows now": sum(now.get(table, 0) for table in lost)},
    )


def size(before: Manifest, after: Manifest) -> Verdict:
    """A backup that is half the size of one before, or less."""
    facts = {"bytes before": before.bytes, "bytes now": after.bytes}
    if after.bytes > SHARE * before.bytes:
        return Verdict(True, f"{after.id} is {_percent(after, before)} % of the size of {before.id}.", facts)
    return Verdict(
        False,
        f"{after.id} is {_percent(after, before)} % of the size of {before.id}, a backup before it: if nobody meant "
        f"that, see in its tables what is missing; {_stays(before)}.",
        facts,
    )


def _recent(snapshots: Iterable[Manifest]) -> list[Manifest]:
    """The newest first: a week's, and the one before the newest however old it is."""
    recent: list[Manifest] = []
    for snapshot in snapshots:
        if len(recent) > 1 and _taken(recent[0]) - _taken(snapshot) > MEANT:
            break
        recent.append(snapshot)
    return recent


def _taken(manifest: Manifest) -> datetime:
    return time_of(manifest.id) or manifest.created


def _stays(before: Manifest) -> str:
    return f"`etna snapshots --why` says until when {before.id} stays, and after {MEANT.days} days it counts as meant"


def _rows(manifest: Manifest) -> dict[str, int]:
    return {file.table: file.rows or 0 for file in manifest.files if file.table}


def _percent(part: Manifest, whole: Manifest) -> str:
    return f"{100 * part.bytes / whole.bytes:.0f}" if whole.bytes else "100"
