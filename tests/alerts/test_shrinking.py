"""What is suspicious about a backup, beside the one before it."""

import pytest

from etna_pipelines.alerts.shrinking import FEW, rows, size
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest
from tests.snapshots.samples import draft


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
    assert f"since before: {lost}: if nobody meant that, keep before" in found.says or not lost


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
