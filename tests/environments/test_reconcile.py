from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.environments import reconcile as module
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.known import Known
from etna_pipelines.environments.reconcile import Plan, Request, confirmed, reconcile
from etna_pipelines.environments.registry_spec import Removal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALL = ["feature/a", "feature/b", "feature/c", "feature/d"]
HOUR = Removal(grace=60)


def after(minutes: float, listed: list[str], before: Plan | Mapping[str, Known], removal: Removal = HOUR) -> Plan:
    known = before.known if isinstance(before, Plan) else before
    return reconcile(listed, known, NOON + timedelta(minutes=minutes), removal)


def made(plan: Plan) -> dict[str, Known]:
    """What is known once all of it was made."""
    return {name: each.model_copy(update={"made": True}) for name, each in plan.known.items()}


def names(requests: list[Request]) -> list[str]:
    return [request.name for request in requests]


def test_a_branch_that_appears_is_asked_for_until_it_is_made_by_one_key() -> None:
    first = after(0, ["feature/a"], {})
    again = after(7, ["feature/a"], first)

    assert first.to_make == [Request("a", "a@2026-11-23T12:00:00+00:00")] == again.to_make
    assert again.known == first.known
    assert after(8, ["feature/a"], made(again)).to_make == []


def test_a_branch_that_goes_is_removed_after_its_grace() -> None:
    known = after(0, ALL, {})
    gone = after(10, ALL[1:], known)
    waits = after(69, ALL[1:], gone)
    due = after(70, ALL[1:], waits)

    assert gone.known["a"].gone_since == NOON + timedelta(minutes=10)
    assert gone.to_remove == waits.to_remove == []
    assert names(waits.to_make) == ["b", "c", "d"]
    assert due.to_remove == [Request("a", "a@2026-11-23T12:00:00+00:00/removal-0")]
    assert after(79, ALL[1:], due).to_remove == due.to_remove
    assert after(80, ALL[1:], due).to_remove == [Request("a", "a@2026-11-23T12:00:00+00:00/removal-1")]


def test_a_branch_that_comes_back_within_its_grace_is_the_same() -> None:
    known = made(after(0, ALL, {}))
    back = after(65, ALL, after(10, ALL[1:], known))

    assert back.known == known
    assert back.to_make == []


def test_one_that_is_away_for_a_tick_while_its_run_works_takes_no_other() -> None:
    first = after(0, ["feature/a"], {})
    back = after(2, ["feature/a"], after(1, [], first))

    assert back.to_make == first.to_make


def test_one_whose_run_failed_is_asked_for_anew_after_pauses_that_grow() -> None:
    plan, key, keys = after(0, ["feature/a"], {}), "a@2026-11-23T12:00:00+00:00", []
    for minute in (5, 6, 7, 9, 10):  # a run ends in failure at 5, and its next one at 7
        ended = NOON + timedelta(minutes=5 if minute < 7 else 7)
        plan = reconcile(["feature/a"], plan.known, NOON + timedelta(minutes=minute), HOUR, {"a": ended})
        keys.append(plan.to_make[0].key)

    assert keys == [key, f"{key}/try-1", f"{key}/try-1", f"{key}/try-2", f"{key}/try-2"]
    assert plan.known["a"].failed_at == NOON + timedelta(minutes=7)
    assert after(11, ["feature/a"], made(plan)).to_make == []


def test_after_many_failures_it_is_asked_for_every_hour() -> None:
    known = {"a": after(0, ["feature/a"], {}).known["a"].model_copy(update={"tries": 99})}

    for minute, tries in ((59, 99), (60, 100)):
        plan = reconcile(["feature/a"], known, NOON + timedelta(minutes=minute), HOUR, {"a": NOON})
        assert plan.known["a"].tries == tries


def test_a_failure_before_it_was_created_is_another_s() -> None:
    first = after(0, ["feature/a"], {})
    before = {"a": NOON - timedelta(minutes=1)}

    assert reconcile(["feature/a"], first.known, NOON + timedelta(hours=1), HOUR, before).known == first.known


def test_a_branch_that_comes_back_while_it_is_removed_is_made_anew() -> None:
    back = after(90, ALL, after(70, ALL[1:], after(10, ALL[1:], after(0, ALL, {}))))

    assert back.known["a"] == Known(branch="feature/a", created=NOON + timedelta(minutes=90))
    assert Request("a", "a@2026-11-23T13:30:00+00:00") in back.to_make
    assert back.to_remove == []


def test_downtime_longer_than_the_grace_removes_nothing_that_is_back() -> None:
    known = made(after(0, ALL, {}))

    assert after(60 * 24 * 3, ALL, after(10, ALL[1:], known)).known == known


def test_an_empty_listing_is_held_back_until_a_person_says_so() -> None:
    known = made(after(0, ALL, {}))
    gone = after(10, [], known)
    held = after(99, [], gone)
    told = after(100, [], {**confirmed(held.known)})

    assert held.to_remove == []
    assert held.held_back == ["a", "b", "c", "d"]
    assert held.messages == [
        "4 of 4 feature environments have left the registry (a, b, c, d), which may be its mistake: "
        "run `etna test confirm` if they are to be removed, else put their branches back."
    ]
    assert after(120, ALL, held).known == known
    assert names(told.to_remove) == ["a", "b", "c", "d"]
    assert told.messages == []


def test_what_was_confirmed_counts_once() -> None:
    gone = after(10, [], after(0, ALL, {}))
    back = after(20, ALL, confirmed(gone.known))

    assert after(99, [], after(30, [], back)).held_back == ["a", "b", "c", "d"]


def test_environments_that_leave_one_after_the_other_are_counted_together() -> None:
    plan = after(0, ALL, {})
    for minute, listed in ((10, ALL[1:]), (11, ALL[2:]), (12, ALL[3:])):
        plan = after(minute, listed, plan)

    assert after(70, ALL[3:], plan).held_back == ["a"]


def test_those_that_are_being_removed_and_those_that_are_new_hide_nobody() -> None:
    many = [f"feature/{i}" for i in range(10)]
    going = after(61, many[:5], after(1, many[:5], after(0, many, {})))
    assert len(going.to_remove) == 5
    new = [f"feature/new-{i}" for i in range(10)]

    plan = after(122, new, after(62, new, going))
    assert (len(plan.to_remove), len(plan.held_back)) == (5, 5)
    assert plan.messages[0].startswith("5 of 5 feature environments have left the registry (0, 1, 2, 3, 4)")
    assert [name for name, each in plan.known.items() if each.held_back] == plan.held_back
    assert not any(each.held_back for each in after(123, many, plan).known.values())


def test_a_share_and_a_few_need_no_confirmation() -> None:
    many = [f"feature/{i:02}" for i in range(20)]
    at_once = Removal(grace=0, share=50)

    assert names(after(1, many[10:], after(0, many, {}), at_once).to_remove) == [f"{i:02}" for i in range(10)]
    assert len(after(1, many[11:], after(0, many, {}), at_once).held_back) == 11
    assert names(after(1, [], after(0, ALL[:2], {}), at_once).to_remove) == ["a", "b"]


def test_of_two_branches_with_one_name_the_first_keeps_it(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "feature_of", lambda branch: Feature("same", branch))

    both = after(1, ["a", "b"], after(0, ["b"], {}))

    assert both.known == {"same": Known(branch="b", created=NOON)}
    assert both.messages == ["a would have the name of b, test/same: rename the branch."]


LISTINGS = st.lists(
    st.tuples(st.integers(1, 90), st.lists(st.sampled_from(ALL), unique=True), st.booleans()), max_size=12
)


@given(LISTINGS, st.sampled_from([Removal(grace=0, share=1), Removal(grace=30), Removal(grace=60, share=100)]))
def test_whatever_is_listed(listings: list[tuple[int, list[str], bool]], removal: Removal) -> None:
    """What is listed is asked for by one key until it is made, and nothing is removed that is listed, or was made and
    is not gone for long."""
    plan, minute = after(0, [], {}), 0
    for minutes, listed, makes in listings:
        minute += minutes
        before = made(plan) if makes else plan.known
        plan = after(minute, listed, before, removal)
        assert after(minute, listed, plan, removal) == plan
        assert {*before} <= {*plan.known}

        here = {name for name, each in plan.known.items() if each.branch in listed}
        assert len(here) == len(listed)
        assert names(plan.to_make) == sorted(name for name in here if not plan.known[name].made)
        for name in here.intersection(before):
            same = plan.known[name].created == before[name].created
            assert same or before[name].removing_since
        for request in plan.to_remove:
            gone = plan.known[request.name].gone_since
            assert request.name not in here
            assert gone and NOON + timedelta(minutes=minute) - gone >= timedelta(minutes=removal.grace)
