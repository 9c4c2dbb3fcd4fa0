"""Snapshots that are not what was published: none of them is pushed."""

from collections.abc import Callable

import pytest

from etna_pipelines.snapshots.manifest import FORMAT, ArchiveFile, Manifest
from tests.faults import flows
from tests.faults.cases import case
from tests.faults.processes import Outcome
from tests.faults.test_store import changing
from tests.faults.world import World

NOT_PUBLISHED = r"^\S+ is not what was published \(.+\): do not use this snapshot; take or choose another\.$"


def file_of(manifest: Manifest, table: str = "public.page") -> ArchiveFile:
    return next(file for file in manifest.files if file.table == table)


def push_with(world: World, change: Callable[[bytes], bytes | None], name: str = "") -> Outcome:
    """A push of the newest stripped snapshot, one of whose files was changed."""
    stripped = world.newest("stripped")
    with world.stored_otherwise(stripped.archive_key(name or file_of(stripped).name), change):
        return world.run(flows.push)


def push_with_manifest(world: World, change: Callable[[bytes], bytes | None]) -> Outcome:
    with world.stored_otherwise(f"{world.newest('stripped').prefix}/manifest.json", change):
        return world.run(flows.push)


@case("verify", "a bit of a file is flipped", says=NOT_PUBLISHED)
def test_flipped(world: World) -> Outcome:
    return push_with(world, changing)


@case("verify", "a file is cut", says=NOT_PUBLISHED)
def test_cut(world: World) -> Outcome:
    return push_with(world, lambda data: data[:-20])


@case("verify", "a file is empty", says=NOT_PUBLISHED)
def test_empty(world: World) -> Outcome:
    return push_with(world, lambda data: b"")


@case("verify", "a file is all zeros", says=NOT_PUBLISHED)
def test_zeroed(world: World) -> Outcome:
    return push_with(world, lambda data: bytes(len(data)))


@case("verify", "something stands behind a file", says=NOT_PUBLISHED)
def test_longer(world: World) -> Outcome:
    return push_with(world, lambda data: data + b"more")


@case("verify", "the table of contents is changed", says=NOT_PUBLISHED)
def test_contents(world: World) -> Outcome:
    return push_with(world, changing, "toc.dat")


@case("verify", "a file is missing", says=r"^\S+ is missing: do not use this snapshot; take or choose another\.$")
def test_missing(world: World) -> Outcome:
    return push_with(world, lambda data: None)


@case("verify", "two tables' files are exchanged", says=NOT_PUBLISHED)
def test_exchanged(world: World) -> Outcome:
    stripped = world.newest("stripped")
    one, other = (stripped.archive_key(file_of(stripped, table).name) for table in ("public.page", "public.person"))
    data = {key: b"".join(world.store.read(key)) for key in (one, other)}
    with world.stored_otherwise(one, lambda _: data[other]), world.stored_otherwise(other, lambda _: data[one]):
        return world.run(flows.push)


@case("verify", "the file of another snapshot stands in a file's place", says=NOT_PUBLISHED)
def test_of_another_snapshot(world: World) -> Outcome:
    full, stripped = world.newest("full"), world.newest("stripped")
    original = b"".join(world.store.read(full.archive_key(file_of(full, "public.person").name)))
    return push_with(world, lambda _: original, file_of(stripped, "public.person").name)


@case(
    "verify",
    "a file was added",
    says=r"^\S+ is not in its snapshot's manifest: find out who put it there, delete it\.$",
)
def test_added(world: World) -> Outcome:
    stranger = world.newest("stripped").archive_key("9999.dat")
    world.store.put(stranger, [b"1\n\\.\n\n\n"])
    try:
        return world.run(flows.push)
    finally:
        world.store.delete([stranger])


@case("verify", "the manifest was edited", says=r"manifest\.json: the manifest was changed after it was written")
def test_edited(world: World) -> Outcome:
    return push_with_manifest(world, lambda data: data.replace(b'"rows":', b'"rows": ', 1).replace(b"100", b"101", 1))


@case("verify", "the manifest is cut", says=r"manifest\.json: the manifest is not readable: delete this")
def test_cut_manifest(world: World) -> Outcome:
    return push_with_manifest(world, lambda data: data[: len(data) // 2])


@case("verify", "the manifest was signed with another key", says=r"the manifest says that the key \w+ signed it, and")
def test_another_key(world: World) -> Outcome:
    return push_with_manifest(world, lambda data: world.newest("stripped").signed(bytes(32)).to_bytes())


@case("verify", "the manifest is that of another snapshot", says=r"belongs to another snapshot: do not use it\.$")
def test_another_manifest(world: World) -> Outcome:
    first = world.catalogue.read("stripped", world.catalogue.ids("stripped")[0])
    world.good(flows.strip)
    return push_with_manifest(world, lambda _: first.to_bytes())


@case(
    "verify",
    "a newer version of etna-pipelines wrote the store",
    says=r"reads 1 to 2: use etna-pipelines \S+ or newer\.$",
)
def test_newer_format(world: World) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etna_pipelines.snapshots.manifest.FORMAT", FORMAT + 1)
        newer = world.newest("stripped").signed(world.signing_key).to_bytes()
    return push_with_manifest(world, lambda _: newer)


@case("verify", "the manifest is gone", ends="succeeded")
def test_no_manifest(world: World) -> Outcome:
    """Then it is no snapshot: the one before it is the newest."""
    world.good(flows.strip)
    newest = world.newest("stripped")
    outcome = push_with_manifest(world, lambda _: None)
    assert world.serving()["development"].snapshot < newest.id
    return outcome


@case("verify", "a backup's file is changed before it is read back", says=NOT_PUBLISHED)
def test_draft(world: World) -> Outcome:
    before = {item.key for item in world.store.list("full/")}
    with world.standing_at("backup: draft saved", flows.back_up) as run:
        key = next(item.key for item in world.store.list("full/") if item.key not in before and ".dat.gz" in item.key)
        world.place(key, changing(b"".join(world.store.read(key))))
    outcome = run.wait()
    assert {item.key for item in world.store.list("full/")} == before, "the draft is still there"
    return outcome
