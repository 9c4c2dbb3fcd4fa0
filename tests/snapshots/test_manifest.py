import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from etna_pipelines.errors import SnapshotDamaged, SnapshotUnreadable
from etna_pipelines.keys import SigningKeys, key_id
from etna_pipelines.snapshots.manifest import FORMAT, Manifest, _mac, new_id
from tests.snapshots.samples import PASSED, draft

KEY = b"signing key"
SIGNED = draft(kind="stripped", proof=PASSED).signed(KEY)

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Place = tuple[str | int, ...]


def leaves(value: Json, path: Place = ()) -> Iterator[Place]:
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from leaves(inner, (*path, key))
        case list() if value:
            for index, inner in enumerate(value):
                yield from leaves(inner, (*path, index))
        case _:
            yield path


def changed(path: Place) -> bytes:
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


def resigned(content: dict[str, Json]) -> bytes:
    return json.dumps(content | {"hmac": _mac(content, KEY)}).encode()


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


def test_the_first_format_stays_readable() -> None:
    """A file that version 0.1 wrote and signed, with every kind of field."""
    data = (Path(__file__).parent / "data" / "manifest-format-1.json").read_bytes()

    read = Manifest.from_bytes(data, KEY, "here")

    assert (read.format, read.signed_by, read.rows) == (1, "", 2)
    assert read.part and read.part.rows == {"public.t": 40}
    assert read.proof and read.proof.scanned[0].what == "public.t"
    anew = Manifest.from_bytes(read.signed(KEY).to_bytes(), KEY, "here")
    assert (anew.format, anew.signed_by) == (FORMAT, key_id(KEY))
    with pytest.raises(SnapshotDamaged, match="changed after it was written, or signed with another key than"):
        Manifest.from_bytes(data, b"another key", "here")


def test_what_an_earlier_version_wrote_is_read() -> None:
    """It knew fewer fields, and signed those that it knew."""
    content = {name: value for name, value in json.loads(SIGNED.to_bytes()).items() if name != "emptied"}

    assert Manifest.from_bytes(resigned(content), KEY, "here").emptied == []


@pytest.mark.parametrize("path", list(leaves(json.loads(SIGNED.to_bytes()))), ids=lambda path: ".".join(map(str, path)))
def test_any_changed_field_is_refused(path: Place) -> None:
    with pytest.raises((SnapshotDamaged, SnapshotUnreadable), match=r"^here: the manifest "):
        Manifest.from_bytes(changed(path), KEY, "here")


@pytest.mark.parametrize("field", ["rules", "proof", "masked", "files", "source", "parent", "seconds"])
def test_a_field_that_was_taken_away_is_refused(field: str) -> None:
    content = json.loads(SIGNED.to_bytes())
    del content[field]
    with pytest.raises(SnapshotDamaged, match=r"not readable|was changed"):
        Manifest.from_bytes(json.dumps(content).encode(), KEY, "here")


def test_a_key_that_is_not_there_is_named() -> None:
    with pytest.raises(SnapshotUnreadable) as told:
        Manifest.from_bytes(SIGNED.to_bytes(), SigningKeys(b"another", (b"a third",)), "here")
    assert str(told.value) == (
        f"here: the manifest says that the key {key_id(KEY)} signed it, and there is only {key_id(b'another')} and "
        f"{key_id(b'a third')}: set ETNA_SIGNING_KEY to that key, or add it to ETNA_OLD_SIGNING_KEYS."
    )


def test_an_old_key_still_verifies_and_the_newest_signs() -> None:
    keys = SigningKeys(b"newest", (b"another", KEY))

    assert Manifest.from_bytes(SIGNED.to_bytes(), keys, "here") == SIGNED
    anew = SIGNED.signed(keys)
    assert Manifest.from_bytes(anew.to_bytes(), b"newest", "here") == anew
    assert anew.signed_by == key_id(b"newest")


def test_a_key_vouches_for_what_names_it_alone() -> None:
    content = json.loads(SIGNED.to_bytes()) | {"signed_by": key_id(b"old")}
    with pytest.raises(SnapshotDamaged, match="was changed after it was written"):
        Manifest.from_bytes(resigned(content), SigningKeys(KEY, (b"old",)), "here")


def test_an_unsigned_manifest_is_refused() -> None:
    with pytest.raises(SnapshotDamaged, match="was changed"):
        Manifest.from_bytes(draft().to_bytes(), KEY, "here")


def test_a_newer_format_says_what_reads_it() -> None:
    content = json.loads(SIGNED.to_bytes()) | {"format": FORMAT + 1, "new": 1, "versions": {"manifest": "9.1"}}

    with pytest.raises(SnapshotUnreadable) as told:
        Manifest.from_bytes(resigned(content), KEY, "here")
    assert str(told.value) == (
        f"here: the manifest has format {FORMAT + 1} and this version reads 1 to {FORMAT}: "
        "use etna-pipelines 9.1 or newer."
    )
    with pytest.raises(SnapshotDamaged, match="was changed"):  # a number that anybody wrote there
        Manifest.from_bytes(json.dumps(content).encode(), KEY, "here")


NOT_TEXT = [b'{"hmac": "\\ud800"}', b'{"signed_by": "\\ud800"}', b'{"signed_by": ["a"], "hmac": {}}', b"[" * 100_000]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"1", b"\xff", SIGNED.to_bytes()[:-9], b'{"format": 1}', *NOT_TEXT]
)
def test_what_is_no_manifest_is_not_readable(data: bytes) -> None:
    with pytest.raises(SnapshotDamaged, match=r"^here: the manifest (is not readable|was changed)"):
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


@pytest.mark.parametrize("depth", [500, 980, 990, 5_000, 100_000])
def test_one_that_is_nested_deeply_is_damaged(depth: int) -> None:
    data = b'{"hmac":"x","signed_by":"","a":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(SnapshotDamaged, match=r"^here: the manifest (was changed|is not readable)"):
        Manifest.from_bytes(data, KEY, "here")
