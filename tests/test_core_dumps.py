"""A process of ours that crashes, and one that it started, leave no memory behind."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
CHILD = f"import subprocess, sys; raise SystemExit(-subprocess.run([sys.executable, '-c', {CRASH!r}]).returncode)"
FORBID = "from etna_pipelines.core_dumps import forbid_core_dumps; forbid_core_dumps(); "
AS_ETNA = """
import sys
from unittest.mock import patch
from etna_pipelines import cli
with patch.object(cli, "app"):
    cli.main()
"""
AS_DAGSTER = "from etna_pipelines.definitions import defs; defs(); "


def crash(script: str, directory: Path) -> list[str]:
    """Run a script that crashes, with dumps allowed; what lies in its directory afterwards."""

    def allow() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    ended = subprocess.run([sys.executable, "-c", script], cwd=directory, preexec_fn=allow, check=False)
    assert abs(ended.returncode) == signal.SIGSEGV
    return [path.name for path in directory.iterdir()]


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/core_pattern").exists()
    or Path("/proc/sys/kernel/core_pattern").read_text().strip()[:1] in ("|", "/"),
    reason="the kernel puts core dumps elsewhere",
)
@pytest.mark.parametrize(
    "script",
    [FORBID + CRASH, FORBID + CHILD, AS_ETNA + CHILD, pytest.param(AS_DAGSTER + CHILD, marks=pytest.mark.long)],
    ids=["itself", "its child", "etna", "dagster"],
)
def test_a_crash_leaves_no_memory_behind(script: str, tmp_path: Path) -> None:
    allowed, forbidden = tmp_path / "allowed", tmp_path / "forbidden"
    for directory in (allowed, forbidden):
        directory.mkdir()
    if not crash(CRASH, allowed):
        pytest.skip("core dumps are not to be had here")

    assert crash(script, forbidden) == []
