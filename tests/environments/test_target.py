import psycopg
import pytest

from etna_pipelines.environments.target import exists, explained
from etna_pipelines.errors import DatabaseUnreachable, ProgramError, PushFailed
from etna_pipelines.settings import Environment


def test_whether_there_is_a_database(serving: Environment) -> None:
    assert exists(serving.database)
    assert not exists(serving.database.named("not_there"))


def test_what_fails_is_told_as_what_it_means_for_the_environment(serving: Environment) -> None:
    with (
        pytest.raises(PushFailed, match="development serves what it served before: pg_restore failed"),
        explained(serving),
    ):
        raise ProgramError("pg_restore failed.")
    with (
        pytest.raises(PushFailed, match=r"development serves what it served before \(.*\): try again"),
        explained(serving),
    ):
        raise psycopg.errors.ObjectInUse


def test_a_connection_that_is_lost_may_be_tried_again(serving: Environment) -> None:
    with (
        serving.database.connect() as connection,
        serving.database.connect() as other,
        pytest.raises(DatabaseUnreachable) as raised,
        explained(serving),
    ):
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        connection.execute("SELECT 1")
    assert raised.value.retryable
