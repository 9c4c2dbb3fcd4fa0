"""What stays and what goes, told by nights."""

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from etna_pipelines.snapshots.listing import Listed
from etna_pipelines.snapshots.manifest import KINDS, Kind
from etna_pipelines.snapshots.retention import last_nights, plan
from etna_pipelines.snapshots.retention_spec import Keep, KeepStripped, RetentionSpec

MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)
RULES = RetentionSpec()


def id_of(moment: datetime, suffix: str = "aaaaaa") -> str:
    return f"{moment:%Y%m%dT%H%M%S%f}Z-{suffix}"


def snapshot(moment: datetime, kind: Kind = "full", parent: Listed | None = None) -> Listed:
    """Of a moment; with a parent, a subset of that."""
    id_ = id_of(moment, "aaaaaa" if kind == "full" else "bbbbbb") + ("-subset-1" if parent else "")
    of = parent.id if parent else None
    return Listed(kind=kind, id=id_, parent=of, is_subset=parent is not None, bytes=1, rows=1, database="etna")


def nights(count: int, kind: Kind = "full", last: datetime = MONDAY) -> list[Listed]:
    """So many snapshots, one a night."""
    return [snapshot(last - timedelta(days=ago), kind) for ago in reversed(range(count))]


def staying(snapshots: Iterable[Listed], rules: RetentionSpec = RULES, damaged: Iterable[str] = ()) -> list[str]:
    """The days of those that stay, as `23 Nov`."""
    return [f"{each.id[6:8]}.{each.id[4:6]}." for each in kept(snapshots, rules, damaged)]


def kept(snapshots: Iterable[Listed], rules: RetentionSpec = RULES, damaged: Iterable[str] = ()) -> list[Listed]:
    return [verdict.snapshot for verdict in plan(snapshots, {*damaged}, rules) if verdict.stays]


def test_nights_weeks_and_months_stay_each_by_its_newest_snapshot() -> None:
    assert staying(nights(120)) == [
        *["30.09.", "31.10."],  # months, with November
        *["08.11.", "15.11.", "17.11.", "18.11.", "19.11.", "20.11.", "21.11.", "22.11.", "23.11."],
    ]


def test_why() -> None:
    verdicts = {verdict.snapshot.id[:8]: verdict.why for verdict in plan(nights(120), set(), RULES)}
    assert verdicts["20261123"] == "the newest, night 1 of 7, week 1 of 4, month 1 of 3"
    assert verdicts["20261122"] == "one of the newest 2, night 2 of 7, week 2 of 4"
    assert verdicts["20261031"] == "month 2 of 3"
    assert verdicts["20261030"] == "newer ones stand for 7 nights, 4 weeks and 3 months"


def test_pruned_every_night_the_same_ones_stay_as_pruned_once() -> None:
    there: list[Listed] = []
    for night in nights(120):
        there = kept([*there, night])
    assert there == kept(nights(120))


def test_of_several_snapshots_of_a_night_the_last_one_stays() -> None:
    rules = RetentionSpec(full=Keep(nights=3, weeks=0, months=0))
    hours = [snapshot(MONDAY - timedelta(days=day) + timedelta(hours=hour)) for day in (2, 1, 0) for hour in (0, 5, 9)]
    assert [each.id[6:11] for each in kept(hours, rules)] == ["21T11", "22T11", "23T07", "23T11"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_newest_two_always_stay(count: int) -> None:
    nothing = RetentionSpec(full=Keep(nights=0, weeks=0, months=0))
    assert kept(nights(count), nothing) == nights(count)[-2:]


def test_full_and_stripped_have_rules_of_their_own() -> None:
    rules = RetentionSpec(full=Keep(nights=2, weeks=0, months=0), stripped=KeepStripped(nights=4, weeks=0, months=0))
    there = [*nights(9), *nights(9, "stripped")]
    assert [each.kind for each in kept(there, rules)].count("full") == 2
    assert [each.kind for each in kept(there, rules)].count("stripped") == 4


def test_nights_that_failed_make_nothing_old() -> None:
    """Ten good nights, then a year in which every night failed: there is nothing newer that would stand for them."""
    rules = RetentionSpec(full=Keep(nights=7, weeks=0, months=0))
    there = nights(10, last=MONDAY - timedelta(days=365))
    assert kept(there, rules) == there[-7:]
    assert kept([*kept(there, rules), snapshot(MONDAY)], rules) == [*there[-6:], snapshot(MONDAY)]


def test_damaged_ones_stay_and_count_for_nothing() -> None:
    rules = RetentionSpec(full=Keep(nights=2, weeks=0, months=0))
    there = nights(9)
    damaged = [each.id for each in there[-4:]]
    assert kept(there, rules, damaged) == there[3:]  # the last two good ones, and the damaged ones
    verdicts = {verdict.snapshot.id: verdict.why for verdict in plan(there, damaged, rules)}
    assert verdicts[damaged[0]] == "it is damaged: that is for people to look at"
    assert verdicts[there[4].id] == "the newest, night 1 of 2"


def test_all_are_damaged_and_all_stay() -> None:
    there = nights(30)
    assert kept(there, damaged=[each.id for each in there]) == there


@pytest.mark.parametrize("years", [-30, -1, 5, 70])
def test_a_clock_that_is_years_off_deletes_nothing_more(years: int) -> None:
    """One night's clock was wrong: of the others as many stay as the rules say, or one less where it counts itself."""
    there = kept(nights(60))
    wrong = snapshot(MONDAY.replace(year=MONDAY.year + years, day=25))
    assert len({*there} - {*kept([*there, wrong])}) <= (0 if years < 0 else 3)
    assert {*there[-6:]} <= {*kept([*there, wrong])}


def test_subsets_stay_with_what_they_are_a_part_of_and_for_some_days_only() -> None:
    rules = RetentionSpec(stripped=KeepStripped(nights=3, weeks=1, months=9, subsets=1))
    there = nights(40, "stripped")
    parts = [snapshot(MONDAY - timedelta(days=ago, minutes=-30), "stripped", there[-1 - ago]) for ago in range(4)]
    verdicts = {verdict.snapshot.id: verdict for verdict in plan([*there, *parts], set(), rules)}
    assert [verdicts[part.id].stays for part in parts] == [True, True, False, False]
    assert verdicts[parts[1].id].why == "a part of one that stays, for 1 days"
    assert verdicts[parts[2].id].why == "it is a part, and more than 1 days older than the newest"
    assert verdicts[parts[3].id].why == "what it is a part of goes"


def test_a_subset_is_no_night() -> None:
    whole = nights(1, "stripped")
    part = snapshot(MONDAY + timedelta(days=1), "stripped", whole[0])
    assert kept([*whole, part], RetentionSpec(stripped=KeepStripped(nights=0, weeks=0, months=0))) == [*whole, part]


def test_an_id_that_tells_no_time_stays() -> None:
    odd = snapshot(MONDAY).model_copy(update={"id": "before-the-move"})
    assert kept([odd, *nights(3)]) == [*nights(3), odd]


def test_when_each_will_go() -> None:
    rules = RetentionSpec(full=Keep(nights=3, weeks=0, months=2))
    goes = last_nights(nights(40), set(), rules)
    assert {id_[4:8]: f"{night:%d %b}" for id_, night in goes.items()} == {
        "1031": "01 Dec",  # when December is a month of its own
        "1121": "24 Nov",
        "1122": "25 Nov",
        "1123": "26 Nov",
    }


def test_what_was_said_of_the_future_comes_true() -> None:
    """Nights pass: each snapshot goes in the night that was told, whatever the rules."""
    dice = random.Random(5)
    for _ in range(5):
        keep = Keep(nights=dice.randrange(9), weeks=dice.randrange(5), months=dice.randrange(3))
        rules, there = RetentionSpec(full=keep), kept(nights(70), RetentionSpec(full=keep))
        told = last_nights(there, set(), rules)
        for ahead in range(1, 100):
            night = MONDAY + timedelta(days=ahead)
            after = kept([*there, snapshot(night)], rules)
            gone = [each.id for each in there if each not in after and each.id in told]
            assert [told[id_] for id_ in gone] == [night] * len(gone)
            there = after


def test_a_thousand_are_planned_and_looked_ahead_at_once() -> None:
    there = [each for kind in KINDS for each in nights(500, kind)]
    begun = time.process_time()
    plan(there, set(), RULES)
    last_nights(there, set(), RULES)
    assert time.process_time() - begun < 0.5
