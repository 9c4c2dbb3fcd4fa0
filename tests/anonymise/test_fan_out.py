import gzip
import random
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etna_pipelines.anonymise import fan_out
from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.fan_out import FanOut
from etna_pipelines.anonymise.proof.proof import prove
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.errors import EtnaError, RulesError, SettingsError, SnapshotDamaged, StoreRefused
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, Proof
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.archives import Contents, Row
from tests.anonymise.nights import KEY, column, table, written_rules

RULES = """
tables:
  person:
    columns: {id: serial, first: fake(first), last: fake(last), email: email, town: shuffle}
  note: {keep: [id], rows: "id % 7 <> 0", columns: {body: scrub}}
  untouched: {keep: [body]}
  session: {data: empty}
  gone: {data: skip}
"""
PEOPLE = 60
PLANTED = ["Zebedee", "Quillfeather", "Tregaron"]


def contents(leak: str = "") -> Contents:
    names = [f"Quillfeather{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(PEOPLE)]
    columns = [column("id", "integer"), "first", "last", "email", "town"]
    people: list[Row] = [
        [str(n), "Zebedee", name, f"{name}@bigcorp.com", f"Tregaron {n % 11}"] for n, name in enumerate(names)
    ]
    notes: list[Row] = [[str(n), f"a word with Zebedee {name}, {n}"] for n, name in enumerate(reversed(names))]
    return Contents(
        {
            "note": (table("note", column("id", "integer"), "body"), notes),
            "person": (table("person", *columns), [*people, [None] * 5]),
            "untouched": (table("untouched", "body"), [["x"], [leak], [None]] * 50),
            "session": (table("session", "data"), [["secret"]] * 9),
            "gone": (table("gone", "data"), [["secret"]] * 9),
        }
    )


def sliced(store: LocalStore, full: Manifest, per_member: int, per_slice: int | None) -> Manifest:
    """The same snapshot, its tables' files cut into members of so many lines, and slices of so many members."""

    def cut(file: ArchiveFile) -> ArchiveFile:
        if file.table is None:
            return file
        key = full.archive_key(file.name)
        raw = b"".join(archive.decompress(store.read(key))).removesuffix(archive.TERMINATOR)
        lines = raw.splitlines(keepends=True)
        blocks = [b"".join(lines[begin : begin + per_member]) for begin in range(0, len(lines), per_member)]
        tally = archive.Tally(slice_bytes=None)
        members = []
        for number, block in enumerate([*blocks, archive.TERMINATOR], 1):
            members.append(tally.add(archive.compress(block), block))
            if per_slice and number % per_slice == 0 and number < len(blocks):
                tally.cut()
        store.put(key, members)
        return file.model_copy(update=tally.facts)

    return full.model_copy(update={"files": [cut(file) for file in full.files]})


def fanned_out(work: FanOut, size: int, seed: int = 1) -> Manifest:
    """The parts of each step in any order, and some of them twice, as if their worker had been lost at the end."""

    def numbers(count: int) -> list[int]:
        order = [*range(count), *range(0, count, 2)]
        random.Random(seed).shuffle(order)
        return order

    id_ = work.begin(size)
    for number in numbers(work.parts_to_read_first(id_)):
        work.read_first(id_, number)
    work.gather(id_)
    for number in numbers(work.parts_to_strip(id_)):
        work.strip(id_, number)
    work.assemble(id_)
    for number in numbers(work.parts_to_prove(id_)):
        work.prove(id_, number)
    draft = work.conclude(id_)
    work.clear(id_)
    return draft


def in_one(work: FanOut) -> tuple[Manifest, Proof]:
    stripped = strip(work.full, work.store, work.rules, masking_key=work.masking_key)
    return stripped.draft, prove(stripped, work.store, work.rules.public)


def assert_same(work: FanOut, one: tuple[Manifest, Proof], parted: Manifest) -> None:
    """All but what the hour of their making says."""
    draft, proof = one
    hour = {"id": "", "created": draft.created, "seconds": 0}
    assert parted.model_copy(update={**hour, "proof": None}) == draft.model_copy(update=hour)
    assert parted.proof == proof
    for file in draft.files:
        stored = [b"".join(work.store.read(each.archive_key(file.name))) for each in (draft, parted)]
        assert stored[0] == stored[1]


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return written_rules(tmp_path, RULES)


@pytest.fixture
def work(store: LocalStore, rules: Rules) -> FanOut:
    return FanOut(sliced(store, contents().stored(store), 10, 3), store, rules, KEY)


def test_any_number_of_parts_makes_the_same_archive_and_the_same_proof(work: FanOut) -> None:
    one = in_one(work)
    counts = set()
    for size in (1, 1_000, 1 << 30):
        id_ = work.begin(size)
        counts.add((work.parts_to_read_first(id_), work.parts_to_strip(id_)))
        work.clear(id_)
        work.store.delete([item.key for item in work.store.list(f"stripped/{id_}/")])
        parted = fanned_out(work, size)
        assert_same(work, one, parted)
    assert len(counts) == 3
    assert (1, 1) in counts
    assert one[1].passed
    assert one[1].originals > PEOPLE
    assert [file.rows for file in parted.files if file.table == "public.note"] == [PEOPLE - 9]


@pytest.mark.parametrize(("per_member", "per_slice"), [(7, 2), (1_000, 1), (20, None)])
def test_however_the_snapshot_was_cut_its_rows_become_the_same(
    store: LocalStore, rules: Rules, per_member: int, per_slice: int | None
) -> None:
    full = contents().stored(store)
    before = in_one(FanOut(full, store, rules, KEY))[0]
    work = FanOut(sliced(store, full, per_member, per_slice), store, rules, KEY)
    after = fanned_out(work, 1)
    for file in (file for file in before.files if file.table):
        raw = [store.read(each.archive_key(file.name)) for each in (before, after)]
        assert b"".join(archive.decompress(raw[0])) == b"".join(archive.decompress(raw[1]))


VALUES = st.none() | st.text(st.sampled_from("Zbéŵ .@\\\t\n\"'{}1"), max_size=12) | st.sampled_from(PLANTED)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=12),
    per_member=st.integers(1, 4),
    per_slice=st.integers(1, 3),
    size=st.sampled_from([1, 150, 400]),
)
def test_any_rows_in_any_parts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], per_member: int, per_slice: int, size: int
) -> None:
    home = tmp_path_factory.mktemp("rows")
    store = LocalStore(home / "store")
    rules = written_rules(home, "columns: {name: fake(name), town: shuffle, body: scrub}")
    full = Contents({"t": (table("t", "name", "town", "body"), rows)}).stored(store)
    work = FanOut(sliced(store, full, per_member, per_slice), store, rules, KEY)
    assert_same(work, in_one(work), fanned_out(work, size))


def test_what_is_left_for_others_tells_nobody_of_anybody_and_is_gone_at_the_end(work: FanOut) -> None:
    fanned_out(work, 1_000)
    assert list(work.store.list(f"full/{work.full.id}/strip-")) == []
    id_ = work.begin(1_000)
    for number in range(work.parts_to_read_first(id_)):
        work.read_first(id_, number)
    work.gather(id_)
    for number in range(work.parts_to_strip(id_)):
        work.strip(id_, number)
    left = [item.key for item in work.store.list(f"full/{work.full.id}/strip-{id_}/")]
    assert {key.split("/")[3] for key in left} >= {"begun.sealed", "known.sealed", "first-00000.sealed"}
    for key in left:
        data = b"".join(work.store.read(key))
        assert [planted for planted in ("Zebedee", "Quillfeather", "bigcorp") if planted.encode() in data] == []


def test_who_may_not_delete_leaves_it_to_who_sweeps(work: FanOut, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: LocalStore, keys: Iterable[str]) -> None:
        raise StoreRefused("Not yours.")

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "delete", refuse)
        draft = fanned_out(work, 1_000)
    assert draft.proof is not None
    assert draft.proof.passed
    beside = f"full/{work.full.id}/strip-"
    left = {item.key.split("/")[2] for item in work.store.list(beside)}
    assert left == {f"strip-{draft.id}"}


def test_a_worker_with_other_rules_or_another_key_is_refused(work: FanOut, tmp_path: Path) -> None:
    id_ = work.begin(1_000)
    others = written_rules(tmp_path, RULES.replace("email: email", "email: hash"))
    with pytest.raises(SettingsError, match="begun with other rules"):
        FanOut(work.full, work.store, others, KEY).strip(id_, 0)
    with pytest.raises(SnapshotDamaged, match="the same ETNA_MASKING_KEY"):
        FanOut(work.full, work.store, work.rules, bytes(32)).strip(id_, 0)


def test_a_worker_of_another_version_is_refused(work: FanOut, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = work.begin(1_000)
    monkeypatch.setattr(fan_out, "version", lambda name: "0.1" if name == "isal" else version(name))
    with pytest.raises(SettingsError, match="another version of etna-pipelines, isal, polars"):
        work.strip(id_, 0)


def test_a_part_that_comes_too_late_changes_nothing_of_what_is_published(
    work: FanOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = work.begin(1 << 30)
    work.read_first(id_, 0)
    work.gather(id_)
    late = work._begun(id_)
    work.strip(id_, 0)
    work.assemble(id_)
    work.prove(id_, 0)
    catalogue = Catalogue(work.store, b"s" * 32)
    published = catalogue.publish(work.conclude(id_))

    # It read what it needs before that was cleared, and compresses otherwise.
    monkeypatch.setattr(FanOut, "_begun", lambda self, id_: late)
    monkeypatch.setattr(archive, "compress", lambda data: gzip.compress(data, 1, mtime=0))
    with pytest.raises(StoreRefused, match="published already"):
        work.strip(id_, 0)
    catalogue.read_back(published)


def test_nobody_reads_the_key_where_work_is_printed(work: FanOut) -> None:
    assert repr(KEY) not in repr(work)


def test_rules_that_do_not_fit_leave_nothing(work: FanOut, tmp_path: Path) -> None:
    before = list(work.store.list(""))
    lacking = written_rules(tmp_path, RULES.replace("keep: [body]", "keep: []"))
    with pytest.raises(RulesError, match=r"untouched\.body"):
        FanOut(work.full, work.store, lacking, KEY).begin(1_000)
    assert list(work.store.list("")) == before


def test_an_original_that_is_still_there_is_found_in_whichever_part(store: LocalStore, rules: Rules) -> None:
    full = contents("by Zebedee Quillfeatheraa").stored(store)
    work = FanOut(sliced(store, full, 10, 3), store, rules, KEY)
    one, proof = in_one(work)
    parted = fanned_out(work, 400)
    assert_same(work, (one, proof), parted)
    assert [(found.table, found.column, found.count) for found in proof.findings] == [("public.untouched", "body", 100)]


def test_a_damaged_slice_is_refused_by_the_part_that_reads_it(work: FanOut) -> None:
    [file] = [file for file in work.full.files if file.table == "public.person"]
    key = work.full.archive_key(file.name)
    data = b"".join(work.store.read(key))
    raw = b"".join(archive.decompress([data[: file.members[0]]]))
    changed = archive.compress(raw.replace(b"Zebedee", b"Zebedef", 1))
    whole = changed + data[file.members[0] :]
    # Appended, cut, another byte, and another value in a member that is sound itself.
    for damaged in (data + b"x", data[:-4], bytes([*data[:-9], data[-9] ^ 1, *data[-8:]]), whole):
        work.store.put(key, [damaged])
        id_ = work.begin(1)
        with pytest.raises(EtnaError, match=r"not what was|fewer than were|3.dat.gz|public.person"):
            for number in range(work.parts_to_read_first(id_)):
                work.read_first(id_, number)


@pytest.mark.parametrize("name", ["known", "stripped-00000", "piece-1.dat.gz-000000"])
def test_what_was_altered_between_two_steps_is_refused(work: FanOut, name: str) -> None:
    id_ = work.begin(1)
    for number in range(work.parts_to_read_first(id_)):
        work.read_first(id_, number)
    work.gather(id_)
    for number in range(work.parts_to_strip(id_)):
        work.strip(id_, number)
    prefix = f"full/{work.full.id}/strip-{id_}/{name}"
    [item] = work.store.list(prefix)
    data = b"".join(work.store.read(item.key))
    for damaged in (bytes([*data[:40], data[40] ^ 1, *data[41:]]), data[:20], b""):
        work.store.put(item.key, [damaged])
        with pytest.raises(SnapshotDamaged):
            work.strip(id_, 0) if name == "known" else work.assemble(id_)
