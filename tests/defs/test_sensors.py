"""Which runs the sensors ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from etna_pipelines.defs import sensors
from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.resources import Etna
from etna_pipelines.environments import reconcile
from etna_pipelines.environments.history import Serving, mark, record
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import Kind
from tests.defs.conftest import push
from tests.github_server import TOKEN, GitHubServer

NO_GRACE = "test: {removal: {grace: 0}}\n"


@dataclass
class Daemon:
    """Ticks of the sensor, with the partitions that it asks for made; the registry is a directory, as in the demo."""

    registry: Path
    instance: dg.DagsterInstance
    cursor: str | None = None

    def announce(self, *branches: str) -> None:
        for branch in branches:
            (self.registry / branch).parent.mkdir(parents=True, exist_ok=True)
            (self.registry / branch).touch()

    def tick(self) -> list[tuple[str | None, str | None]]:
        """The jobs and partitions of the runs that are asked for."""
        return [(run.job_name, run.partition_key) for run in self.requests()]

    def requests(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(self.instance, self.cursor, resources={"etna": Etna()})
        ticked = sensors.feature_environments(context)
        assert isinstance(ticked, dg.SensorResult)
        self.cursor = ticked.cursor
        for request in ticked.dynamic_partitions_requests or []:
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(str(FEATURES.name), request.partition_keys)
            else:
                for key in request.partition_keys:
                    self.instance.delete_dynamic_partition(str(FEATURES.name), key)
        return [*(ticked.run_requests or [])]

    def run(self, name: str) -> dg.DagsterRun:
        """A run for a partition, under way."""

        @dg.job(name="refresh_test")
        def job() -> None:
            pass

        tags = {"dagster/partition": name}
        return self.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)

    @property
    def partitions(self) -> list[str]:
        return sorted(self.instance.get_dynamic_partitions(str(FEATURES.name)))


@pytest.fixture
def daemon(fresh: Path) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(fresh / ".etna/feature_environments", instance)


def test_a_branch_gets_a_partition_and_one_run(daemon: Daemon) -> None:
    assert daemon.tick() == []

    daemon.announce("feature/login", "feature/search")
    assert daemon.tick() == [("refresh_test", "login"), ("refresh_test", "search")]
    assert daemon.partitions == ["login", "search"]
    assert daemon.tick() == []


def test_a_daemon_that_forgot_asks_for_the_same_runs_again(daemon: Daemon) -> None:
    """Dagster starts no run whose key it has had."""
    daemon.announce("feature/login", "feature/search")
    asked = [request.run_key for request in daemon.requests()]

    daemon.cursor = None
    assert [request.run_key for request in daemon.requests()] == asked
    assert len({*asked}) == 2


def test_one_whose_run_failed_gets_another_one(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "FIRST_PAUSE", timedelta())
    daemon.announce("feature/killed", "feature/login", "feature/stopped", "feature/works")
    first = {request.partition_key: request.run_key for request in daemon.requests()}
    daemon.instance.report_run_failed(daemon.run("login"))
    daemon.instance.report_run_failed(daemon.run("killed"))
    daemon.run("killed")  # its retry, by Dagster itself
    daemon.instance.report_run_canceled(daemon.run("stopped"))
    daemon.run("works")

    again = {request.partition_key: request.run_key for request in daemon.requests()}

    assert again == {name: f"{first[name]}/try-1" for name in ("login", "stopped")}
    for name in again:
        daemon.run(name or "")
    assert daemon.requests() == []


def test_a_branch_that_goes_is_removed_once_and_then_its_partition(daemon: Daemon) -> None:
    Path("environments.yaml").write_text(NO_GRACE)
    daemon.announce("feature/login", "feature/search")
    daemon.tick()

    (daemon.registry / "feature/login").unlink()
    asked = daemon.tick()
    (daemon.registry / "feature/search").unlink()

    assert asked == [("remove_test", "login")]
    assert daemon.partitions == ["login", "search"]
    assert daemon.tick() == [("remove_test", "search")]
    assert daemon.tick() == []


def test_partitions_of_nobodys_environments_go(daemon: Daemon) -> None:
    """Those that `etna test remove` took away, or that a person made in the UI."""
    daemon.announce("feature/login")
    daemon.instance.add_dynamic_partitions(str(FEATURES.name), ["made-by-hand"])

    daemon.tick()

    assert daemon.partitions == ["login"]


def test_a_registry_that_is_away_changes_nothing(daemon: Daemon) -> None:
    daemon.announce("feature/login")
    daemon.tick()
    daemon.registry.rename(daemon.registry.with_name("unmounted"))

    with pytest.raises(dg.Failure, match="feature_environments, where feature environments are listed, is not there"):
        daemon.tick()
    assert daemon.partitions == ["login"]


def test_without_test_nothing_is_asked_for(fresh: Path) -> None:
    Path("environments.yaml").write_text("production: {database: postgresql://etna@127.0.0.1:1/etna}\n")

    with dg.DagsterInstance.ephemeral() as instance:
        skipped = sensors.feature_environments(dg.build_sensor_context(instance, resources={"etna": Etna()}))

    assert isinstance(skipped, dg.SkipReason)
    assert not Path(".etna").exists()


@pytest.fixture
def github(github_server: GitHubServer, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> GitHubServer:
    """The application's repository, as environments.yaml names it."""
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    spec = github_server.spec
    (fresh / "environments.yaml").write_text(f"github: {{repository: {spec.repository}, api_url: '{spec.api_url}'}}\n")
    return github_server


@pytest.mark.parametrize(
    ("does", "job", "config"),
    [
        ("redeploy", "redeploy_staging", {"ops": {"redeploy_at": {"config": {"version": "26.11.24.2"}}}}),
        ("refresh", "refresh_staging", {"ops": {"staging_database": {"config": {"version": "26.11.24.2"}}}}),
    ],
)
def test_a_release_that_is_published_is_for_staging(
    github: GitHubServer, does: str, job: str, config: dict[str, object]
) -> None:
    with Path("environments.yaml").open("a") as settings:
        settings.write(f"staging: {{release: {does}, redeploy: {{command: [deploy]}}}}\n")
    record(load().open_store(), push("staging"))
    github.add_release("v26.11.23.1")

    before = _look_for_releases(None)
    assert (before.run_requests, before.cursor) == ([], "26.11.23.1")  # it was there before anybody looked

    github.add_release("v26.11.24.1")
    github.add_release("v26.11.24.2")
    after = _look_for_releases(before.cursor)
    [run] = after.run_requests or []
    assert (run.job_name, run.run_config) == (job, config)
    assert (run.run_key or "").startswith(
        f"26.11.24.2@{datetime.now(UTC):%Y-%m-%d}"
    )  # again every hour, until it is done
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED))
        assert not _look_for_releases(after.cursor, instance).run_requests


def test_the_very_first_release_counts_unless_releases_start_nothing(github: GitHubServer) -> None:
    before, settings = _look_for_releases(None), Path("environments.yaml")
    github.add_release("v26.11.23.1")
    plain = settings.read_text()

    settings.write_text(f"{plain}staging: {{release: refresh}}\n")
    assert len(_look_for_releases(before.cursor).run_requests or []) == 1

    settings.write_text(f"{plain}staging: {{release: nothing}}\n")
    assert not _look_for_releases(before.cursor).run_requests


def test_staging_is_replaced_when_its_days_are_over(
    fresh: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_STAGING_PASSWORD", database.password or "")
    Path("environments.yaml").write_text(f"staging: {{database: '{database.url}', expires_after: 3}}\n")

    def holds(days: int, kind: Kind) -> dg.RunRequest | dg.SkipReason:
        taken = datetime.now(UTC) - timedelta(days=days)
        content = Serving(push="p1", snapshot=f"{taken:%Y%m%dT%H%M%S%f}Z-1a2b3c", kind=kind, rules=None, pushed=taken)
        with database.connect() as connection:
            mark(connection, database.name, content)
        ticked = sensors.staging_expiry(dg.build_sensor_context(resources={"etna": Etna()}))
        assert isinstance(ticked, dg.RunRequest | dg.SkipReason)
        return ticked

    assert isinstance(holds(2, "full"), dg.SkipReason)
    assert isinstance(holds(4, "stripped"), dg.SkipReason)
    expired = holds(4, "full")
    assert isinstance(expired, dg.RunRequest)
    assert expired.run_key == f"{database.name}@{datetime.now(UTC):%Y-%m-%d}"  # one run a day until it is done


def _look_for_releases(cursor: str | None, instance: dg.DagsterInstance | None = None) -> dg.SensorResult:
    with dg.DagsterInstance.ephemeral() as fresh:
        context = dg.build_sensor_context(instance or fresh, cursor=cursor, resources={"etna": Etna()})
        ticked = sensors.published_releases(context)
    assert isinstance(ticked, dg.SensorResult)
    return ticked
