"""How old what the store holds is, by the ids and manifests of snapshots that are published there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etna_pipelines.alerts.freshness import OLD, freshness
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Kind, new_id
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED, draft, stored

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(LocalStore(tmp_path), bytes(32))


def publish(catalogue: Catalogue, taken: datetime, kind: Kind = "full", parent: datetime | None = None) -> str:
    made = draft(new_id(taken), kind, None if kind == "full" else PASSED)
    if parent:
        made = made.model_copy(update={"parent": new_id(parent)})
    return catalogue.publish(stored(catalogue.store, made)).id


def test_none_at_all_is_not_fresh(catalogue: Catalogue) -> None:
    found = freshness(catalogue, "full", NOW)
    assert not found.passed
    assert found.says.endswith(" has no full snapshot that can be trusted: run the job `nightly`.")


@pytest.mark.parametrize(("age", "passed"), [(OLD, True), (OLD + timedelta(seconds=1), False)])
def test_a_snapshot_is_fresh_for_26_hours(catalogue: Catalogue, age: timedelta, passed: bool) -> None:
    publish(catalogue, NOW - 5 * OLD)
    newest = publish(catalogue, NOW - age)
    publish(catalogue, NOW, "stripped", parent=NOW)

    found = freshness(catalogue, "full", NOW)

    assert found.passed == passed
    assert found.facts["snapshot"] == newest
    assert passed or "26 h ago: find out why `nightly` has made none since" in found.says


def test_a_stripped_one_is_as_old_as_its_data(catalogue: Catalogue) -> None:
    """An old full snapshot that was stripped today is no news."""
    publish(catalogue, NOW, "stripped", parent=NOW - 30 * HOUR)
    assert "22 Nov 03:00 UTC, 30 h ago" in freshness(catalogue, "stripped", NOW).says


def test_one_that_cannot_be_trusted_does_not_count(catalogue: Catalogue) -> None:
    sound = publish(catalogue, NOW - 30 * HOUR)
    forged = publish(catalogue, NOW - HOUR)
    manifest = catalogue.store.location(f"full/{forged}/manifest.json")
    Path(manifest).write_text(Path(manifest).read_text().replace('"etna"', '"atne"'))

    found = freshness(catalogue, "full", NOW)

    assert not found.passed
    assert found.facts["snapshot"] == sound
    assert [each.id for each in catalogue.trusted("full")] == [sound]


def test_one_that_dagster_recorded_and_the_store_lost(catalogue: Catalogue) -> None:
    publish(catalogue, NOW - 2 * HOUR)
    lost = new_id(NOW - HOUR)

    found = freshness(catalogue, "full", NOW, lost)

    assert not found.passed
    assert f"Dagster recorded {lost}, and " in found.says


def test_one_that_dagster_knows_nothing_of_counts(catalogue: Catalogue) -> None:
    known = publish(catalogue, NOW - 30 * HOUR)
    publish(catalogue, NOW - HOUR)
    assert freshness(catalogue, "full", NOW, known).passed


def test_a_clock_that_is_two_hours_off_is_told(catalogue: Catalogue) -> None:
    """Else nobody would notice for two hours more that no night came."""
    publish(catalogue, NOW + 2 * HOUR)
    found = freshness(catalogue, "full", NOW)
    assert not found.passed
    assert found.says.endswith(" is 2 h ahead of this machine's clock: set the clocks by NTP.")
