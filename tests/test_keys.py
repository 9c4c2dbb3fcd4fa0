"""The two keys."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from etna_pipelines import keys
from etna_pipelines.errors import SettingsError


def test_a_key_id_stays_what_manifests_already_say() -> None:
    assert keys.key_id(bytes(32)) == "53378d04"
    assert keys.key_id(bytes(32)) != keys.key_id(bytes(31) + b"\1")


def test_processes_that_make_a_key_at_once_read_the_same_one(tmp_path: Path) -> None:
    file = tmp_path / "keys/masking.key"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.kept(file), range(32)))

    assert len(made) == 1
    assert list(file.parent.iterdir()) == [file]


def test_a_key_file_that_was_damaged_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "masking.key"
    file.write_text("not a key")

    with pytest.raises(SettingsError, match=r"masking\.key is not 64 hex digits"):
        keys.kept(file)
    assert file.read_text() == "not a key"
