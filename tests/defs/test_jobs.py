"""The jobs: what is in them, when they start, and which of them waits for which."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from etna_pipelines.definitions import defs
from etna_pipelines.defs.jobs import TOO_LATE, configured_nightly, nightly_schedule
from etna_pipelines.errors import SettingsError
from etna_pipelines.nightly_spec import NightlySpec
from etna_pipelines.settings import load


def test_nightly_runs_everything_from_backup_to_redeploy() -> None:
    job = defs().resolve_job_def("nightly")

    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "production_backup",
        "full_snapshot",
        "stripped_snapshot",
        "development_database",
        "development_redeploy",
        "test_template",
    }


def test_it_is_scheduled_for_two_in_london_and_on_from_the_start() -> None:
    schedule = nightly_schedule(NightlySpec())

    assert (schedule.name, schedule.cron_schedule) == ("nightly_schedule", "0 2 * * *")
    assert schedule.execution_timezone == "Europe/London"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "nightly"


def test_environments_yaml_says_when_else(fresh: Path) -> None:
    (fresh / "environments.yaml").write_text('nightly: {at: "23:05", timezone: Europe/Berlin}\n')
    [schedule] = [each for each in defs().schedules or [] if each.name == "nightly_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("5 23 * * *", "Europe/Berlin")

    for wrong in ('{at: "24:00"}', "{at: 2}", "{timezone: Europe/Atlantis}"):
        (fresh / "environments.yaml").write_text(f"nightly: {wrong}\n")
        assert configured_nightly() == NightlySpec()
        with pytest.raises(SettingsError, match="`nightly"):
            load()


def test_feature_environments_whose_server_sleeps_do_not_hold_up_the_night(fresh: Path) -> None:
    """By the queue as dagster.yaml sets it up, in which the night came last."""
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", fresh)
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("etna_pipelines"), "__repository__")
    with dg.DagsterInstance.from_config(str(fresh)) as instance:
        for number, name in enumerate(("remove_test", *["refresh_test"] * 4, "nightly")):
            tags = {} if name == "nightly" else {"dagster/partition": f"branch-{number}"}
            instance.add_run(
                dg.DagsterRun(
                    job_name=name,
                    status=dg.DagsterRunStatus.QUEUED,
                    tags={**defs().resolve_job_def(name).run_tags, **tags},
                    remote_job_origin=RemoteJobOrigin(origin, name),
                )
            )
        queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
        started = queue._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)

    assert [run.job_name for run in started] == ["nightly", "remove_test", "refresh_test", "refresh_test"]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=20), TOO_LATE - timedelta(minutes=1)])
def test_a_tick_that_is_in_time_starts_a_run(late: timedelta) -> None:
    assert isinstance(_tick(late), dg.RunRequest)


@pytest.mark.parametrize(("late", "hours"), [(TOO_LATE + timedelta(minutes=1), 4), (timedelta(hours=7), 7)])
def test_a_tick_that_was_missed_by_hours_is_skipped_and_says_so(late: timedelta, hours: int) -> None:
    skipped = _tick(late)

    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == f"02:00 was {hours} hours ago: start `nightly` by hand."


def _tick(late: timedelta) -> object:
    with dg.build_schedule_context(scheduled_execution_time=datetime.now(UTC) - late) as context:
        return nightly_schedule(NightlySpec())(context)
