import shutil
from pathlib import Path

import pytest

from etna_pipelines.errors import BackupFailed, PushRefused
from etna_pipelines.postgres.space import (
    BEHIND,
    OVERSHOOT,
    backup_needs,
    give_back,
    gives_back,
    refuse_backup,
    refuse_restore,
)
from tests.snapshots.samples import draft

GB = 10**9


def test_a_small_database_needs_what_its_tables_take_and_a_large_one_a_bound() -> None:
    assert backup_needs([10_000, 20_000], 2, gives_back=True) < 100_000
    assert backup_needs([12 * GB, 4 * GB, 4 * GB], 2, gives_back=True) == BEHIND + OVERSHOOT
    assert backup_needs([50_000 * GB], 2, gives_back=True) == BEHIND + OVERSHOOT


def test_where_files_keep_what_was_read_the_largest_tables_have_to_fit() -> None:
    needed = backup_needs([12 * GB, 5 * GB, 4 * GB, *[GB] * 9], 2, gives_back=False)
    assert BEHIND + OVERSHOOT + 2 * 17 * GB <= needed < BEHIND + OVERSHOOT + 2 * 17 * GB + 10_000


def test_a_file_is_given_back_piece_by_piece_and_keeps_its_length(tmp_path: Path) -> None:
    if not gives_back(tmp_path):
        pytest.skip("the file system of the tests cannot punch holes")
    path = tmp_path / "file"
    path.write_bytes(b"x" * 8 * 4096)
    with path.open("r+b") as file:
        assert give_back(file.fileno(), 0, 6 * 4096)
    assert path.read_bytes() == bytes(6 * 4096) + b"x" * 2 * 4096
    assert path.stat().st_blocks * 512 <= 2 * 4096


def test_too_little_space_is_told_before_anything_begins(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    assert refuse_backup([GB], 0, 2, tmp_path, "production") <= BEHIND + OVERSHOOT
    with pytest.raises(BackupFailed, match=r"^The backup of production needs up to .* and its disk has .*: make room"):
        refuse_backup([GB], free + GB, 2, tmp_path, "production")
    small = draft()
    assert refuse_restore(small, tmp_path / "scratch") == small.bytes
    files = [file.model_copy(update={"bytes": free + GB}) for file in small.files]
    with pytest.raises(PushRefused, match=r"^To restore snapshot \S+ its archive of .* is copied to .*: make room"):
        refuse_restore(small.model_copy(update={"files": files}), tmp_path / "scratch")
