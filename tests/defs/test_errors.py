"""What Dagster keeps of errors: their sentence, and not a word of what servers said about rows."""

from pathlib import Path

import dagster as dg
import psycopg
import pytest

from etna_pipelines.defs.errors import RETRIES, SECONDS_BETWEEN, STOPPED, canceled_if_overtaken, told, told_to_dagster
from etna_pipelines.errors import DatabaseUnreachable, EnvironmentGone, PushRefused, TargetAsleep
from etna_pipelines.postgres.server import Database

ROW = "Gwenllian Xylophonist"


def failure_of(step: dg.OpDefinition, instance: dg.DagsterInstance | None = None) -> str:
    @dg.job
    def nightly() -> None:
        step()

    result = nightly.execute_in_process(raise_on_error=False, instance=instance)
    [failed] = [event for event in result.all_events if event.is_step_failure]
    return told(failed)


def test_a_servers_detail_is_kept_nowhere(database: Database, tmp_path: Path) -> None:
    @dg.op
    def step() -> None:
        with told_to_dagster(), database.connect() as connection:
            connection.execute("CREATE TABLE person (name text CONSTRAINT short CHECK (length(name) < 9))")
            with pytest.raises(psycopg.Error, match=ROW):
                connection.execute("INSERT INTO person VALUES (%s)", [ROW])
            connection.execute("INSERT INTO person VALUES (%s)", [ROW])

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert failure_of(step, instance) == (
            'A database server refused: new row for relation "person" violates check constraint "short" (23514) '
            "at table public.person, constraint short."
        )
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"violates check constraint" in path.read_bytes() for path in kept)
    assert [path for path in kept if ROW.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("stop", [dg.DagsterExecutionInterruptedError, KeyboardInterrupt])
def test_what_a_person_stopped_is_not_retried(stop: type[BaseException]) -> None:
    @dg.op
    def step() -> None:
        with told_to_dagster():
            raise stop

    @dg.op
    def step_that_cleans_up_badly() -> None:
        with told_to_dagster():
            try:
                raise stop
            finally:
                raise DatabaseUnreachable("etna on db:5432 cannot be reached: the connection was lost.")

    assert failure_of(step) == STOPPED
    assert failure_of(step_that_cleans_up_badly) == STOPPED


def test_what_a_person_stopped_stops_the_steps_beside_it_too() -> None:
    @dg.op
    def stopped() -> None:
        with told_to_dagster():
            raise KeyboardInterrupt

    @dg.op(tags={"dagster/priority": "-1"})
    def beside() -> None:
        pass

    @dg.job
    def nightly() -> None:
        stopped()
        beside()

    result = nightly.execute_in_process(raise_on_error=False)

    assert [event.step_key for event in result.all_events if event.event_type_value == "STEP_START"] == ["stopped"]
    assert not result.success


def test_what_the_registry_overtook_is_cancelled_and_says_why() -> None:
    says = "test/login was removed because feature/login had left the registry."

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        with canceled_if_overtaken(context), told_to_dagster():
            raise EnvironmentGone(says)

    with dg.DagsterInstance.ephemeral() as instance:
        assert failure_of(step, instance) == says
        [run] = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.CANCELED


def test_only_what_may_pass_is_retried() -> None:
    with pytest.raises(dg.RetryRequested) as again, told_to_dagster():
        raise DatabaseUnreachable("etna on db:5432 cannot be reached: nothing listens there.")
    assert (again.value.max_retries, again.value.seconds_to_wait) == (RETRIES, SECONDS_BETWEEN)

    with pytest.raises(dg.Failure, match="is production itself") as never, told_to_dagster():
        raise PushRefused("etna on db:5432 is production itself.")
    assert not never.value.allow_retries

    with pytest.raises(dg.Failure, match="was waited for"), told_to_dagster():  # for as long as it may take
        raise TargetAsleep("staging's server db:5432 does not answer, and was waited for 10 minutes: start it.")
