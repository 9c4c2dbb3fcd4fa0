"""Steps of a strip that is shared out, without what executes them."""

from pathlib import Path

import pytest

from etna_pipelines.errors import EtnaError, ProofFailed, SnapshotDamaged, SnapshotMissing
from etna_pipelines.fan_out_steps import FanOutSteps
from etna_pipelines.settings import load
from etna_pipelines.snapshots.integrity import put_mark
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.archives import Contents
from tests.anonymise.nights import table


@pytest.fixture
def steps(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> FanOutSteps:
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    (fresh / "rules.yaml").write_text("tables: {t: {columns: {email: hash}}, note: {keep: [body]}}")
    (fresh / "environments.yaml").write_text("store: store\nrules: rules.yaml\n")
    settings = load()
    return FanOutSteps(settings, settings.open_store())


@pytest.fixture
def full(steps: FanOutSteps) -> Manifest:
    tables = {
        "t": (table("t", "email"), [["zebedee@bigcorp.com"]] * 3),
        "note": (table("note", "body"), [["from zebedee@bigcorp.com"]]),
    }
    store = steps.store
    assert isinstance(store, LocalStore)
    return steps.catalogue.publish(Contents(tables).stored(store))


@pytest.mark.parametrize(("state", "error"), [("damaged", SnapshotDamaged), ("retired", SnapshotMissing)])
def test_what_is_damaged_or_retired_is_not_stripped(
    steps: FanOutSteps, full: Manifest, state: str, error: type[EtnaError]
) -> None:
    put_mark(steps.store, "full", full.id, state, "1.dat.gz is missing.")
    with pytest.raises(error, match=state):
        steps.begin(full.id)
    assert [*steps.store.list("stripped/")] == []


def test_a_failed_proof_is_told_and_cleared_away_without_the_full_snapshot_and_the_rules(
    steps: FanOutSteps, full: Manifest, fresh: Path
) -> None:
    strip, first = steps.begin(full.id)
    for part in first:
        steps.read_first(part)
    for part in steps.gather(strip):
        steps.strip_part(part)
    for part in steps.assemble(strip):
        steps.prove_part(part)
    proof = steps.conclude(strip).proof
    assert proof is not None
    assert not proof.passed
    steps.store.delete([f"{full.prefix}/manifest.json"])
    (fresh / "rules.yaml").unlink()
    with pytest.raises(ProofFailed):
        steps.publish_draft(strip)
    assert [item.key for item in steps.store.list("") if "strip" in item.key] == []
