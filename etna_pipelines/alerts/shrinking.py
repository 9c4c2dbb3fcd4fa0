"""What became suspiciously small from one full snapshot to the next."""

from etna_pipelines.alerts.verdict import Verdict
from etna_pipelines.snapshots.manifest import Manifest

SHARE = 0.5
"""What is left of it, at most."""
FEW = 20
"""Tables with fewer rows come and go."""
NAMED = 10
"""Tables that a sentence names; their number says the rest."""


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
        f"{', '.join(told[:NAMED])}{more}: if nobody meant that, keep {before.id} and find out what deleted them.",
        {"tables": len(lost), "rows before": sum(lost.values()), "rows now": sum(now.get(table, 0) for table in lost)},
    )


def size(before: Manifest, after: Manifest) -> Verdict:
    """A backup that is half the size of the last, or less."""
    facts = {"bytes before": before.bytes, "bytes now": after.bytes}
    if after.bytes > SHARE * before.bytes:
        return Verdict(True, f"{after.id} is {_percent(after, before)} % of the size of {before.id}.", facts)
    return Verdict(
        False,
        f"{after.id} is {_percent(after, before)} % of the size of {before.id}, the backup before it: if nobody meant "
        f"that, keep {before.id} and see in its tables what is missing.",
        facts,
    )


def _rows(manifest: Manifest) -> dict[str, int]:
    return {file.table: file.rows or 0 for file in manifest.files if file.table}


def _percent(part: Manifest, whole: Manifest) -> str:
    return f"{100 * part.bytes / whole.bytes:.0f}" if whole.bytes else "100"
