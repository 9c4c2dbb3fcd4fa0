"""A database of ten thousand tables."""

import resource
from pathlib import Path

import pytest

from benchmarks.tables import small_flow


@pytest.mark.long
def test_ten_thousand_tables_go_through_a_night_and_a_push(tmp_path: Path) -> None:
    took = small_flow(tmp_path / "home", 10_000)
    print(took)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 10**9
