"""What people see of progress."""

from io import StringIO

import pytest
from rich.console import Console

from etna_pipelines import bars
from etna_pipelines.bars import Bars, Lines
from etna_pipelines.progress import Tick


def test_each_stage_is_a_line_where_there_is_no_terminal() -> None:
    written = StringIO()
    with Bars(Console(file=written, width=200)) as bars:
        bars(Tick("seed"))
        bars(Tick("backup", 0, 4_000_000, 0, 5))
        bars(Tick("backup", 3_000_000, 4_000_000, 5, 5))
        bars(Tick("verify", tables_done=5, tables=5))

    assert [line.replace("0.0 s", "T") for line in written.getvalue().splitlines()] == [
        "✓ seed, T",
        "✓ backup, T, 3.0 MB of 4.0 MB 5/5 tables",
        "✓ verify, T, 5/5 tables",
    ]


def test_bars_on_a_terminal() -> None:
    written = StringIO()
    with Bars(Console(file=written, width=120, force_terminal=True)) as bars:
        bars(Tick("backup", 1_000_000, 4_000_000, 2, 5))

    last = written.getvalue().splitlines()[-2]
    assert "✓" in last and "backup" in last and "1.0 MB of 4.0 MB 2/5 tables" in last


def test_a_stage_that_fails_is_not_called_done() -> None:
    written = StringIO()
    try:
        with Bars(Console(file=written)) as bars:
            bars(Tick("backup", 1, 4))
            raise KeyError
    except KeyError:
        pass

    assert written.getvalue() == ""


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, said = [0.0], list[str]()
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    lines = Lines(said.append)
    for stage in (Tick("backup", 1), Tick("backup", 5_000_000, 12_000_000, 3, 8), Tick("swap")):
        lines(stage)
        lines(stage)
        now[0] += 60
    assert said == ["backup: 5.0 MB of 12.0 MB 3/8 tables", "swap: under way"]
    Lines(said.append)(Tick("restore"))
    assert len(said) == 2
