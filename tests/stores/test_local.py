"""A store in a directory: what only files can show."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from etna_pipelines.errors import StoreError, StoreRefused
from etna_pipelines.stores.local import INCOMING, LocalStore

WRITER = """
import sys, time
from pathlib import Path
from etna_pipelines.stores.local import LocalStore

def chunks():
    yield b"half of it"
    print("half written", flush=True)
    time.sleep(60)

LocalStore(Path(sys.argv[1])).put("full/1/3001.dat.gz", chunks())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "somewhere" / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


@pytest.fixture
def writer(root: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process in the middle of a put."""
    with subprocess.Popen([sys.executable, "-c", WRITER, root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half written\n"
        yield process
        process.kill()


def incoming(root: Path) -> list[Path]:
    return [*root.rglob(f"{INCOMING}*")]


def test_making_a_store_touches_nothing(store: LocalStore, root: Path) -> None:
    assert [*store.list("")] == []
    store.delete(["a/b"])
    store.sweep()
    assert not root.exists()


def test_all_is_private_whatever_the_umask(store: LocalStore, root: Path) -> None:
    before = os.umask(0)
    try:
        store.put("full/1/toc.dat", [b"1"])
        store.put_if_absent("full/1/manifest.json", b"1")
        store.copy("full/1/toc.dat", "stripped/2/toc.dat")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()}
    assert modes == {0o600}
    modes = {path.stat().st_mode & 0o777 for path in [root, root.parent, *root.rglob("*")] if path.is_dir()}
    assert modes == {0o700}


def test_a_copy_takes_no_space(store: LocalStore, root: Path) -> None:
    store.put("full/1/a", [b"1"])
    store.copy("full/1/a", "stripped/2/a")
    store.copy("full/1/a", "stripped/2/a")
    assert (root / "full/1/a").samefile(root / "stripped/2/a")
    assert (root / "full/1/a").stat().st_nlink == 2


def test_a_copy_to_another_disk_is_a_real_one(store: LocalStore, root: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108  a file system that is there wherever Linux runs
    if not other.is_dir() or other.stat().st_dev == root.parent.parent.stat().st_dev:
        pytest.skip("there is no second file system here")
    far = other / f"etna-test-{os.getpid()}"
    far.mkdir()
    try:
        store.put("full/1/a", [b"1"])
        (root / "stripped").symlink_to(far)
        store.copy("full/1/a", "stripped/2/a")
        assert (far / "2/a").read_bytes() == b"1"
        assert (far / "2/a").stat().st_nlink == 1
        store.delete(["stripped/2/a"])
        assert [*far.iterdir()] == []
    finally:
        (far / "2/a").unlink(missing_ok=True)
        far.rmdir()


def test_delete_leaves_no_empty_directories(store: LocalStore, root: Path) -> None:
    store.put("full/1/archive/toc.dat", [b"1"])
    store.put("full/2", [b"1"])
    store.delete(["full/1/archive/toc.dat"])
    assert [*root.rglob("*")] == [root / "full", root / "full/2"]
    store.delete(["full/2"])
    assert [*root.rglob("*")] == []
    assert root.is_dir()


def test_a_file_of_a_living_writer_is_never_swept(
    store: LocalStore, root: Path, writer: "subprocess.Popen[str]"
) -> None:
    store.sweep(older_than=0)
    assert len(incoming(root)) == 1
    assert [*store.list("")] == []


def test_what_a_killed_writer_left_is_swept(store: LocalStore, root: Path, writer: "subprocess.Popen[str]") -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert [*store.list("")] == []
    store.sweep(older_than=3600)
    assert len(incoming(root)) == 1
    store.sweep(older_than=0)
    assert [*root.rglob("*")] == []


def test_the_first_put_sweeps(
    store: LocalStore, root: Path, writer: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    store.put("full/2/toc.dat", [b"1"])
    assert [*root.rglob("*")] == [root / "full", root / "full/2", root / "full/2/toc.dat"]


def test_a_disk_that_is_full(root: Path) -> None:
    """On a real, small file system of its own, where the kernel lets us mount one."""
    script = f"""
from etna_pipelines.errors import StoreRefused
from etna_pipelines.stores.local import LocalStore
from pathlib import Path

store = LocalStore(Path({str(root)!r}))
store.put("full/1/a", [b"kept"])
for attempt in (
    lambda: store.put("full/1/b", (bytes(1 << 18) for _ in range(8))),
    lambda: store.put_if_absent("full/1/c", bytes(1 << 21)),
):
    try:
        attempt()
    except StoreRefused as error:
        print(error, error.retryable)
print([item.key for item in store.list("")], [path.name for path in store._root.rglob("*")])
"""
    root.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size=1m none "{root}" && exec "$@"'
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    done = subprocess.run([*namespace, sys.executable, "-c", script], capture_output=True, text=True, check=False)
    sentence = "could not be written because its disk is full: free some space or move the store. False"
    assert done.stdout.splitlines() == [
        f"{root}/full/1/b {sentence}",
        f"{root}/full/1/c {sentence}",
        "['full/1/a'] ['full', '1', 'a']",
    ], done.stderr


def test_a_directory_that_is_not_ours(store: LocalStore, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(StoreRefused, match=re.escape(f"{store.location('a')} may not be written by this user")):
            store.put("a", [b"1"])
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)


def test_a_key_below_an_object(store: LocalStore) -> None:
    store.put("full/1", [b"1"])
    for attempt in (lambda: store.put("full/1/a", [b"2"]), lambda: store.put("full", [b"2"])):
        with pytest.raises(StoreRefused, match="an object cannot have the name of a folder"):
            attempt()
    assert [item.key for item in store.list("")] == ["full/1"]


def test_other_errors_name_the_place_and_may_be_retried(store: LocalStore, root: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(StoreError) as caught:
            store.put("full/a", [bytes(900_000), bytes(900_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"{root}/full/a could not be written (File too large): check the disk that holds the store."
    )
    assert caught.value.retryable
    assert [path.name for path in root.rglob("*")] == ["full"]


def test_hidden_files_of_others_are_not_objects(store: LocalStore, root: Path) -> None:
    store.put("a", [b"1"])
    (root / ".DS_Store").write_bytes(b"1")
    (root / ".Trash").mkdir()
    (root / ".Trash/b").write_bytes(b"1")
    assert [item.key for item in store.list("")] == ["a"]


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore(Path("store"))
    monkeypatch.chdir("/")
    store.put("a", [b"1"])
    assert (tmp_path / "store/a").read_bytes() == b"1"
