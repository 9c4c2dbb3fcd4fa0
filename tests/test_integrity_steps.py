"""What keeps snapshots reliable, as the steps, the commands and the job of each week do it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.errors import StoreError, VerificationFailed
from etna_pipelines.integrity_steps import IntegritySteps, refuse_unsound
from etna_pipelines.keys import key_id
from etna_pipelines.settings import Settings, load
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.integrity import damaged, verified
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.snapshots.rereading import Reread, Stored
from etna_pipelines.stores.local import LocalStore
from tests.commands import Etna
from tests.snapshots.samples import PASSED, draft, stored

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
IDS = [f"202611{day}T020000000000Z-aaaaaa" for day in (20, 21, 22)]


@pytest.fixture
def settings(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a store in which all is signed by the old key."""
    (fresh / "environments.yaml").write_text("store: store\nintegrity: {weeks: 1}\n")
    monkeypatch.setenv("ETNA_SIGNING_KEY", OLD.hex())
    return load()


@pytest.fixture
def store(settings: Settings) -> LocalStore:
    store = settings.open_store()
    assert isinstance(store, LocalStore)
    return store


@pytest.fixture
def nights(store: LocalStore) -> list[Manifest]:
    """Two full snapshots, and a stripped one."""
    catalogue = Catalogue(store, OLD)
    kinds = [draft(IDS[0]), draft(IDS[1]), draft(IDS[2], "stripped", PASSED)]
    return [catalogue.publish(stored(store, each)) for each in kinds]


def spoil(store: LocalStore, manifest: Manifest) -> None:
    store.put(manifest.archive_key("3.dat.gz"), [b"r0ws"])


def steps(settings: Settings) -> IntegritySteps:
    return IntegritySteps(settings, settings.open_store())


# Reading again


def test_verify_says_what_a_snapshot_is(nights: list[Manifest], store: LocalStore, etna: Etna) -> None:
    good = etna("verify", IDS[2])
    assert good.code == 0
    assert good.out.endswith(f"\nstripped snapshot {IDS[2]} is what was published, 12 bytes.\n")

    spoil(store, nights[0])
    bad = etna("verify", IDS[0])
    assert (bad.code, "what was published" in bad.out) == (1, False)
    assert f"{IDS[0]}/archive/3.dat.gz is not what was published" in bad.err
    assert (set(verified(store)), set(damaged(store))) == ({IDS[2]}, {IDS[0]})

    missing = etna("verify", "20260101T000000000000Z-aaaaaa")
    assert "has no snapshot 20260101T000000000000Z-aaaaaa: `etna snapshots` lists" in missing.err


def test_verify_without_an_id_reads_this_weeks_share(nights: list[Manifest], store: LocalStore, etna: Etna) -> None:
    spoil(store, nights[1])

    ended = etna("verify")

    assert ended.code == 1
    assert [line for line in ended.out.splitlines() if "what was published" in line] == [
        f"{each.kind} snapshot {each.id} is what was published." for each in (nights[0], nights[2])
    ]
    assert ended.err.startswith("1 of the 3 snapshots that were read again can't be relied on: ")
    assert f"{IDS[1]}/archive/3.dat.gz is not what" in ended.err


def test_the_job_fails_by_name_after_it_has_read_the_rest(nights: list[Manifest], store: LocalStore) -> None:
    from etna_pipelines.definitions import defs

    job = defs().resolve_job_def("verify_store")
    assert job.execute_in_process(raise_on_error=False).success
    assert set(verified(store)) == set(IDS)

    for manifest in nights:
        store.delete([item.key for item in store.list(f"{manifest.kind}/marks/")])
    spoil(store, nights[0])
    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told and f"{IDS[0]}/archive/3.dat.gz is not what was published" in (told.description or "")
    assert set(verified(store)) == {IDS[1], IDS[2]}


def test_the_job_starts_on_sundays_at_four_in_london() -> None:
    from etna_pipelines.definitions import defs

    schedule = defs().resolve_schedule_def("verify_store_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * 0", "Europe/London")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_where_only_the_store_fails_trying_again_helps() -> None:
    failed = Reread(Stored("full", IDS[0], 1), StoreError("The store hung up."))
    with pytest.raises(StoreError, match="hung up"):
        refuse_unsound([failed, Reread(Stored("full", IDS[1], 1))])
    with pytest.raises(VerificationFailed, match=r"^2 of the 2 snapshots"):
        refuse_unsound([failed, Reread(Stored("full", IDS[1], 1), VerificationFailed("It is cut."))])


# Another key


def rotate(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ETNA_SIGNING_KEY", NEW.hex())
    monkeypatch.setenv("ETNA_OLD_SIGNING_KEYS", f"2025:{OLD.hex()}")
    return load()


def test_an_old_key_can_be_retired(
    nights: list[Manifest], store: LocalStore, etna: Etna, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate(monkeypatch)
    before = {item.key: b"".join(store.read(item.key)) for item in store.list("")}

    ended = etna("resign")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"3 snapshots were signed anew; the key {key_id(NEW)} has signed all that are listed.\n"
        f"Take {key_id(OLD)} out of ETNA_OLD_SIGNING_KEYS wherever it is set.\n"
    )
    monkeypatch.delenv("ETNA_OLD_SIGNING_KEYS")
    signed = {"signed_by": key_id(NEW)}
    assert [each.model_copy(update={"hmac": ""}) for each in steps(load()).catalogue.list()] == [
        each.model_copy(update={"hmac": "", **signed}) for each in nights
    ]
    after = {item.key: b"".join(store.read(item.key)) for item in store.list("")}
    assert {key for key in after if after[key] != before.get(key)} == {
        f"{each.prefix}/manifest.json" for each in nights
    }
    assert etna("resign").out.startswith("0 snapshots were signed anew")


def test_interrupted_it_loses_nothing_and_goes_on(
    nights: list[Manifest], store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = rotate(monkeypatch)

    class Dying(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            def dies() -> Iterator[bytes]:
                yield b"".join(chunks)[:100]
                raise KeyboardInterrupt

            return super().put(key, dies() if IDS[1] in key else chunks)

    with pytest.raises(KeyboardInterrupt):
        IntegritySteps(settings, Dying(Path(store.location()))).resign()

    found = steps(settings).catalogue.list()
    assert [each.signed_by for each in found] == [key_id(NEW), key_id(OLD), key_id(OLD)]
    assert steps(settings).resign() == IDS[1:]
    assert [each.id for each in Catalogue(store, NEW).list()] == IDS


def test_what_cant_be_authenticated_is_never_signed(
    nights: list[Manifest], store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = rotate(monkeypatch)
    key = f"{nights[0].prefix}/manifest.json"
    forged = b"".join(store.read(key)).replace(b'"rows": 2', b'"rows": 3')
    store.put(key, [forged])

    with pytest.raises(VerificationFailed, match=f"^1 of 3 manifests were not signed: .*{IDS[0]}.* was changed after"):
        steps(settings).resign()

    assert b"".join(store.read(key)) == forged
    assert [steps(settings).catalogue.read(each.kind, each.id).signed_by for each in nights[1:]] == [key_id(NEW)] * 2


def test_what_is_retired_is_left_alone_and_keeps_its_key(
    nights: list[Manifest], store: LocalStore, etna: Etna, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest may be deleted at any moment, and must not come back; without its key it never would be."""
    Catalogue(store, OLD).retire("full", IDS[0])
    rotate(monkeypatch)

    ended = etna("resign")

    assert ended.out.startswith("2 snapshots were signed anew")
    assert f"Leave {key_id(OLD)} in ETNA_OLD_SIGNING_KEYS: 1 that are retired, or not published yet, were" in ended.out
    Catalogue(store, NEW).delete("full", IDS[0])
    assert f"Take {key_id(OLD)} out of ETNA_OLD_SIGNING_KEYS" in etna("resign").out


def test_a_draft_that_an_old_key_signed_keeps_it(
    nights: list[Manifest], store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = draft("20261123T020000000000Z-aaaaaa")
    Catalogue(store, OLD).save_draft(stored(store, made))
    rotated = steps(rotate(monkeypatch))
    assert rotated.resign() == IDS
    assert rotated.of_old_keys() == [made.id]
