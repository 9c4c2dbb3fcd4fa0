"""Masks that look further than at one value, through a whole night: backup, strip, restore."""

from pathlib import Path

from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import Night

SETUP = """
    CREATE TYPE mood AS ENUM ('calm', 'cross');
    CREATE TABLE reader (
        ticket int PRIMARY KEY, email text UNIQUE, shown text, town text, mood mood, joined date, left_on timestamptz,
        fee numeric(8,2), status text NOT NULL DEFAULT 'new', secret text, number bigint GENERATED ALWAYS AS IDENTITY);
    INSERT INTO reader (ticket, email, shown, town, mood, joined, left_on, fee, status, secret)
        SELECT i, CASE WHEN i % 2 = 0 THEN 'reader' ELSE 'READER' END || (i / 2) || '@planted.org', 'Planted ' || i,
            'Town ' || (i % 7), 'calm', date '2020-01-01' + i, timestamptz '2021-01-01 12:00+00' + i * interval '1 day',
            i * 1.25, 'old', 'secret ' || i
        FROM generate_series(2, 201) i;
    UPDATE reader SET town = NULL, joined = 'infinity', fee = 'NaN', left_on = NULL WHERE ticket = 2;
    CREATE TABLE loan (id int PRIMARY KEY, ticket bigint REFERENCES reader, taken date, item text);
    INSERT INTO loan SELECT i, i, date '2020-01-01' + i + 10, 'Item' FROM generate_series(2, 201) i;
"""
RULES = """
tables:
  reader:
    columns:
      ticket: token
      email: email
      shown: copy(email)
      town: shuffle
      mood: pick(calm, cross)
      joined: shift(60, ticket)
      left_on: shift(60, ticket)
      fee: noise(10%)
      status: default
      secret: {mask: set(none), unique: true}
      number: serial
  loan:
    keep: [id]
    columns: {ticket: token, taken: "shift(60, ticket)", item: map(Item=Book)}
"""


def test_masks_that_look_further_than_at_one_value(database: Database, store: LocalStore, tmp_path: Path) -> None:
    night = Night(database, store, tmp_path)
    night.execute(SETUP)
    towns = night.rows("SELECT town, count(*) FROM reader WHERE town IS NOT NULL GROUP BY town")
    full = night.backup()
    stripped = night.stripped(RULES, full)
    again = night.stripped(RULES, full, workers=1)
    assert night.raw(stripped.draft, "public.reader") == night.raw(again.draft, "public.reader")

    night.restored(stripped.draft)
    holds = {
        "references hold and keep nothing": "SELECT count(*) = 200 AND sum((l.ticket = l.id)::int) < 5 "
        "FROM reader r JOIN loan l USING (ticket)",
        "copies are what was written": "SELECT bool_and(shown = email AND email LIKE '%@example.com') FROM reader",
        "case told rows apart, and still does": "SELECT count(DISTINCT email) = 200 FROM reader",
        "towns are those of others": "SELECT array_agg(DISTINCT town ORDER BY town) FILTER (WHERE town <> '') = "
        "'{Town 0,Town 1,Town 2,Town 3,Town 4,Town 5,Town 6}' FROM reader",
        "one mood is picked for one": "SELECT count(DISTINCT mood) = 1 FROM reader",
        "days between a reader's dates stay": "SELECT bool_and(l.taken - r.joined = 10) "
        "FROM reader r JOIN loan l USING (ticket) WHERE r.joined < 'infinity'",
        "infinity, NaN and NULL stay": "SELECT count(*) = 1 FROM reader "
        "WHERE joined = 'infinity' AND fee = 'NaN' AND town IS NULL AND left_on IS NULL",
        "the time of day stays": "SELECT bool_and(left_on::time = '12:00') FROM (SELECT left_on AT TIME ZONE 'UTC' "
        "AS left_on FROM reader) r",
        "fees are near": "SELECT abs(sum(fee) - 25375) BETWEEN 1 AND 2537 FROM reader WHERE fee <> 'NaN'",
        "the default": "SELECT bool_and(status = 'new') FROM reader",
        "equal values are kept apart": "SELECT count(DISTINCT secret) = 200 AND min(secret) LIKE 'none-%' FROM reader",
        "numbers are those of the rows": "SELECT array_agg(number ORDER BY number) = "
        "array(SELECT generate_series(1, 200))::bigint[] FROM reader",
        "the map": "SELECT bool_and(item = 'Book') FROM loan",
    }
    assert [name for name, query in holds.items() if night.rows(query) != [(True,)]] == []
    now = night.rows("SELECT town, count(*) FROM reader WHERE town IS NOT NULL GROUP BY town")
    assert sorted(count for _, count in now) == sorted(count for _, count in towns)
