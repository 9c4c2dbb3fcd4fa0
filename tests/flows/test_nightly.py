"""`dagster job execute -m etna_pipelines.definitions -j nightly`, from a terminal, after the demo's seed."""

import dagster as dg

from etna_pipelines.demo.redeploy import installed_version
from tests.flows.checkout import Checkout
from tests.flows.conftest import Night


def test_it_succeeds_by_itself_and_again(demo_checkout: Checkout) -> None:
    with demo_checkout.history() as history:
        runs = [run for run in reversed(history.get_runs()) if run.job_name == "nightly"]

    assert [run.status for run in runs[:2]] == [dg.DagsterRunStatus.SUCCESS] * 2


def test_each_adds_a_full_and_a_stripped_snapshot(nights: list[Night]) -> None:
    listed = [[line.split()[:2] for line in night.snapshots.splitlines()[1:]] for night in nights]

    assert [[kind for kind, _ in night] for night in listed] == [["full", "stripped"], ["full", "stripped"] * 2]
    assert listed[1][:2] == listed[0]
    assert all("passed" in line for night in nights for line in night.snapshots.splitlines() if "stripped" in line)


def test_development_serves_the_newest(nights: list[Night]) -> None:
    first, second = nights

    assert first.newest in first.snapshots
    assert first.serving == first.newest
    assert second.serving == second.newest != first.newest


def test_each_push_is_redeployed_exactly_once(seeded_checkout: Checkout, nights: list[Night]) -> None:
    for number, night in enumerate(nights, 1):
        assert len(night.records) == number
        last = night.records[-1]
        assert last.push.snapshot == night.newest
        assert night.released["push"] == last.push.id
        assert last.redeploy is not None
        assert (last.redeploy.succeeded, last.redeploy.version) == (True, installed_version())

    for record in nights[-1].records:  # the redeploy's program prints its version each time that it runs
        log = seeded_checkout.root / f".etna/redeploys/development-{record.push.id}.log"
        assert log.read_text().split() == [installed_version()]


def test_nothing_is_left_over(demo_checkout: Checkout) -> None:
    with demo_checkout.database("development").maintenance.connect() as connection:
        databases = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^etna_dev|_prod|_template_'")
        names = [name for (name,) in databases]
        sessions = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname ~ '^etna_'").fetchall()
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1").fetchall()

    kept = [name for name in names if name.startswith("etna_test_template_")]
    assert sorted(names) == ["etna_development", "etna_development_previous", "etna_production", *sorted(kept)]
    assert len(kept) == 2
    assert sessions == [(0,)]
    assert roles == [("etna_app",), ("postgres",)]
    assert list((demo_checkout.root / ".etna/scratch").iterdir()) == []
    assert list((demo_checkout.root / ".etna/store").rglob("draft.json")) == []
