"""Full copies and their end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from etna_pipelines.environments import history
from etna_pipelines.environments.expiry import drop_expired, expired, full_copies
from etna_pipelines.environments.naming import name_for, previous_name
from etna_pipelines.snapshots.manifest import new_id, time_of
from tests.environments.conftest import RESTORED, MakeTarget, Published, Send, databases, titles

DAYS = timedelta(days=14)


def test_a_kept_copy_is_dropped_once_it_expires_and_a_served_one_is_only_told(
    make_target: MakeTarget, published: Published, send: Send
) -> None:
    staging = replace(make_target(published, "full"), expires_after=DAYS)
    name, taken = staging.database.name, time_of(published.full.id)
    assert taken
    first, second = send(staging, published.full), send(staging, published.full)
    with staging.database.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name_for("rehearsal", name, new_id(taken))}"')
        for began in (taken, taken + DAYS):
            connection.execute(f'CREATE DATABASE "{name_for("new", name, new_id(began))}"')

    def expire(now: datetime) -> list[str]:
        drop_expired(staging, production=published.production, records=published.store, now=now)
        return databases(staging.database)

    copies = full_copies(staging, published.store)
    assert [(it.database, it.holds.push, it.live) for it in copies] == [
        (name, second.id, True),
        (previous_name(name), first.id, False),
    ]
    assert {it.expires for it in copies} == {taken + DAYS}
    assert copies[0].days_left(taken + timedelta(days=11, hours=1)) == 2
    begun_late = name_for("new", name, new_id(taken + DAYS))[: len(name) + 8]
    assert expired(staging, published.store, taken) == []
    assert len(expired(staging, published.store, taken + timedelta(days=1, hours=1))) == 2
    before = expire(taken + timedelta(hours=1))
    assert len(before) == 5
    assert expired(staging, published.store, taken + DAYS)[:2] == [name, previous_name(name)]
    after = expire(taken + DAYS)
    assert expired(staging, published.store, taken + DAYS) == [name]
    assert after == expire(taken + DAYS)
    assert [it for it in after if not it.startswith(begun_late)] == [name]
    assert len(after) == 2  # a push that has just begun is let be
    assert titles(staging.database) == RESTORED

    told = [
        it.push
        for it in history.of_snapshot(published.store, published.full.id)
        if it.push.environment == "development"
    ]
    assert [(it.action, it.id) for it in told if it.id in (first.id, second.id)] == [
        ("push", first.id),
        ("push", second.id),
        ("expiry", first.id),
    ]
    last = history.last(published.store, "development")
    assert last and last.push.action == "push"


def test_a_copy_whose_comment_somebody_overwrote_expires_all_the_same(
    make_target: MakeTarget, published: Published, send: Send
) -> None:
    staging = replace(make_target(published, "full"), name="overwritten", expires_after=DAYS)
    pushed = [send(staging, published.full).id for _ in range(2)]
    copies = full_copies(staging, published.store)
    with staging.database.maintenance.connect() as connection:
        for name in databases(staging.database):
            connection.execute(f"COMMENT ON DATABASE {name} IS 'the staging database'")
    found = full_copies(staging, published.store)
    assert [(it.database, it.expires, it.live) for it in found] == [(it.database, it.expires, it.live) for it in copies]
    assert [it.holds.push for it in found] == pushed[::-1]


def test_nothing_expires_where_no_days_are_said(make_target: MakeTarget, published: Published, send: Send) -> None:
    staging = make_target(published, "full")
    send(staging, published.full)
    assert full_copies(staging, published.store) == []
    drop_expired(
        staging, production=published.production, records=published.store, now=datetime.max.replace(tzinfo=UTC)
    )
    assert databases(staging.database) == [staging.database.name]
