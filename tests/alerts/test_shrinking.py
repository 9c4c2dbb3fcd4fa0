"""What is suspicious about a backup, beside those before it."""

from datetime import UTC, datetime, timedelta

import pytest

from etna_pipelines.alerts.shrinking import FEW, MEANT, look_at_newest, rows, size
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, new_id
from tests.snapshots.samples import draft

NIGHT = datetime(2026, 11, 23, 2, tzinfo=UTC)


def snapshot(id_: str, bytes_: int = 1000, **tables: int) -> Manifest:
    files = [
        ArchiveFile(name=f"{table}.dat.gz", bytes=0, sha256="", table=f"public.{table}", rows=count)
        for table, count in tables.items()
    ]
    toc = ArchiveFile(name="toc.dat", bytes=bytes_, sha256="")
    return draft(id_).model_copy(update={"files": [toc, *files]})


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"page": 100}, {"page": 51}, ""),
        ({"page": 100}, {"page": 50}, "public.page has 50 of 100"),
        ({"page": 100, "user": 2000}, {"user": 0}, "public.page has 0 of 100, public.user has 0 of 2,000"),
        ({"page": FEW - 1}, {"page": 0}, ""),
        ({"page": 0}, {"page": 0, "user": 7}, ""),
    ],
)
def test_tables_that_lost_half_of_their_rows(before: dict[str, int], after: dict[str, int], lost: str) -> None:
    found = rows(snapshot("before", **before), snapshot("after", **after))

    assert found.passed == (lost == "")
    assert f"since before: {lost}: if nobody meant that, find out" in found.says or not lost


def test_what_is_lost_is_not_well_again_because_it_is_lost_still() -> None:
    def look(*counts: int) -> tuple[bool, str]:
        """At a night for each count, oldest first."""
        nights = [
            snapshot(new_id(NIGHT + day * timedelta(days=1)), page=count, user=70) for day, count in enumerate(counts)
        ]
        found = look_at_newest(reversed(nights), rows)
        return found.passed, found.says.partition(": if")[0]

    def of(day: int) -> str:
        return (NIGHT + day * timedelta(days=1)).strftime("%Y%m%d")

    assert look() == look(100) == (True, "There is no older snapshot.")
    for empty in range(1, MEANT.days + 1):
        passed, says = look(100, *[0] * empty)
        assert not passed and of(0) in says and says.endswith("public.page has 0 of 100")
    assert look(100, *[0] * (MEANT.days + 1))[0], "it counts as meant"
    assert look(100, 0, 0, 90)[0], "they are back"
    assert not look(100, 0, 0, 90, 10)[0]
    passed, says = look(60, 100, 110, 55)
    assert not passed and of(2) in says


def test_the_one_before_counts_however_old_it_is() -> None:
    months = [snapshot(new_id(NIGHT + month * timedelta(days=30)), page=100 - 90 * month) for month in (0, 1)]
    assert not look_at_newest(reversed(months), rows).passed


def test_a_hundred_tables_are_not_all_named() -> None:
    found = rows(snapshot("before", **{f"t{i}": 50 for i in range(100)}), snapshot("after"))
    assert found.says.startswith("100 tables lost half")
    assert found.says.count("public.") == 10
    assert "and 90 more" in found.says


@pytest.mark.parametrize(("bytes_", "passed"), [(501, True), (500, False), (0, False)])
def test_a_backup_half_the_size(bytes_: int, passed: bool) -> None:
    found = size(snapshot("before"), snapshot("after", bytes_))
    assert found.passed == passed
    assert found.says.startswith(f"after is {bytes_ / 10:.0f} % of the size of before")
