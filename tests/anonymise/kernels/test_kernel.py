import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etna_pipelines.anonymise.kernels import kernel as kernel_module

TINY = """
import stat
from pathlib import Path
import numpy as np
from numba import config
from etna_pipelines.anonymise.kernels.kernel import kernel

@kernel
def total(numbers):
    found = 0
    for number in numbers:
        found += number
    return found

print(total(np.arange(4)), oct(stat.S_IMODE(Path(config.CACHE_DIR).stat().st_mode)), config.CACHE_DIR)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A small package that has kernels, as it lies on the disk."""
    package = tmp_path / "site" / "etna_pipelines"
    kernels = package / "anonymise" / "kernels"
    kernels.mkdir(parents=True)
    for directory in (package, kernels.parent, kernels):
        (directory / "__init__.py").touch()
    shutil.copy(Path(kernel_module.__file__), kernels / "kernel.py")
    (package / "tiny.py").write_text(TINY)
    return package


def started(package: Path, **settings: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "HOME")}
    environment |= {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", "XDG_CACHE_HOME": ""}
    command = [sys.executable, "-m", "etna_pipelines.tiny"]
    return subprocess.Popen(command, env=environment | settings, stdout=subprocess.PIPE, text=True, cwd=package)


def directory_of(process: subprocess.Popen[str]) -> Path:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    total, mode, directory = said.split()
    assert (total, mode) == ("6", "0o700")
    return Path(directory)


def test_what_is_compiled_is_kept_for_these_sources_alone(installed: Path) -> None:
    beside = installed / "__pycache__"
    for name, age in (("kernels-old", 8), ("kernels-new", 6)):
        (beside / name).mkdir(parents=True)
        then = (beside / name).stat().st_mtime - age * 24 * 3600
        os.utime(beside / name, (then, then))
    one, other = [directory_of(process) for process in [started(installed), started(installed)]]
    assert one == other
    assert one.parent == beside
    assert re.fullmatch("kernels-[0-9a-f]{64}", one.name)
    assert list(one.rglob("*.nbi"))
    assert {path.name for path in beside.glob("kernels-*")} == {"kernels-new", one.name}
    (installed / "anonymise" / "piece.py").write_text("from etna_pipelines.anonymise.kernels.kernel import inlined")
    assert directory_of(started(installed)) not in (one, beside / "kernels-new")


def test_kernels_run_wherever_nothing_can_be_written(installed: Path, tmp_path: Path) -> None:
    (installed / "__pycache__").touch()  # a file in the directory's place stops the superuser too
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    nowhere = {"HOME": "/dev/null", "TMPDIR": str(temporary)}
    in_temporary, in_cache, chosen = [
        started(installed, **nowhere),
        started(installed, HOME="/dev/null", XDG_CACHE_HOME=str(tmp_path / "cache")),
        started(installed, HOME="/dev/null", NUMBA_CACHE_DIR=str(tmp_path / "chosen")),
    ]
    assert directory_of(in_temporary).parent == temporary
    assert list(temporary.iterdir()) == []
    assert directory_of(in_cache).parent == tmp_path / "cache" / "etna-pipelines"
    assert directory_of(chosen).parent == tmp_path / "chosen"
