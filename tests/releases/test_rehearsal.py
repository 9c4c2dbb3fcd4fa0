from datetime import UTC, datetime

import pytest

from etna_pipelines.errors import ReleaseFailed, StoreError
from etna_pipelines.releases.changes import TableState, changes
from etna_pipelines.releases.rehearsal import (
    SHOWN,
    Migration,
    Rehearsal,
    Statements,
    keep,
    page,
    read_rehearsals,
    refuse_failed,
)
from etna_pipelines.releases.watching import Lock
from etna_pipelines.stores.local import LocalStore

BEFORE = {
    1: TableState("public.page", 1, 1, 2_000_000, 0, 0, 0, []),
    2: TableState("public.site", 1, 1, 16_384, 0, 0, 0, []),
}
AFTER = {
    1: TableState("public.page", 2, 2, 3_000_000, 0, 1200, 0, ["page_title"]),
    2: TableState("public.site", 1, 2, 16_384, 0, 0, 0, []),
}
DONE = Rehearsal(
    id="20260821T020000000000Z-abcdef",
    version="26.08.21.2215",
    environment="staging",
    snapshot="20260821T010000000000Z-abcdef",
    kind="full",
    started=datetime(2026, 8, 21, 2, tzinfo=UTC),
    restored=4.0,
    seconds=12.34,
    failure=None,
    sqlstate=None,
    log="/home/etna/rehearsals/26.08.21.2215.log",
    migrations=[Migration(app="pages", name=f"{number:04}", seconds=number / 10) for number in range(1, SHOWN + 3)],
    statements=[Statements(what="ALTER TABLE", seen=2, seconds=3.0, longest=2.5)],
    tables=changes(BEFORE, AFTER, {1: Lock("ACCESS EXCLUSIVE", 2.5)}),
    bytes_before=50_000_000,
    bytes_after=51_000_000,
    looks=240,
)
FAILED = DONE.model_copy(update={"failure": "exit code 1", "sqlstate": "23505", "tables": []})


def test_its_page() -> None:
    lines = page(DONE).splitlines()
    assert lines[2] == (
        "Its migrations went through in 12.3 s on the full snapshot 20260821T010000000000Z-abcdef; the database went "
        "from 50.0 MB to 51.0 MB."
    )
    assert lines[3] == "An application would have waited up to 2.5 s for a table."
    assert lines[7:9] == [
        "| public.page | altered, rewritten | ACCESS EXCLUSIVE | reads and writes | 2.50 s | 0/1,200/0 | +page_title "
        "| 2.0 MB to 3.0 MB |",
        "| public.site | altered | | | | 0/0/0 |  | 0.0 MB |",
    ]
    assert {line.count("|") for line in lines[5:9]} == {9}
    assert "| pages.0017 | 1.70 |" in lines
    assert "and 2 more" in lines
    assert lines[-1] == "| ALTER TABLE | 2 | 3.00 | 2.50 |"

    assert "**failed**, exit code 1 (SQLSTATE 23505) in 12.3 s" in page(FAILED)
    assert "In 240 looks no lock was met that an application would have waited for." in page(FAILED)


def test_one_that_failed_is_refused_in_a_sentence() -> None:
    refuse_failed(DONE)
    with pytest.raises(ReleaseFailed) as refused:
        refuse_failed(FAILED)
    assert str(refused.value) == (
        "The migrations of 26.08.21.2215 fail on the full snapshot 20260821T010000000000Z-abcdef after pages.0017 "
        "(exit code 1, SQLSTATE 23505): read /home/etna/rehearsals/26.08.21.2215.log, and mend them before the release "
        "goes live."
    )


def test_they_are_kept_newest_first(store: LocalStore) -> None:
    later = FAILED.model_copy(update={"id": "20260822T020000000000Z-abcdef"})
    for rehearsal in (DONE, later):
        keep(rehearsal, store)
    assert read_rehearsals(store) == [later, DONE]
    store.put("rehearsals/zzz.json", [b"{}"])
    with pytest.raises(StoreError, match=r"zzz\.json is no record of a rehearsal: delete it"):
        read_rehearsals(store)
