"""Random damages to snapshots, read by all that reads them: a push, a strip, a subset, the job of each week. None is
accepted, and each is named."""

import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.restore import fetch_archive
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import Settings, load
from etna_pipelines.snapshots.manifest import Column, Manifest, Table
from etna_pipelines.snapshots.rereading import reread
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.steps import Steps
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store, s3_client_config
from etna_pipelines.stores.store import Store
from tests.anonymise.archives import Contents
from tests.anonymise.small import with_table
from tests.damage.damages import DAMAGES, Changes, edited, manifest_key, places

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RULES = """
tables:
  person: {keep: [id, note], columns: {email: email}}
  page: {keep: [id, title]}
  session: {data: empty}
"""
SUBSET = Subset.parse("person=5")


def of(name: str, *columns: str) -> Table:
    listed = [Column(name=column, type="text" if column != "id" else "integer") for column in columns]
    return Table(oid=1, schema_name="public", name=name, columns=listed, primary_key=["id"])


@dataclass
class Shelf:
    """Two nights in a store: full and stripped, and what has become of them."""

    settings: Settings
    store: Store
    scratch: Path
    nights: list[Manifest]
    objects: Mapping[str, bytes]
    expected: dict[str, dict[str, str]]
    """By id, what a strip or a subset makes of a snapshot."""

    def damage(self, changes: Changes) -> None:
        for key, data in changes.items():
            if data is None:
                self.store.delete([key])
            elif isinstance(self.store, LocalStore):  # whose own puts wait for the disk
                path = Path(self.store.location(key))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)  # it may be a link to another snapshot's
                path.write_bytes(data)
            else:
                self.store.put(key, [data])

    def repair(self, changes: Changes) -> None:
        """Everything as it was; what readers left, and should not have, goes too."""
        self.damage({key: self.objects.get(key) for key in changes})
        self.store.delete([item.key for item in self.store.list("") if item.key not in self.objects])

    def other(self, victim: Manifest) -> Manifest:
        return next(each for each in self.nights if each.kind == victim.kind and each.id != victim.id)

    def left(self, changes: Changes) -> set[str]:
        """Objects that neither were there nor are marks: what a failure left half made."""
        there = {item.key for item in self.store.list("")}
        return {key for key in there - {*self.objects, *changes} if "/marks/" not in key}

    # What reads a snapshot. Each returns whether it made of a damaged one what it would have made of a sound one, and
    # so has used nothing of the damage; or raises.

    def push(self, victim: Manifest) -> bool:
        steps = PushSteps(self.settings, self.store)
        manifest = steps.snapshot("staging" if victim.kind == "full" else "development", victim.id)
        directory = self.scratch / secrets.token_hex(4)
        directory.mkdir()
        archive = fetch_archive(manifest, self.store, directory)
        return manifest == victim and {path.name: path.read_bytes() for path in archive.iterdir()} == {
            file.name: self.objects[victim.archive_key(file.name)] for file in victim.files
        }

    def verify(self, victim: Manifest) -> bool:
        reread(Steps(self.settings, self.store).catalogue, victim.kind, victim.id)
        return False

    def strip(self, victim: Manifest) -> bool:
        draft = Steps(self.settings, self.store).strip(victim.id)
        made = hashes(draft)
        Steps(self.settings, self.store).catalogue.discard(draft)
        return made == self.expected[victim.id]

    def subset(self, victim: Manifest) -> bool:
        steps = Steps(self.settings, self.store)
        part = steps.subset(steps.catalogue.read_sound("stripped", victim.id), SUBSET)
        made = hashes(part)
        steps.catalogue.delete("stripped", part.id)
        return made == self.expected[victim.id]


def hashes(manifest: Manifest) -> dict[str, str]:
    return {file.name: file.sha256 for file in manifest.files}


@pytest.fixture
def settings(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ETNA_MASKING_KEY", "5e" * 32)
    monkeypatch.setenv("ETNA_SIGNING_KEY", "a7" * 32)
    (fresh / "rules.yaml").write_text(RULES)
    (fresh / "environments.yaml").write_text("rules: rules.yaml\nstore: store\n")
    return load()


@pytest.fixture
def s3_store(s3_server: str, aws_environment: None) -> S3Store:
    import boto3

    client: S3Client = boto3.client("s3", endpoint_url=s3_server, config=s3_client_config())
    bucket = f"damaged-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return S3Store(client, bucket, "etna")


def shelf_in(store: Store, settings: Settings, scratch: Path) -> Shelf:
    scratch.mkdir()
    steps = Steps(settings, store)
    nights = []
    for night in (1, 2):
        tables = {
            "page": (of("page", "id", "title"), [[str(i), "The same each night"] for i in range(30)]),
            "session": (of("session", "id", "data"), [[str(i), f"secret {night}"] for i in range(30)]),
        }
        full = Contents(tables).stored(store).model_copy(update={"versions": {"pg_dump": "15.0"}})
        people = [f"{i}\tperson{i}.{night}@harbourlight-post.co.uk\tnothing\n" for i in range(250)]
        full = steps.publish(with_table(store, full, of("person", "id", "email", "note"), people))
        nights += [full, steps.publish(steps.strip(full.id))]
    expected = {}
    for each in nights:
        made = steps.strip(each.id) if each.kind == "full" else steps.subset(each, SUBSET)
        expected[each.id] = hashes(made)
        steps.catalogue.delete("stripped", made.id)
    objects = {item.key: b"".join(store.read(item.key)) for item in store.list("")}
    return Shelf(settings, store, scratch, nights, objects, expected)


@pytest.fixture
def local(settings: Settings, fresh: Path) -> Shelf:
    return shelf_in(settings.open_store(), settings, fresh / "scratch")


@pytest.fixture
def s3(settings: Settings, s3_store: S3Store, fresh: Path) -> Shelf:
    return shelf_in(s3_store, settings, fresh / "scratch")


Reader = Callable[[Shelf, Manifest], bool]

EVERY: tuple[Reader, ...] = (Shelf.push, Shelf.verify)
"""Quick, and so asked each time."""


def readers(victim: Manifest) -> tuple[Reader, ...]:
    return (*EVERY, Shelf.strip if victim.kind == "full" else Shelf.subset)


def see_refused(shelf: Shelf, victim: Manifest, changes: Changes, reader: Reader) -> str:
    """Let it be read; how it was refused, or "unused"."""
    changed = {key.rpartition("/")[2] for key in changes}
    shelf.damage(changes)
    try:
        unused = reader(shelf, victim)
        assert unused, f"{reader.__name__} took {changed} of {victim.prefix} for sound"
        assert reader in (Shelf.strip, Shelf.subset), f"{reader.__name__} did not see {changed} of {victim.prefix}"
        return "unused"
    except EtnaError as problem:
        tables = {f"Table {file.table}" for file in victim.files if file.name in changed}
        assert any(name in str(problem) for name in {*changed, *tables, f"snapshot {victim.id}"}), str(problem)
        return type(problem).__name__
    finally:
        left = shelf.left(changes)
        shelf.repair(changes)
        assert left == set()


Asked = Callable[[int, Manifest], tuple[Reader, ...]]
"""By whom the damage of a turn is read."""


def by_all(turn: int, victim: Manifest) -> tuple[Reader, ...]:
    return readers(victim)


def by_all_now_and_then(turn: int, victim: Manifest) -> tuple[Reader, ...]:
    return readers(victim) if turn % 5 == 0 else EVERY


def in_turn(turn: int, victim: Manifest) -> tuple[Reader, ...]:
    """One of them, another one for each round of all kinds of damage."""
    return (readers(victim)[turn // len(DAMAGES) % 3],)


def try_damages(shelf: Shelf, number: int, seed: int, asked: Asked) -> Counter[tuple[str, str]]:
    """So many damages, each kind in turn."""
    random = Random(seed)
    seen: Counter[tuple[str, str]] = Counter()
    for turn, damage in zip(range(number), itertools.cycle(DAMAGES)):
        victim = random.choice(shelf.nights)
        changes = damage(random, shelf.objects, victim, shelf.other(victim))
        assert any(shelf.objects.get(key) != data for key, data in changes.items())
        for reader in asked(turn, victim):
            seen[reader.__name__, see_refused(shelf, victim, changes, reader)] += 1
    for victim in shelf.nights:
        assert all(reader(shelf, victim) for reader in readers(victim) if reader != Shelf.verify)
        shelf.repair({})
    return seen


def tell(capsys: pytest.CaptureFixture[str], number: int, where: str, seen: Counter[tuple[str, str]]) -> None:
    with capsys.disabled():
        told = ", ".join(f"{reader}: {count} {how}" for (reader, how), count in sorted(seen.items()))
        print(f"\n{number} damages in {where}, 0 accepted; {told}")


def test_no_random_damage_is_accepted(local: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    tell(capsys, 210, "a directory", try_damages(local, 210, 5, by_all_now_and_then))


@pytest.mark.long
def test_no_random_damage_is_accepted_long(local: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    tell(capsys, 1400, "a directory", try_damages(local, 1400, 11, by_all))


@pytest.mark.long
def test_no_random_damage_is_accepted_in_s3(s3: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    tell(capsys, 1120, "S3", try_damages(s3, 1120, 23, in_turn))


def every_field(shelf: Shelf) -> Iterator[tuple[Manifest, Changes]]:
    for victim in shelf.nights[:2]:
        said = json.loads(shelf.objects[manifest_key(victim)])
        for place in places(said):
            yield victim, {manifest_key(victim): edited(said, place)}


def test_no_field_of_a_manifest_can_be_edited(local: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in a full and in a stripped one."""
    edits = list(every_field(local))
    for victim, changes in edits:
        assert see_refused(local, victim, changes, Shelf.push) in ("SnapshotDamaged", "SnapshotUnreadable")
    with capsys.disabled():
        print(f"\n{len(edits)} edited manifests, 0 accepted")


def test_what_is_restored_is_what_was_checked_though_the_store_changes_meanwhile(local: Shelf) -> None:
    """No moment is left between the check and the use."""
    victim = local.nights[0]
    directory = local.scratch / "checked"
    directory.mkdir()

    archive = fetch_archive(victim, local.store, directory)
    local.damage({victim.archive_key(file.name): b"changed" for file in victim.files})

    for file in victim.files:
        assert (archive / file.name).read_bytes() == local.objects[victim.archive_key(file.name)]
