"""Which runs end because their process is gone."""

import json
import multiprocessing
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from etna_pipelines.defs import lost_runs
from etna_pipelines.defs.resources import Etna
from etna_pipelines.defs.sensors import SENSORS

STARTED, FAILURE = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE
SOCKET = {"host": "localhost", "socket": "/tmp/code-server"}  # noqa: S108
ELSEWHERE = {"host": "code-server.internal", "port": 4000}


@dg.job(tags={"dagster/max_retries": "2"})
def job() -> None:
    pass


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """With the launcher of a deployment that says nothing of launchers."""
    monkeypatch.setattr(lost_runs, "PATIENCE", 0)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\nrun_retries: {enabled: true}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as history:
        yield history


@pytest.fixture
def living() -> Iterator[int]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def dead() -> int:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        process.kill()
    return process.pid


@pytest.fixture
def zombie() -> Iterator[int]:
    with subprocess.Popen(["/bin/true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


def test_runs_whose_process_is_gone_fail_and_are_retried(
    history: dg.DagsterInstance, living: int, dead: int, zombie: int
) -> None:
    addresses = ({"host": host, "port": 4000} for host in ("127.0.0.1", socket.gethostname()))
    lost = [_run(history, dead, SOCKET), *(_run(history, zombie, address) for address in addresses)]
    lost.append(_run(history, dead, None, tags={lost_runs.HOST: socket.gethostname()}))
    left = [_run(history, living, SOCKET), _run(history, dead, None), _run(history, dead, ELSEWHERE)]
    left.append(_run(history, dead, None, tags={lost_runs.HOST: "code-server.internal"}))

    said = _tick(history)

    assert [_status(history, run) for run in lost] == [FAILURE] * 4
    assert [_status(history, run) for run in left] == [STARTED] * 4
    assert all(run in said for run in lost)
    for run in lost:
        failed = history.all_logs(run, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert [entry.get_dagster_event().message for entry in failed] == [lost_runs.GONE]
        assert _run_of(history, run).tags["dagster/will_retry"] == "true"
    assert _tick(history) == "No run is lost."


def test_another_process_under_the_same_number_is_not_the_runs(history: dg.DagsterInstance, living: int) -> None:
    run = _run(history, living, SOCKET, started=time.time() - 3600)

    _tick(history)

    assert _status(history, run) == FAILURE


def test_a_clock_that_was_set_forward_loses_no_run(history: dg.DagsterInstance) -> None:
    """Its process then seems to have begun after it. It is spawned as a code server does it."""
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=[60])
    process.start()
    assert process.pid
    run = _run(history, process.pid, SOCKET, started=time.time() - 7200)

    _tick(history)
    assert _status(history, run) == STARTED
    process.kill()
    process.join()
    _tick(history)
    assert _status(history, run) == FAILURE


def test_a_run_is_not_judged_in_its_first_minute(
    history: dg.DagsterInstance, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_runs, "PATIENCE", 60)
    young, old = _run(history, dead, SOCKET), _run(history, dead, SOCKET, started=time.time() - 61)

    _tick(history)

    assert [_status(history, run) for run in (young, old)] == [STARTED, FAILURE]


def test_it_is_one_of_the_sensors_that_are_on() -> None:
    assert lost_runs.lost_runs in SENSORS
    assert lost_runs.lost_runs.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_run_says_where_it_is_executed(history: dg.DagsterInstance) -> None:
    @dg.op
    def asks(etna: Etna) -> None:
        etna.settings()

    @dg.job
    def asking() -> None:
        asks()

    done = asking.execute_in_process(instance=history, resources={"etna": Etna()})
    assert _run_of(history, done.run_id).tags[lost_runs.HOST] == socket.gethostname()


def _run(
    history: dg.DagsterInstance,
    pid: int,
    launched_by: dict[str, object] | None,
    started: float | None = None,
    tags: dict[str, str] | None = None,
) -> str:
    """A run that began, with the events that the process of one reports."""
    tags = {".dagster/grpc_info": json.dumps(launched_by)} if launched_by else tags or {}
    run = history.create_run_for_job(job, tags={**tags, **job.tags}, status=dg.DagsterRunStatus.STARTING)
    history.report_engine_event("Launching run.", run)
    history.report_engine_event("Started process for run.", run, EngineEventData.in_process(pid))
    history.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job.name), run.run_id, timestamp=started
    )
    history.report_engine_event("Executing a step.", run, EngineEventData.in_process(os.getpid()))
    return run.run_id


def _run_of(history: dg.DagsterInstance, run: str) -> dg.DagsterRun:
    found = history.get_run_by_id(run)
    assert found
    return found


def _status(history: dg.DagsterInstance, run: str) -> dg.DagsterRunStatus:
    return _run_of(history, run).status


def _tick(history: dg.DagsterInstance) -> str:
    skipped = lost_runs.lost_runs(dg.build_sensor_context(history))
    assert isinstance(skipped, dg.SkipReason)
    return skipped.skip_message or ""
