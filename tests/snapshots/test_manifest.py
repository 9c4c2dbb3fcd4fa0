import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from etna_pipelines.errors import SnapshotDamaged
from etna_pipelines.snapshots.manifest import FORMAT, Manifest, _mac, new_id
from tests.snapshots.samples import PASSED, draft

KEY = b"signing key"
SIGNED = draft(kind="stripped", proof=PASSED).signed(KEY)

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Path = tuple[str | int, ...]


def leaves(value: Json, path: Path = ()) -> Iterator[Path]:
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from leaves(inner, (*path, key))
        case list() if value:
            for index, inner in enumerate(value):
                yield from leaves(inner, (*path, index))
        case _:
            yield path


def changed(path: Path) -> bytes:
    """The signed manifest with the value at `path` changed."""
    content = json.loads(SIGNED.to_bytes())
    inner = content
    for part in path[:-1]:
        inner = inner[part]
    old = inner[path[-1]]
    match old:
        case bool():
            inner[path[-1]] = not old
        case int() | float():
            inner[path[-1]] = old + 1
        case str():
            inner[path[-1]] = {"stripped": "full", "hmac": "0" * 64}.get(old, "2027" + old[4:])
        case [] | None:
            del inner[path[-1]]
            inner["added"] = "x"
        case {}:
            old["added"] = 1
    return json.dumps(content).encode()


def test_what_was_written_is_read() -> None:
    assert Manifest.from_bytes(SIGNED.to_bytes(), KEY, "here") == SIGNED
    assert len(SIGNED.hmac) == 64


def test_a_manifest_holds_no_key() -> None:
    assert KEY.decode() not in SIGNED.to_bytes().decode()
    assert KEY.hex() not in SIGNED.to_bytes().decode()


def test_layout_and_order_of_keys_do_not_count() -> None:
    content = json.loads(SIGNED.to_bytes())
    shuffled = json.dumps(dict(reversed(content.items()))).encode()
    assert Manifest.from_bytes(shuffled, KEY, "here") == SIGNED


def test_what_an_earlier_version_wrote_is_read() -> None:
    """It knew fewer fields, and signed those that it knew."""
    content = {name: value for name, value in json.loads(SIGNED.to_bytes()).items() if name != "emptied"}
    unsigned = json.dumps(content | {"hmac": ""}).encode()
    earlier = json.dumps(content | {"hmac": _mac(unsigned, KEY)}).encode()

    assert Manifest.from_bytes(earlier, KEY, "here").emptied == []


@pytest.mark.parametrize("path", list(leaves(json.loads(SIGNED.to_bytes()))), ids=lambda path: ".".join(map(str, path)))
def test_any_changed_field_is_refused(path: Path) -> None:
    with pytest.raises(SnapshotDamaged, match=r"^here: the manifest "):
        Manifest.from_bytes(changed(path), KEY, "here")


@pytest.mark.parametrize("field", ["rules", "proof", "masked", "files", "source", "parent", "seconds"])
def test_a_field_that_was_taken_away_is_refused(field: str) -> None:
    content = json.loads(SIGNED.to_bytes())
    del content[field]
    with pytest.raises(SnapshotDamaged, match=r"not readable|was changed"):
        Manifest.from_bytes(json.dumps(content).encode(), KEY, "here")


@pytest.mark.parametrize("key", [b"", b"another key"])
def test_another_key_is_refused_with_what_to_check(key: bytes) -> None:
    with pytest.raises(SnapshotDamaged, match="signed with another key: check ETNA_SIGNING_KEY"):
        Manifest.from_bytes(SIGNED.to_bytes(), key, "here")


def test_an_unsigned_manifest_is_refused() -> None:
    with pytest.raises(SnapshotDamaged, match="was changed"):
        Manifest.from_bytes(draft().to_bytes(), KEY, "here")


def test_a_newer_format_says_what_reads_it() -> None:
    newer = json.dumps({"format": FORMAT + 1, "everything": "else"}).encode()
    with pytest.raises(
        SnapshotDamaged, match=rf"has format {FORMAT + 1} and this version reads {FORMAT}: use the etna"
    ):
        Manifest.from_bytes(newer, KEY, "here")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"1", b"\xff", SIGNED.to_bytes()[:-9], b'{"format": 1}'])
def test_what_is_no_manifest_is_not_readable(data: bytes) -> None:
    with pytest.raises(SnapshotDamaged, match=r"^here: the manifest (is not readable|has format)"):
        Manifest.from_bytes(data, KEY, "here")


def test_ids_sort_by_time_and_never_repeat() -> None:
    start = datetime(2026, 11, 23, 2, tzinfo=UTC)
    moments = [start + timedelta(microseconds=step) for step in (0, 1, 10, 10**6, 10**12, 10**15)]
    ids = [new_id(moment) for moment in moments]
    assert ids == sorted(ids)
    assert len({new_id(start) for _ in range(30)}) == 30
    assert new_id() <= new_id()


def test_ids_are_in_universal_time() -> None:
    summer = datetime(2026, 7, 1, 2, tzinfo=timezone(timedelta(hours=1)))
    assert new_id(summer).startswith("20260701T010000000000Z-")


def test_sums_and_keys() -> None:
    assert (SIGNED.bytes, SIGNED.rows) == (12, 2)
    assert SIGNED.archive_key("toc.dat") == f"stripped/{SIGNED.id}/archive/toc.dat"
    assert [table.qualified for table in SIGNED.schema_.tables] == ["public.t"]
    assert SIGNED.schema_.table("public.t") is not None
    assert SIGNED.schema_.table("t") is None
