"""`dagster dev` in a checkout that had its nights, looked at with the machine's own browser."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.flows.checkout import Checkout

NIGHTLY = ("production_backup", "full_snapshot", "stripped_snapshot", "development_database", "development_redeploy")
ARROWS = (
    ("production_database", "production_backup"),
    ("production_backup", "full_snapshot"),
    ("full_snapshot", "staging_database"),
    ("staging_database", "staging_redeploy"),
    ("full_snapshot", "stripped_snapshot"),
    ("stripped_snapshot", "development_database"),
    ("development_database", "development_redeploy"),
    ("stripped_snapshot", "test_template"),
    ("test_template", "test_database"),
    ("test_database", "test_redeploy"),
    ("stripped_snapshot", "local_database"),
    ("local_database", "local_redeploy"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60
"""Seconds that a busy machine may take."""


def branch_file(checkout: Checkout) -> Path:
    """What announces a feature environment, as long as it is there."""
    return checkout.root / ".etna/feature_environments/feature/search-page"


@pytest.fixture(scope="module")
def browser_program() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser is installed: {' or '.join(BROWSERS)}")
    return found


@pytest.fixture(scope="module")
def address(browser_program: str, seeded_checkout: Checkout, nights: object) -> Iterator[str]:
    """Where `dagster dev` answers. All of its processes are in one group, which is ended with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    branch_file(seeded_checkout).parent.mkdir(parents=True, exist_ok=True)
    branch_file(seeded_checkout).touch()
    command = [sys.executable, "-m", "dagster", "dev", "--host", "127.0.0.1", "--port", str(port)]
    log = seeded_checkout.root / "dagster-dev.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=seeded_checkout.root,
            env=seeded_checkout.environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it only reads; asked to end, its processes take their time
        process.wait()


@pytest.fixture(scope="module")
def page(browser_program: str, address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=ARGUMENTS)
        page = browser.new_page(base_url=address, viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        expect.set_options(timeout=PATIENCE * 1000)
        yield page
        browser.close()


def test_the_graph_is_the_way_of_the_data(page: Page) -> None:
    page.goto("/asset-groups")

    boxes = page.locator("foreignObject")
    expect(boxes).to_have_count(len(ARROWS) + 1)
    shown = boxes.evaluate_all("boxes => boxes.map(box => [box.textContent, box.getBoundingClientRect().x])")

    def place(asset: str) -> float:
        """How far to the right its box is, whose middle may be left out of the name."""
        [x] = [x for text, x in shown if asset.startswith(text.split("…")[0]) and asset.endswith(text.split("…")[-1])]
        return float(x)

    assert [(before, after) for before, after in ARROWS if place(before) >= place(after)] == []


def test_the_nightly_schedule_is_on(page: Page) -> None:
    page.goto("/automation")

    expect(page.get_by_text("nightly_schedule")).to_be_visible()
    expect(page.get_by_text("At 02:00 AM")).to_be_visible()


TICKS = """
    query Ticks($eve: Float!) {
      scheduleOrError(
        scheduleSelector: {
          repositoryName: "__repository__", repositoryLocationName: "etna_pipelines", scheduleName: "nightly_schedule"
        }
      ) { ... on Schedule { scheduleState { status } futureTicks(cursor: $eve, limit: 3) { results { timestamp } } } }
    }"""


@pytest.mark.parametrize(
    ("eve", "ticks"),
    [
        (datetime(2026, 3, 27, 12, tzinfo=UTC), ["28T02:00", "29T01:00", "30T01:00"]),
        (datetime(2026, 10, 23, 12, tzinfo=UTC), ["24T01:00", "25T02:00", "26T02:00"]),
    ],
)
def test_two_in_london_is_once_a_night_when_the_clocks_change(page: Page, eve: datetime, ticks: list[str]) -> None:
    answer = page.request.post("/graphql", data={"query": TICKS, "variables": {"eve": eve.timestamp()}})

    schedule = answer.json()["data"]["scheduleOrError"]
    found = [datetime.fromtimestamp(tick["timestamp"], UTC) for tick in schedule["futureTicks"]["results"]]
    assert schedule["scheduleState"]["status"] == "RUNNING"
    assert [f"{tick:%dT%H:%M}" for tick in found] == ticks


def test_the_finished_run_is_there(page: Page, demo_checkout: Checkout) -> None:
    with demo_checkout.history() as history:
        first = history.get_runs(filters=dg.RunsFilter(job_name="nightly"), ascending=True)[0]
    page.goto("/runs")

    row = page.locator("tr, [role=row], div").filter(has_text=first.run_id[:8]).filter(has_text="Success").last
    expect(row).to_be_visible()
    page.goto(f"/runs/{first.run_id}")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    for asset in NIGHTLY:
        expect(page.get_by_text(asset).first).to_be_visible()


def test_a_materialisation_tells_what_it_made(page: Page, demo_checkout: Checkout) -> None:
    with demo_checkout.history() as history:
        newest = history.get_latest_materialization_event(dg.AssetKey("stripped_snapshot"))
    assert newest is not None
    assert newest.asset_materialization is not None
    metadata = newest.asset_materialization.metadata
    page.goto("/assets/stripped_snapshot?view=overview")

    expect(page.get_by_text(str(metadata["snapshot"].value), exact=True).first).to_be_visible()
    tables = metadata["tables"]
    assert isinstance(tables, dg.TableMetadataValue)
    [users] = [record.data for record in tables.records if record.data["table"] == "public.auth_user"]
    row = page.get_by_role("row").filter(has=page.get_by_text("public.auth_user", exact=True)).last
    expect(row).to_contain_text(f"{users['rows']}{users['bytes']}{users['masked values']}")
    page.goto("/assets/stripped_snapshot?view=checks")
    expect(page.get_by_text("proof").first).to_be_visible()


def test_the_page_on_a_snapshot_needs_nothing_besides_itself(page: Page, demo_checkout: Checkout) -> None:
    stripped = demo_checkout.catalogue.newest("stripped")
    assert stripped and stripped.proof
    told: list[str] = []
    assert page.context.browser
    tab = page.context.browser.new_page()
    tab.on("console", lambda message: told.append(message.text))
    tab.on("requestfailed", lambda request: told.append(request.url))
    tab.goto((demo_checkout.root / f".etna/reports/{stripped.id}.html").as_uri())

    expect(tab.get_by_role("heading", level=1)).to_have_text(f"What is in stripped snapshot {stripped.id}")
    expect(tab.locator(".verdict")).to_contain_text(f"none of {stripped.proof.originals:,} originals was found")
    expect(tab.get_by_text(f"{sum(each.values for each in stripped.masked):,} values in")).to_be_visible()
    widths = tab.locator("#masked .track span").evaluate_all("bars => bars.map(bar => bar.offsetWidth)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 100
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.close()
    assert told == []


def test_a_branch_gets_a_database_and_loses_it(page: Page, demo_checkout: Checkout) -> None:
    """By the sensor: the branch was there before the daemon."""
    name = "test_search_page"
    made = _wait_for_run(demo_checkout, "refresh_test")
    assert demo_checkout.serving(name) == demo_checkout.catalogue.ids("stripped")[-1]
    page.goto("/assets/test_database?view=partitions")
    expect(page.get_by_text("search-page", exact=True).first).to_be_visible()
    page.goto(f"/runs/{made.run_id}")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    for step in ("preflight", "restore", "verify", "fix_ups", "swap"):
        expect(page.get_by_text(f"test_database.{step}").first).to_be_visible()

    with _changed(demo_checkout.root / "environments.yaml", "\ntest:\n", "\ntest:\n  removal: {grace: 0}\n"):
        branch_file(demo_checkout).unlink()
        _wait_for_run(demo_checkout, "remove_test")

    with demo_checkout.database("production").connect() as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [name]).fetchall()
    with demo_checkout.history() as history:
        assert (left, history.get_dynamic_partitions("feature_environments")) == ([], [])
        runs = history.get_runs(filters=dg.RunsFilter(tags={"dagster/partition": "search-page"}))
    assert sorted(run.job_name for run in runs) == ["refresh_test", "remove_test"]


@contextlib.contextmanager
def _changed(file: Path, old: str, new: str) -> Iterator[None]:
    before = file.read_text()
    file.write_text(before.replace(old, new))
    yield
    file.write_text(before)


def _wait_for_run(checkout: Checkout, job: str) -> dg.DagsterRun:
    """Until the sensor's run of a job has ended, and well."""
    deadline = time.monotonic() + 3 * PATIENCE
    sought = dg.RunsFilter(job_name=job, tags={"dagster/sensor_name": "feature_environments"})
    with checkout.history() as history:
        while not (runs := history.get_runs(filters=sought)) or not runs[0].is_finished:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert runs[0].status == dg.DagsterRunStatus.SUCCESS
    return runs[0]


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/server_info")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    pytest.fail(f"dagster dev did not answer:\n{log.read_text()}")
