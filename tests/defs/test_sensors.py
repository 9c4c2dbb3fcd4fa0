"""Which runs the sensors ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.defs import sensors
from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.resources import Etna

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
