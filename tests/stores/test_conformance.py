"""What every store does: one suite, a directory and an S3 server, with what is in them encrypted and not."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from etna_pipelines.errors import ObjectMissing, StoreError, StoreRefused
from etna_pipelines.stores.age import sealed_bytes
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.sealed import SealedStore
from etna_pipelines.stores.store import CHUNK, Store

MIB = 1024 * 1024


def megabytes(count: int) -> Iterator[bytes]:
    """A stream in which no two blocks are the same."""
    for number in range(count):
        yield number.to_bytes(8) * (MIB // 8)


def content(store: Store, key: str) -> bytes:
    return b"".join(store.read(key))


def stored(store: Store, size: int) -> int:
    """The bytes that an object of `size` bytes takes up."""
    return sealed_bytes(size, recipients=1) if isinstance(store, SealedStore) else size


def keys(store: Store, prefix: str = "") -> list[str]:
    return [item.key for item in store.list(prefix)]


@pytest.mark.parametrize("data", [b"", b"\x00", b"a\r\nb\xff", b"x" * 70_000])
def test_what_is_put_is_read(store: Store, data: bytes) -> None:
    assert store.put("full/1/archive/toc.dat", [data[:1], data[1:]]) == len(data)
    assert content(store, "full/1/archive/toc.dat") == data
    assert [(item.key, item.bytes) for item in store.list("")] == [("full/1/archive/toc.dat", stored(store, len(data)))]


def test_a_stream_of_many_parts_comes_back_in_order(store: Store) -> None:
    assert store.put("full/1/3001.dat.gz", megabytes(40)) == 40 * MIB
    expected, actual = hashlib.sha256(), hashlib.sha256()
    for chunk in megabytes(40):
        expected.update(chunk)
    for chunk in store.read("full/1/3001.dat.gz"):
        assert 0 < len(chunk) <= CHUNK
        actual.update(chunk)
    assert actual.digest() == expected.digest()


@pytest.mark.parametrize("size", [16 * MIB - 1, 16 * MIB, 32 * MIB, 32 * MIB + 1])
def test_a_stream_that_ends_at_a_part_comes_back_whole(store: Store, size: int) -> None:
    block = bytes(range(256)) * (size // 256 + 1)
    assert store.put("a", [block[:size]]) == size
    assert content(store, "a") == block[:size]


@pytest.mark.parametrize("key", ["a b/c d", "ŵy/ŷ é", "日本/🐘", "a+b&c=d?e#f%20", "(1)/'x'/~!@$*,;:", "a.b/c.."])
def test_awkward_keys(store: Store, key: str) -> None:
    store.put(key, [b"value"])
    store.copy(key, f"copy/{key}")
    assert content(store, key) == content(store, f"copy/{key}") == b"value"
    assert keys(store) == sorted([key, f"copy/{key}"])
    store.delete([key, f"copy/{key}"])
    assert keys(store) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "..", "a/../b", "a/./b", ".hidden", "a\nb", "a\0b", "k" * 256, "k/" * 450 + "k"]
)
def test_keys_no_store_takes(store: Store, key: str) -> None:
    for attempt in (
        lambda: store.put(key, [b"1"]),
        lambda: store.put_if_absent(key, b"1"),
        lambda: content(store, key),
        lambda: store.copy(key, "b"),
        lambda: store.copy("b", key),
        lambda: store.delete([key]),
    ):
        with pytest.raises(StoreRefused, match="cannot be an object's key"):
            attempt()


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, "0123456789"),
        (3, None, "3456789"),
        (3, 4, "3456"),
        (0, 10, "0123456789"),
        (9, 1, "9"),
        (10, None, ""),
        (5, 0, ""),
    ],
)
def test_a_range(store: Store, offset: int, length: int | None, expected: str) -> None:
    store.put("digits", [b"0123456789"])
    assert b"".join(store.read("digits", offset, length)).decode() == expected


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (9, 2), (11, None), (11, 0), (-1, None), (0, -1)])
def test_a_range_outside_the_object(store: Store, offset: int, length: int | None) -> None:
    store.put("digits", [b"0123456789"])
    with pytest.raises(StoreRefused, match="digits has 10 bytes"):
        b"".join(store.read("digits", offset, length))


def test_a_put_replaces(store: Store) -> None:
    store.put("a", [b"a longer first"])
    store.copy("a", "b")
    store.put("a", [b"second"])
    assert (content(store, "a"), content(store, "b")) == (b"second", b"a longer first")


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("error", [ValueError("the source failed"), KeyboardInterrupt()])
def test_a_put_whose_source_fails_leaves_nothing(
    store: Store, leftovers: Callable[[], list[str]], count: int, error: BaseException
) -> None:
    def failing() -> Iterator[bytes]:
        yield from megabytes(count)
        raise error

    store.put("full/before", [b"before"])
    before = leftovers()
    with pytest.raises(type(error)):
        store.put("full/after", failing())
    with pytest.raises(type(error)):
        store.put("full/before", failing())
    assert keys(store) == ["full/before"]
    assert content(store, "full/before") == b"before"
    assert leftovers() == before


def test_an_object_is_not_seen_before_it_is_whole(store: Store) -> None:
    seen = []

    def looking() -> Iterator[bytes]:
        for number, chunk in enumerate(megabytes(40), 1):
            yield chunk
            if number % 8 == 0:
                seen.append((keys(store), content(store, "full/old")))

    store.put("full/old", [b"old"])
    store.put("full/new", looking())
    store.put("full/old", looking())
    assert seen[:5] == [(["full/old"], b"old")] * 5
    assert seen[5:] == [(["full/new", "full/old"], b"old")] * 5


def test_put_if_absent_once(store: Store) -> None:
    store.put_if_absent("full/1/manifest.json", b"mine")
    assert content(store, "full/1/manifest.json") == b"mine"


def test_put_if_absent_of_the_same_bytes_is_our_own_write(store: Store) -> None:
    store.put_if_absent("full/1/manifest.json", b"mine")
    store.put_if_absent("full/1/manifest.json", b"mine")
    assert content(store, "full/1/manifest.json") == b"mine"


@pytest.mark.parametrize("theirs", [b"theirs", b"", b"mine and more", b"min"])
def test_put_if_absent_leaves_what_another_wrote(store: Store, theirs: bytes) -> None:
    store.put("full/1/manifest.json", [theirs])
    with pytest.raises(StoreRefused, match=r"full/1/manifest.json exists already"):
        store.put_if_absent("full/1/manifest.json", b"mine")
    assert content(store, "full/1/manifest.json") == theirs


def test_of_eight_that_put_if_absent_exactly_one_wins(store: Store, leftovers: Callable[[], list[str]]) -> None:
    def publish(number: int) -> bytes | None:
        data = b"run %d" % number
        try:
            store.put_if_absent("manifests/manifest.json", data)
        except StoreRefused:
            return None
        return data

    store.put("manifests/other", [b""])
    before = leftovers()
    with ThreadPoolExecutor(8) as pool:
        winners = [data for data in pool.map(publish, range(8)) if data is not None]
    assert winners == [content(store, "manifests/manifest.json")]
    assert leftovers() == before


def test_threads_that_put_and_delete_do_not_disturb_each_other(store: Store) -> None:
    def use(number: int) -> bytes:
        for turn in range(4):
            store.put(f"shared/folder/{number}", [b"%d" % turn])
            store.copy(f"shared/folder/{number}", f"shared/copy/{number}")
            store.delete([f"shared/folder/{number}"])
        return content(store, f"shared/copy/{number}")

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(use, range(4))] == [b"3"] * 4
    assert keys(store) == [f"shared/copy/{number}" for number in range(4)]


def test_a_list_is_in_key_order_and_begins_with_the_prefix(store: Store) -> None:
    names = ["a", "a-b/c", "a.b", "a0", "b/1", "b/10", "b/2", "b-/1", "é", "ê/x", "🐘", "\ufb01"]
    for name in reversed(names):
        store.put(name, [name.encode()])
    assert keys(store) == sorted(names, key=str.encode)
    assert keys(store, "b/") == ["b/1", "b/10", "b/2"]
    assert keys(store, "b/1") == ["b/1", "b/10"]
    assert keys(store, "b") == ["b-/1", "b/1", "b/10", "b/2"]
    assert keys(store, "a") == ["a", "a-b/c", "a.b", "a0"]
    assert keys(store, "b/1/") == keys(store, "c") == keys(store, "a/") == []
    assert [item.bytes for item in store.list("")] == [stored(store, len(key.encode())) for key in keys(store)]


def test_the_folders_of_a_folder_are_listed_without_what_is_in_them(store: Store) -> None:
    for key in ("full/b/archive/1", "full/b/archive/2", "full/b-c/x", "full/a/x", "full/alone", "fuller/z/x"):
        store.put(key, [b"x"])
    assert [*store.folders("full/")] == ["a", "b-c", "b"]  # as keys sort: the slash counts
    assert [*store.folders("full/b/")] == ["archive"]
    assert [*store.folders("stripped/")] == []


def test_a_sweep_leaves_what_is_whole(store: Store) -> None:
    store.put("full/1/toc.dat", [b"x"])
    store.sweep()
    assert keys(store) == ["full/1/toc.dat"]


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert keys(store) == keys(store, "full/") == []


def test_more_than_a_thousand_objects(store: Store, seed: Callable[[list[str]], None]) -> None:
    names = [f"full/{number // 500}/{number:04}" for number in range(1_100)]
    seed(names)
    assert keys(store, "full/") == names
    store.put("full/kept", [b"kept"])
    store.delete(iter([*names, "full/no/such", "full"]))
    assert keys(store) == ["full/kept"]


def test_what_is_deleted_is_gone(store: Store) -> None:
    store.put("a/b", [b"1"])
    store.delete(["a/b"])
    store.delete(["a/b", "a", "never"])
    assert keys(store) == []
    with pytest.raises(ObjectMissing):
        content(store, "a/b")
    store.put("a", [b"what was a folder"])
    assert keys(store) == ["a"]


def test_a_copy_is_the_same_and_outlives_its_source(store: Store) -> None:
    store.put("full/1/3001.dat.gz", megabytes(20))
    store.copy("full/1/3001.dat.gz", "stripped/2/3001.dat.gz")
    store.delete(["full/1/3001.dat.gz"])
    assert [(item.key, item.bytes) for item in store.list("")] == [("stripped/2/3001.dat.gz", stored(store, 20 * MIB))]
    assert content(store, "stripped/2/3001.dat.gz") == b"".join(megabytes(20))


def test_a_copy_replaces_its_target_only(store: Store) -> None:
    store.put("a", [b"new"])
    store.put("b", [b"old"])
    store.copy("b", "c")
    store.copy("a", "b")
    store.copy("a", "b")
    assert [content(store, key) for key in "abc"] == [b"new", b"new", b"old"]
    assert keys(store) == ["a", "b", "c"]


@pytest.mark.parametrize("key", ["full/9/archive/toc.dat", "full/1", "full/1/toc.dat/x"])
def test_what_is_missing_is_named(store: Store, key: str) -> None:
    store.put("full/1/toc.dat", [b""])
    for attempt in (
        lambda: content(store, key),
        lambda: b"".join(store.read(key, 1, 2)),
        lambda: store.copy(key, "elsewhere"),
    ):
        with pytest.raises(ObjectMissing) as caught:
            attempt()
        assert str(caught.value).startswith(f"{store.location(key)} does not exist")
        assert not caught.value.retryable
    assert keys(store) == ["full/1/toc.dat"]


def test_a_reader_may_stop_early(store: Store) -> None:
    store.put("a", megabytes(20))
    for _ in range(3):
        next(iter(store.read("a")))
    assert next(iter(store.read("a", 8 * MIB)))[:8] == (8).to_bytes(8)


def test_a_missing_source_is_an_error_only_when_it_is_a_store_error(store: Store) -> None:
    """An OSError of the source is not the store's: it passes as it is."""

    def failing() -> Iterator[bytes]:
        yield b"1"
        raise FileNotFoundError("the dump's file")

    with pytest.raises(FileNotFoundError, match="the dump's file") as caught:
        store.put("a", failing())
    assert not isinstance(caught.value, StoreError)


MEASURE = """
import re, sys, tracemalloc
from pathlib import Path

def peak():
    "Of the process; of Python where there is no /proc. (getrusage would count the parent's memory.)"
    status = Path("/proc/self/status")
    if not status.exists():
        return tracemalloc.get_traced_memory()[1]
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024

if sys.argv[2] == "local":
    from etna_pipelines.stores.local import LocalStore
    store = LocalStore(Path(sys.argv[3]))
else:
    import boto3
    from etna_pipelines.stores.s3 import S3Store, s3_client_config
    client = boto3.client("s3", endpoint_url=sys.argv[3], config=s3_client_config())
    store = S3Store(client, sys.argv[4])
if sys.argv[1] == "sealed":
    from etna_pipelines.stores.age_keys import Identity
    from etna_pipelines.stores.sealed import SealedStore
    ours = Identity(bytes(32))
    store = SealedStore(store, lambda key: [ours.recipient], [ours])
store.put("small", [b"x"])
b"".join(store.read("small"))
tracemalloc.start()
before = peak()
written = store.put("large", (bytes([n % 256]) * 1024 * 1024 for n in range(300)))
read = sum(len(chunk) for chunk in store.read("large"))
assert written == read == 300 * 1024 * 1024, (written, read)
print((peak() - before) // (1024 * 1024))
"""


def test_memory_is_bounded(store: Store, plain_store: Store, request: pytest.FixtureRequest) -> None:
    if isinstance(plain_store, LocalStore):
        where = ["local", plain_store.location()]
    else:
        where = ["s3", request.getfixturevalue("s3_server"), request.getfixturevalue("bucket")]
    how = "sealed" if isinstance(store, SealedStore) else "plain"
    done = subprocess.run([sys.executable, "-c", MEASURE, how, *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < 100
