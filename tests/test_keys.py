"""The two keys."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from etna_pipelines import keys
from etna_pipelines.errors import SettingsError
from etna_pipelines.snapshots.listing import Memory
from etna_pipelines.snapshots.manifest import RulesUsed


def test_a_key_id_stays_what_manifests_already_say() -> None:
    assert keys.key_id(bytes(32)) == "53378d04"
    assert keys.key_id(bytes(32)) != keys.key_id(bytes(31) + b"\1")
    assert keys.key_id(bytes(range(32))) not in bytes(range(32)).hex()


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


NAMED = "production-2026:" + "0a" * 32


def test_a_key_may_have_a_name() -> None:
    assert keys.parse(NAMED, "ETNA_MASKING_KEY") == bytes.fromhex("0a" * 32)
    assert (keys.name_of(NAMED), keys.name_of("0a" * 32)) == ("production-2026", "")
    with pytest.raises(SettingsError, match="ETNA_MASKING_KEY is not 64 hex digits"):
        keys.parse("a name:" + "0a" * 32, "ETNA_MASKING_KEY")


def test_another_key_under_the_name_of_the_last_one_is_refused() -> None:
    key, other = keys.parse(NAMED, ""), bytes(32)
    used = RulesUsed(files=[], digest="", key_id=keys.key_id(key), key_name="production-2026")

    keys.refuse_another("production-2026", key, used)
    keys.refuse_another("production-2027", other, used)
    keys.refuse_another("", other, used)
    keys.refuse_another("production-2026", other, None)
    with pytest.raises(SettingsError, match="is named `production-2026` and is not the key") as refused:
        keys.refuse_another("production-2026", other, used)
    assert other.hex() not in str(refused.value)


def test_no_key_stands_in_a_repr() -> None:
    held = keys.SigningKeys(b"first key", (b"second key",))
    assert repr(held) == "SigningKeys()"
    assert "key" not in repr(Memory(Path("file"), held)).lower()


def test_several_keys_stand_with_commas_or_blanks_between_them() -> None:
    text = f"{NAMED},{'0b' * 32}\n {'0c' * 32}, "
    assert keys.parse_several(text, "ETNA_OLD_SIGNING_KEYS") == tuple(bytes([each]) * 32 for each in (10, 11, 12))
    assert keys.parse_several("", "ETNA_OLD_SIGNING_KEYS") == ()
    with pytest.raises(SettingsError, match=r"^Key 2 of ETNA_OLD_SIGNING_KEYS is not 64 hex digits") as refused:
        keys.parse_several(f"{NAMED} secret", "ETNA_OLD_SIGNING_KEYS")
    assert "secret," not in str(refused.value)
