"""Pages are remembered for this account alone, and whatever is wrong with a file, it is only forgotten."""

from pathlib import Path

import pytest

from etna_pipelines.github.memory import Memory, Page

TAGS = Page("https://api.github.com/repos/a/b/tags", 'W/"1"', "https://api.github.com/repos/a/b/tags?page=2", '["ü"]')
RUNS = Page("https://api.github.com/repos/a/b/runs", 'W/"2"', None, "[]")


def test_pages_are_kept_and_replaced(tmp_path: Path) -> None:
    directory = tmp_path / "home/github"
    assert Memory(directory).recall(TAGS.url) is None
    Memory(directory).keep(RUNS)
    Memory(directory).keep(TAGS)

    assert (Memory(directory).recall(TAGS.url), Memory(directory).recall(RUNS.url)) == (TAGS, RUNS)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in directory.iterdir()] == [0o600, 0o600]


def test_there_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etna_pipelines.github.memory.SLOTS", 1)
    memory = Memory(tmp_path)
    memory.keep(TAGS)
    memory.keep(RUNS)

    assert (memory.recall(TAGS.url), memory.recall(RUNS.url)) == (None, RUNS)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_damaged_or_cannot_be_written_is_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "github")
    for damaged in (b"", b"\xff\xfe", b'{"url": 1}', b"[1]"):
        memory.keep(TAGS)
        next((tmp_path / "github").iterdir()).write_bytes(damaged)
        assert memory.recall(TAGS.url) is None

    (tmp_path / "file").touch()
    Memory(tmp_path / "file").keep(TAGS)
    assert Memory(tmp_path / "file").recall(TAGS.url) is None
