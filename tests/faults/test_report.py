"""What docs/faults.md says of what was found."""

from dataclasses import replace

import pytest

from tests.faults import report
from tests.faults.report import Row, page
from tests.faults.world import Combination

HELD = Row("18-local", "store", "cut", ["18-local", "18-S3"], held=True)
SAID = "w3_production on 127.0.0.1:40123 and /tmp/x/world0/store/full/20261123T161509737867Z-4cf482/a | b"


def test_a_fault_that_held_and_one_that_did_not() -> None:
    rows = [
        replace(HELD, combination="18-S3", held=False, said=SAID),
        HELD,
        replace(HELD, stage="backup", fault="kill"),
    ]

    lines = page(rows).splitlines()

    assert "2 faults, 3 times in all: 2 held, 1 did not." in lines
    assert lines[-2:] == [
        "| backup | kill |  | – | – | held | not tried |",
        "| store | cut | etna_production on host:port and store/full/*id*/a \\| b | – | – | held | **not held** |",
    ]


def test_what_is_skipped_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "results", [])
    on = [Combination(18, "local")]

    with pytest.raises(pytest.skip.Exception), Row.of(on[0], "store", "full disk", on):
        pytest.skip("this user may not mount file systems")
    with pytest.raises(AssertionError), Row.of(on[0], "store", "cut", on):
        raise AssertionError
    with Row.of(on[0], "store", "kill", on):
        pass

    assert [(row.fault, row.held) for row in report.results] == [("cut", False), ("kill", True)]
