"""A flow in a process whose clock is wrong: libfaketime tells it another time."""

import importlib
import os
import sys
from pathlib import Path

import pytest

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
"""Of Debian's package `faketime`, and where it is built by hand."""
PROGRAM = "import sys; from tests.faults.shifted import be; be(sys.argv[1])"


def library() -> Path:
    """libfaketime; the test is skipped where it is not installed."""
    for pattern in LIBRARIES:
        for found in sorted(Path("/").glob(pattern.lstrip("/"))):
            return found
    pytest.skip("libfaketime is not installed: apt-get install faketime")


def at_another_time(flow: str, shift: str, found: str) -> None:
    """Be a process that does the flow of that name, so much later (`+2h`) or earlier."""
    shown = {"LD_PRELOAD": found, "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "0"}
    path = str(Path(__file__).parents[2])
    arguments = [sys.executable, "-W", "ignore", "-c", PROGRAM, flow]
    os.execve(sys.executable, arguments, {**os.environ, **shown, "PYTHONPATH": path})  # noqa: S606


def be(flow: str) -> None:
    """What that process does: as processes.py has it."""
    from tests.faults.processes import work

    module, _, name = flow.rpartition(".")
    raise SystemExit(work(getattr(importlib.import_module(module), name)))
