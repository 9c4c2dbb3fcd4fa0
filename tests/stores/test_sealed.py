"""Encrypted archives: who reads them, from where, and what is told of damage. The rest is in test_conformance.py."""

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etna_pipelines.errors import ObjectMissing, ObjectSealed, SnapshotDamaged
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.stores.age import CHUNK, MAGIC, SEALED
from etna_pipelines.stores.age_keys import Identity
from etna_pipelines.stores.encryption_spec import Recipients
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store
from etna_pipelines.stores.sealed import SealedStore
from etna_pipelines.stores.store import Store
from tests.snapshots.samples import draft, stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OPERATOR, DEVELOPER, STRANGER = (Identity(bytes([number]) * 32) for number in (1, 2, 3))
RECIPIENTS = Recipients(
    full=[OPERATOR.recipient],
    stripped=[DEVELOPER.recipient, OPERATOR.recipient],
)
FULL, STRIPPED = "full/1/archive/3.dat.gz", "stripped/2/archive/3.dat.gz"


@pytest.fixture
def plain(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def seen_by(plain: Store, *identities: Identity, recipients: Recipients = RECIPIENTS) -> SealedStore:
    return SealedStore(plain, recipients.of, identities)


def content(store: Store, key: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join(store.read(key, offset, length))


def random_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_a_developer_opens_stripped_snapshots_and_no_full_ones(plain: LocalStore) -> None:
    operator, developer = seen_by(plain, OPERATOR), seen_by(plain, DEVELOPER)
    operator.put(FULL, [b"of real people"])
    operator.copy(FULL, STRIPPED)

    assert content(operator, FULL) == content(operator, STRIPPED) == content(developer, STRIPPED) == b"of real people"
    for range_ in ((0, None), (3, 4)):
        with pytest.raises(ObjectSealed, match="no identity in ETNA_AGE_IDENTITY opens it: add the operators' to"):
            content(developer, FULL, *range_)
        with pytest.raises(ObjectSealed, match="opens it: add the team's or the operators' to the variable"):
            content(seen_by(plain, STRANGER), STRIPPED, *range_)
        with pytest.raises(ObjectSealed, match=r"set ETNA_AGE_IDENTITY, or a line of \.env, to the operators' age"):
            content(seen_by(plain), FULL, *range_)
    with pytest.raises(ObjectSealed):
        developer.copy(FULL, "stripped/3/archive/3.dat.gz")
    assert b"of real people" not in b"".join(content(plain, item.key) for item in plain.list(""))


def test_a_snapshot_s_manifest_is_read_by_everybody_and_tells_of_plain_files(plain: LocalStore) -> None:
    snapshot = stored(seen_by(plain, OPERATOR), draft())
    Catalogue(seen_by(plain, OPERATOR), bytes(32)).publish(snapshot)

    read = Catalogue(seen_by(plain), bytes(32)).read("full", snapshot.id)
    Catalogue(seen_by(plain, OPERATOR), bytes(32)).read_back(read)
    for store in (plain, seen_by(plain, DEVELOPER)):
        with pytest.raises(ObjectSealed, match="operators' "):
            Catalogue(store, bytes(32)).read_back(read)
    assert content(plain, f"{read.prefix}/manifest.json").startswith(b"{")


def test_what_was_put_before_stays_readable_and_copies_of_it_are_encrypted(plain: LocalStore) -> None:
    plain.put(FULL, [b"0123456789"])
    operator = seen_by(plain, OPERATOR)

    assert content(operator, FULL) == b"0123456789"
    assert content(operator, FULL, 3, 4) == b"3456"
    operator.copy(FULL, STRIPPED)
    assert content(plain, STRIPPED).startswith(MAGIC)
    assert content(seen_by(plain, DEVELOPER), STRIPPED) == b"0123456789"


def test_other_recipients_are_those_of_new_snapshots(plain: LocalStore) -> None:
    seen_by(plain, OPERATOR).put(FULL, [b"old"])
    later = Recipients(full=[STRANGER.recipient], stripped=[])
    both = seen_by(plain, OPERATOR, STRANGER, recipients=later)
    both.put("full/2/archive/toc.dat", [b"new"])
    both.copy(FULL, "full/3/archive/toc.dat")

    assert content(both, FULL) == b"old"
    newcomer = seen_by(plain, STRANGER, recipients=later)
    assert content(newcomer, "full/2/archive/toc.dat") == b"new"
    assert content(newcomer, "full/3/archive/toc.dat") == b"old"
    with pytest.raises(ObjectSealed):
        content(newcomer, FULL)


def test_stripped_snapshots_can_be_left_plain(plain: LocalStore) -> None:
    """Also where full ones are encrypted no more, and old ones still are."""
    for number, recipients in enumerate((Recipients(full=[OPERATOR.recipient]), Recipients())):
        store = seen_by(plain, OPERATOR, recipients=recipients)
        if not number:
            store.put(FULL, [b"rows"])
        store.copy(FULL, f"stripped/{number}/archive/3.dat.gz")
        assert content(plain, FULL).startswith(MAGIC)
        assert content(plain, f"stripped/{number}/archive/3.dat.gz") == b"rows"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 20 * CHUNK + 5])
def test_any_part_can_be_read(plain: LocalStore, size: int) -> None:
    data, chance = random_bytes(size), random.Random(3)
    store = seen_by(plain, OPERATOR)
    assert store.put(FULL, [data]) == size

    places = sorted(
        {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, size - 1, size, *chance.choices(range(size + 1), k=9)}
    )
    inside = [place for place in places if 0 <= place <= size]
    for begin in inside:
        assert content(store, FULL, begin) == data[begin:]
        for end in inside:
            if begin <= end:
                assert content(store, FULL, begin, end - begin) == data[begin:end]


def test_a_part_costs_its_own_chunks(plain: LocalStore) -> None:
    class Counting(LocalStore):
        asked = 0

        def read(self, key, offset=0, length=None):  # type: ignore[no-untyped-def]
            self.asked += length or 0
            return super().read(key, offset, length)

    counting = Counting(Path(plain.location()))
    store = seen_by(counting, OPERATOR)
    store.put(FULL, [random_bytes(100 * CHUNK)])
    content(store, FULL, 50 * CHUNK, 1)
    assert counting.asked == CHUNK + 2 * SEALED  # the header, the last chunk to be sure of the size, and its own
    counting.asked = 0
    content(store, FULL, 10 * CHUNK - 1, CHUNK)
    assert counting.asked == 2 * SEALED


def test_damage_is_named_wherever_it_is_read(plain: LocalStore) -> None:
    data = random_bytes(3 * CHUNK + 9)
    seen_by(plain, OPERATOR).put(FULL, [data])
    whole = content(plain, FULL)
    start = len(whole) - 3 * SEALED - 25
    first, second = whole[start : start + SEALED], whole[start + SEALED : start + 2 * SEALED]
    damages = {
        "flipped": whole[: start + 10] + bytes([whole[start + 10] ^ 1]) + whole[start + 11 :],
        "cut": whole[:-1],
        "cut at a chunk": whole[: start + 2 * SEALED],
        "without payload": whole[:start],
        "half a header": whole[:100],
        "exchanged": whole[:start] + second + first + whole[start + 2 * SEALED :],
        "lengthened": whole + b"\0",
        "zeroed": whole[:start] + bytes(len(whole) - start),
    }
    for damage, damaged in damages.items():
        plain.put(FULL, [damaged])
        with pytest.raises(SnapshotDamaged, match=r"full/1/archive/3\.dat\.gz is not what was encrypted"):
            content(seen_by(plain, OPERATOR), FULL)
        with pytest.raises(SnapshotDamaged, match=r"full/1/archive/3\.dat\.gz is not what was encrypted"):
            content(seen_by(plain, OPERATOR), FULL, 5, CHUNK)
        assert damage


def test_a_file_that_is_written_anew_is_read_anew(plain: LocalStore) -> None:
    store = seen_by(plain, OPERATOR)
    for data in (b"first and longer", b"second"):
        store.put(FULL, [data])
        assert content(store, FULL, 1) == data[1:]
    store.delete([FULL])
    with pytest.raises(ObjectMissing):
        content(store, FULL, 1)


def test_parts_in_s3(s3_client: "S3Client", bucket: str) -> None:
    data = random_bytes(20 * 1024 * 1024)  # two parts of an upload
    store = seen_by(S3Store(s3_client, bucket, "nightly"), OPERATOR)
    store.put(FULL, [data])

    assert content(store, FULL, 17_000_000, 1_000_000) == data[17_000_000:18_000_000]
    assert content(store, FULL) == data
    store.copy(FULL, STRIPPED)
    assert content(seen_by(S3Store(s3_client, bucket, "nightly"), DEVELOPER), STRIPPED) == data
