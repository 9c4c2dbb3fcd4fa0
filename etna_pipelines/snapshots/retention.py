"""Which snapshots stay, which go, and why: a pure function of what there is and of the rules.

Nights, weeks and months are those of the ids (UTC), and only those count that have a sound snapshot. No clock
is asked: neither one that is wrong nor nights that failed make anything older than it is.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etna_pipelines.snapshots.listing import Listed
from etna_pipelines.snapshots.manifest import KINDS, Kind, new_id, time_of
from etna_pipelines.snapshots.retention_spec import Keep, RetentionSpec

ALWAYS = 2
"""How many sound snapshots of a kind stay, whatever the rules say."""

PERIODS = {"night": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""What tells one from the next, as strftime spells it; weeks begin on Mondays."""

HORIZON = 400
"""Nights that are looked ahead."""


@dataclass(frozen=True)
class Verdict:
    """Whether a snapshot stays, and why."""

    snapshot: Listed
    stays: bool
    why: str


def plan(snapshots: Iterable[Listed], damaged: Collection[str], rules: RetentionSpec) -> list[Verdict]:
    """A verdict on each snapshot, oldest first. `damaged` are ids of those that are not sound, or can't be read: they
    count for nothing, and stay until somebody has looked at them, as their parts do."""
    ordered = sorted(snapshots, key=lambda snapshot: snapshot.id)
    sound = [snapshot for snapshot in ordered if snapshot.id not in damaged and time_of(snapshot.id)]
    staying: dict[str, str] = {}
    for kind in KINDS:
        whole = [each for each in reversed(sound) if each.kind == kind and not each.is_subset]
        staying |= dict(_staying(whole, rules.full if kind == "full" else rules.stripped))

    def verdict(snapshot: Listed) -> Verdict:
        if snapshot.id in damaged:
            return Verdict(snapshot, True, "it is damaged: that is for people to look at")
        if not time_of(snapshot.id):
            return Verdict(snapshot, True, "its id tells no time")
        if snapshot.is_subset and snapshot.parent in damaged:
            return Verdict(snapshot, True, "what it is a part of is damaged, or can't be read")
        if snapshot.is_subset:
            return _of_subset(snapshot, sound, staying, rules.stripped.subsets)
        why = staying.get(snapshot.id)
        return Verdict(snapshot, why is not None, why or _covered(rules, snapshot.kind))

    return [verdict(snapshot) for snapshot in ordered]


def _staying(whole: Sequence[Listed], keep: Keep) -> Iterator[tuple[str, str]]:
    """Ids of those that stay, among the sound ones of a kind, newest first, and why. Of each night, week and month the
    newest one stands for it."""
    wanted = {"night": keep.nights, "week": keep.weeks, "month": keep.months}
    seen: dict[str, set[str]] = {period: set() for period in PERIODS}
    for number, snapshot in enumerate(whole):
        why = ["the newest"] if number == 0 else [f"one of the newest {ALWAYS}"] if number < ALWAYS else []
        for period, spelling in PERIODS.items():
            name = f"{time_of(snapshot.id):{spelling}}"
            if name not in seen[period] and len(seen[period]) < wanted[period]:
                seen[period].add(name)
                why.append(f"{period} {len(seen[period])} of {wanted[period]}")
        if why:
            yield snapshot.id, ", ".join(why)


def _of_subset(subset: Listed, sound: Iterable[Listed], staying: Mapping[str, str], days: int) -> Verdict:
    if subset.parent not in staying:
        return Verdict(subset, False, "what it is a part of goes")
    newest = max(_taken(each) for each in sound if each.kind == subset.kind)
    if newest - _taken(subset) > timedelta(days=days):
        return Verdict(subset, False, f"it is a part, and more than {days} days older than the newest")
    return Verdict(subset, True, f"a part of one that stays, for {days} days")


def _covered(rules: RetentionSpec, kind: Kind) -> str:
    keep = rules.full if kind == "full" else rules.stripped
    return f"newer ones stand for {keep.nights} nights, {keep.weeks} weeks and {keep.months} months"


def last_nights(snapshots: Iterable[Listed], damaged: Collection[str], rules: RetentionSpec) -> dict[str, datetime]:
    """By id, the nights that will make snapshots go that stay now, where one of each kind comes every night from the
    newest one on; those that stay for longer than HORIZON nights are missing."""
    there = [verdict.snapshot for verdict in plan(snapshots, damaged, rules) if verdict.stays]
    left = {snapshot.id for snapshot in there}
    found: dict[str, datetime] = {}
    for _ in range(HORIZON):
        if not left:
            break
        night = max(map(_taken, there)) + timedelta(days=1)
        verdicts = plan([*there, *(_imagined(kind, night) for kind in KINDS)], damaged, rules)
        there = [verdict.snapshot for verdict in verdicts if verdict.stays]
        gone = left - {snapshot.id for snapshot in there}
        found |= dict.fromkeys(gone, night)
        left -= gone
    return found


def _imagined(kind: Kind, night: datetime) -> Listed:
    return Listed(kind=kind, id=new_id(night), parent=None, is_subset=False, bytes=0, rows=0, database="")


def _taken(snapshot: Listed) -> datetime:
    """When it was made; for ever ago where its id does not say."""
    return time_of(snapshot.id) or datetime.min.replace(tzinfo=UTC)
