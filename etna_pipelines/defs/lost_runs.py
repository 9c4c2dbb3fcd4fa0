"""Runs whose process died together with the code server that would have noticed."""

import json
import os
import socket
import time

import dagster as dg

HERE = {"localhost", "127.0.0.1", "::1"}
PATIENCE = 60
"""Seconds from a run's start. A code server that lives notices sooner, and knows more of how the process ended."""
INACCURACY = 2
"""Seconds by which a process may seem to have begun later than it did: the time of the boot is known to a second."""
SPAWNED = ("multiprocessing", "dagster", "etna")
"""In the command line of every process of a run: Dagster's code server spawns them by Python's module of the first
name; people start them by the others."""
HOST = "etna/host"
"""The tag of a run that names the machine which executes it."""

GONE = (
    "The process of this run is gone, as after a loss of power. Runs of feature environments get another one by"
    " themselves; start any other one again, or leave it to its next schedule."
)


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def lost_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Runs that stay `STARTED` for ever, as no process of theirs is left, end as failed; dagster.yaml says what then.

    Dagster's own monitoring asks the launcher, and the default one can't tell. Runs of other machines are left alone;
    so are those that are being cancelled: Dagster ends them after three minutes."""
    instance = context.instance
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return dg.SkipReason("This launcher sees to its runs itself.")
    started = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    gone = [record.dagster_run.run_id for record in started if _is_gone(instance, record)]
    # Asked once more: a process that ended well between the two questions had said so before it ended.
    lost = [run for run in map(instance.get_run_by_id, gone) if run and run.status == dg.DagsterRunStatus.STARTED]
    for run in lost:
        instance.report_run_failed(run, GONE)
    return dg.SkipReason(" ".join(["Lost:", *(run.run_id for run in lost)]) if lost else "No run is lost.")


def _is_gone(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    run, started = record.dagster_run, record.start_time
    if started is None or time.time() - started < PATIENCE or not _is_of_here(run):
        return False
    pid = _pid(instance, run)
    return pid is not None and not _lives(pid, started)


def note_host(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Of a run that nobody launched, such as one of `dagster job execute`: say that it is executed here, by this
    process, and not by a worker."""
    if ".dagster/grpc_info" not in run.tags and _pid(instance, run) == os.getpid():
        instance.add_run_tags(run.run_id, {HOST: socket.gethostname()})


def _is_of_here(run: dg.DagsterRun) -> bool:
    """Launched by a code server on this machine, of which the default launcher notes the address; or started here."""
    address = json.loads(run.tags.get(".dagster/grpc_info", "{}"))
    here = socket.gethostname()  # a container is addressed by its own name
    return address.get("host") in {*HERE, here} or run.tags.get(HOST) == here


def _pid(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """Of the process that executes a run: what it reports first of all. Processes of single steps come later."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        pid = entry.get_dagster_event().engine_event_data.metadata.get("pid")
        if pid:
            return int(str(pid.value))
    return None


def _lives(pid: int, started: float) -> bool:
    """Whether it does the work of a run that started then. After a reboot the number may be another process's; and once
    the clock was set forward every process seems to have begun later, so one that looks like a run's is left alone."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.create_time() < started + INACCURACY or _may_be_a_run_s(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _may_be_a_run_s(command: list[str]) -> bool:
    return any(name in word for name in SPAWNED for word in command)
