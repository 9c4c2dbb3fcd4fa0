import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from etna_pipelines.errors import ScratchFull
from etna_pipelines.scratch import workspace


def test_a_workspace_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with workspace(tmp_path / "scratch", "one") as directory:
        (directory / "file").write_text("x")
        assert directory.stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "scratch").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "scratch").iterdir()) == []


def test_it_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), workspace(tmp_path, "one"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_its_full_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScratchFull, match=rf"^The disk of {tmp_path} is full: free"), workspace(tmp_path, "one"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), workspace(tmp_path, "one"):
        Path("/no/such/file").read_text()


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path) -> None:
    held = "import sys, time, pathlib; from etna_pipelines.scratch import workspace\n"
    held += "with workspace(pathlib.Path(sys.argv[1]), 'dead') as d: print(d, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held, tmp_path], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        left = Path(run.stdout.readline().strip())
        with workspace(tmp_path, "meanwhile"):
            assert left.is_dir()
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert left.is_dir()
    with workspace(tmp_path, "next") as directory:
        assert list(tmp_path.iterdir()) == [directory]


def test_what_others_keep_there_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with workspace(tmp_path, "one"):
        assert (tmp_path / "kept").is_dir()
