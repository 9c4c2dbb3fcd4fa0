"""Who is told of what Dagster knows, over real HTTP."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.selector import InstigatorSelector
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from etna_pipelines.definitions import defs
from etna_pipelines.defs import alerts as alerts_module
from etna_pipelines.defs.alerts import alerts
from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.lost_runs import GONE
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import RedeployFailed
from tests.alerts.receivers import SECRET, SLACK_PATH, Service
from tests.defs.conftest import Site
from tests.github_faults import broken

SETTINGS = """
alerts:
  webserver: https://dagster.example.org/
  heartbeat: {url}/ping/a-uuid
  to:
    - slack: "#etna"
    - webhook: {url}/alerts
"""


@dataclass
class Daemon:
    """Ticks of the sensor; a new one knows nothing but what Dagster's storage has kept."""

    history: dg.DagsterInstance
    service: Service

    def tick(self) -> str:
        with dg.build_sensor_context(self.history, definitions=defs(), resources={"etna": Etna()}) as context:
            skipped = alerts(context)
        assert isinstance(skipped, dg.SkipReason)
        return skipped.skip_message or ""

    def told(self) -> list[str]:
        """The titles that arrived at the webhook since it was last asked."""
        titles = self.service.titles()
        assert len(self.service.told(SLACK_PATH)) == len(titles)
        self.service.http.seen.clear()
        return titles

    def run(self, name: str, error: Exception | None = None, partition: str = "") -> str:
        """A run of a job that fails, or not; its id."""

        @dg.op(name="step")
        def step() -> None:
            if error:
                raise dg.Failure(str(error), allow_retries=False) if str(error) else error

        @dg.job(name=name)
        def job() -> None:
            step()

        tags = {"dagster/partition": partition} if partition else {}
        return job.execute_in_process(instance=self.history, raise_on_error=False, tags=tags).run_id

    def dead(self, name: str, message: str | None = None) -> str:
        """A run whose process was killed."""

        @dg.job(name=name)
        def job() -> None:
            pass

        run = self.history.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        self.history.report_run_failed(run, message)
        return run.run_id


@pytest.fixture
def daemon(fresh: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    _configure(fresh, service, monkeypatch)
    with dg.DagsterInstance.ephemeral() as history:
        yield Daemon(history, service)


def _configure(directory: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_ALERT_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("ETNA_ALERT_SLACK_URL", service.url + SLACK_PATH)
    file = directory / "environments.yaml"
    before = file.read_text() if file.exists() else ""
    file.write_text(before + SETTINGS.format(url=service.url))


def test_a_night_that_fails_is_told_once_and_so_is_the_first_good_one(
    site: Site, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure(redeploy="raise SystemExit(3)")
    _configure(site.directory, service, monkeypatch)
    daemon, nightly = Daemon(site.history, service), defs().resolve_job_def("nightly")
    failed = nightly.execute_in_process(instance=site.history, raise_on_error=False).run_id

    daemon.tick()

    [told] = service.told()
    [event] = told["events"]
    assert told["title"] == "etna: nightly failed"
    what, since, works, todo, link = event["text"].splitlines()
    assert what.startswith("development_redeploy: development was not redeployed: ")
    assert since.startswith("Since: ")
    [stripped] = [each for each in site.listed() if each.startswith("stripped/")]
    served = datetime.strptime(stripped.split("/")[1][:13], "%Y%m%dT%H%M")
    assert works.startswith(f"Still works: development serves the data of {served:%d %b %H:%M} UTC, since ")
    assert "Re-execute from failure" in todo
    assert link == f"https://dagster.example.org/runs/{failed}"
    assert daemon.told() == ["etna: nightly failed"]

    (site.directory / "rules.yaml").write_text("{tables: [}")  # the next one fails too, and sooner
    assert not nightly.execute_in_process(instance=site.history, raise_on_error=False).success
    assert daemon.tick() == "Not well, and told: nightly."
    assert daemon.told() == []

    daemon.run("nightly")
    daemon.tick()
    assert service.told("/ping/a-uuid") == [None]
    assert daemon.told() == ["etna: nightly is well again"]
    assert daemon.tick() == "All is well."
    assert service.http.seen == []


def test_a_redeploy_that_never_turned_healthy_says_so_itself(daemon: Daemon) -> None:
    why = "staging was not redeployed: https://staging.example.org does not turn healthy; run `etna rollback staging`."
    daemon.run("refresh_staging", RedeployFailed(why))

    daemon.tick()

    assert daemon.service.told()[0]["events"][0]["text"].startswith(f"step: {why}\n")


def test_what_a_fault_of_our_own_says_is_told_to_nobody(daemon: Daemon) -> None:
    """Its text may quote rows."""

    class Quoting(Exception):
        def __str__(self) -> str:
            return ""

        def __repr__(self) -> str:
            return "person7@example.org"

    daemon.run("expire_staging", Quoting())
    daemon.tick()

    [told] = daemon.service.told()
    assert told["events"][0]["text"].startswith("step: step met a fault of its own")
    assert "person7" not in json.dumps(told)


@pytest.mark.parametrize(("message", "said"), [(GONE, GONE), (None, alerts_module.KILLED)])
def test_a_run_whose_process_was_killed_is_told(daemon: Daemon, message: str | None, said: str) -> None:
    daemon.dead("nightly", message)
    daemon.tick()
    assert daemon.service.told()[0]["events"][0]["text"].startswith(said)


def test_one_that_dagster_tries_again_is_told_once_no_more_tries_are_left(daemon: Daemon) -> None:
    run = daemon.dead("expire_staging")
    daemon.history.add_run_tags(run, {"dagster/will_retry": "true"})
    daemon.tick()
    assert daemon.told() == []

    daemon.dead("expire_staging")
    daemon.tick()
    assert daemon.told() == ["etna: expire_staging failed"]


def test_a_run_that_a_person_cancelled_is_no_trouble(daemon: Daemon) -> None:
    @dg.job(name="nightly")
    def job() -> None:
        pass

    run = daemon.history.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    daemon.history.report_run_canceled(run)
    daemon.tick()
    assert daemon.told() == []


def test_a_post_that_fails_is_sent_again_by_the_next_tick_and_stops_no_other(daemon: Daemon) -> None:
    daemon.run("nightly", RedeployFailed("Why."))
    daemon.service.faults = [broken(500, on="/alerts"), broken(500, on="/alerts")]

    for _ in range(2):
        with pytest.raises(dg.Failure, match=r"^webhook 127.0.0.1:\d+, bd0d48 was not told: 127.0.0.1 answers 500"):
            daemon.tick()
    assert (len(daemon.service.told(SLACK_PATH)), daemon.service.told()) == (1, [])
    daemon.tick()
    daemon.tick()

    assert len(daemon.service.told(SLACK_PATH)) == 1
    assert daemon.service.titles() == ["etna: nightly failed"]
    assert (
        len({request.headers["idempotency-key"] for request in daemon.service.http.seen if request.path == "/alerts"})
        == 1
    )


def test_feature_environments_are_told_apart_and_go_with_their_branch(daemon: Daemon) -> None:
    daemon.history.add_dynamic_partitions(str(FEATURES.name), ["login", "search"])
    for name in ("login", "search", "login"):
        daemon.run("refresh_test", RedeployFailed("Why."), partition=name)
    daemon.tick()
    assert daemon.told() == ["etna: 2 new"]

    daemon.run("refresh_test", partition="login")
    daemon.tick()
    assert daemon.told() == ["etna: refresh_test of login is well again"]

    daemon.history.delete_dynamic_partition(str(FEATURES.name), "search")
    daemon.tick()
    assert daemon.told() == ["etna: refresh_test of search is well again"]
    daemon.tick()
    assert daemon.told() == []


def test_a_check_that_does_not_pass_is_told_and_so_is_its_end(daemon: Daemon) -> None:
    def evaluate(passed: bool, says: str, **more: Any) -> None:
        daemon.history.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                dg.AssetKey("full_snapshot"), more.pop("name", "rows"), passed, description=says, **more
            )
        )

    evaluate(False, "A table lost half of its rows.")
    evaluate(False, "Damaged.", name="integrity", blocking=True)  # the run that it failed says so
    daemon.tick()
    [told] = daemon.service.told()
    assert [event["title"] for event in told["events"]] == ["rows of full_snapshot failed"]
    assert told["events"][0]["text"].startswith("A table lost half of its rows.\nSince: ")
    assert told["events"][0]["link"] == "https://dagster.example.org/assets/full_snapshot?view=checks"
    daemon.told()

    evaluate(True, "No table lost half of its rows.")
    daemon.tick()
    assert daemon.service.told()[0]["events"][0]["text"].startswith(
        "No table lost half of its rows.\nThe trouble lasted "
    )


def test_a_heartbeat_that_did_not_arrive_is_sent_again(daemon: Daemon) -> None:
    daemon.run("nightly")
    daemon.run("refresh_staging")
    daemon.service.faults = [broken(503, on="/ping")]

    with pytest.raises(dg.Failure, match=r"^heartbeat was not told: 127.0.0.1 answers 503; [^/]*$"):
        daemon.tick()
    daemon.tick()
    daemon.tick()

    assert [request.line for request in daemon.service.http.seen] == ["GET /ping/a-uuid"] * 2


def test_a_sensor_that_goes_on_failing_is_told(daemon: Daemon, fresh: Path) -> None:
    """It starts no run that could fail: an expired token, for one."""
    (fresh / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    daemon.history = dg.DagsterInstance.from_config(str(fresh))  # one in memory has no ticks
    location = RegisteredCodeLocationOrigin("etna_pipelines")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "published_releases")
    selector = InstigatorSelector(
        location_name="etna_pipelines", repository_name="__repository__", name="published_releases"
    ).get_id()
    data = SensorInstigatorData(sensor_type=SensorType.STANDARD)
    daemon.history.add_instigator_state(
        InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, data)
    )

    def ticked(minutes_ago: int, status: TickStatus, why: str = "") -> None:
        error = SerializableErrorInfo(f"dagster.Failure: {why}\n", [], "Failure") if why else None
        data = TickData(
            origin.get_id(),
            "published_releases",
            InstigatorType.SENSOR,
            status,
            time.time() - 60 * minutes_ago,
            error=SerializableErrorInfo("At person7@example.org", [], "SensorExecutionError", error) if error else None,
            selector_id=selector,
        )
        daemon.history.create_tick(data)

    ticked(20, TickStatus.SKIPPED)
    ticked(11, TickStatus.FAILURE, "Once more.")
    ticked(1, TickStatus.FAILURE, "The token has expired.")
    ticked(0, TickStatus.STARTED)
    daemon.tick()
    [told] = daemon.service.told()
    assert told["events"][0]["title"] == "published_releases failed"
    assert told["events"][0]["text"].startswith("The token has expired.\n")
    assert "person7" not in json.dumps(told)
    daemon.told()

    ticked(0, TickStatus.SKIPPED)
    daemon.tick()
    daemon.history.dispose()
    assert daemon.told() == ["etna: published_releases is well again"]


def test_without_alerts_nothing_is_looked_at(daemon: Daemon) -> None:
    Path("environments.yaml").write_text("")
    daemon.run("nightly", RedeployFailed("Why."))
    assert daemon.tick() == "environments.yaml has no `alerts`."


def test_runs_of_picked_assets_are_named_by_them(daemon: Daemon) -> None:
    @dg.asset
    def picked() -> None:
        raise dg.Failure("Why.", allow_retries=False)

    job = dg.Definitions([picked]).resolve_implicit_global_asset_job_def()
    run = daemon.history.create_run_for_job(job, asset_selection=frozenset([picked.key]))
    daemon.history.report_run_failed(run)

    daemon.tick()

    assert daemon.told() == ["etna: picked failed"]
