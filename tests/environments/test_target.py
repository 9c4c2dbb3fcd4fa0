from datetime import UTC, datetime

import psycopg
import pytest

from etna_pipelines.environments.target import exists, explained, sweep
from etna_pipelines.errors import DatabaseUnreachable, ProgramError, PushFailed
from etna_pipelines.settings import Environment
from tests.environments.conftest import databases


def test_sweeping_leaves_what_people_named_alike(serving: Environment) -> None:
    name = serving.database.name
    with serving.database.maintenance.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name}_new_20261123t020000123456z-1f0c9a"')
        connection.execute(f"CREATE DATABASE {name}_new_idea")
    sweep(serving, "new", before=datetime(2026, 11, 23, 2, tzinfo=UTC))
    assert len(databases(serving.database)) == 3
    sweep(serving)
    assert databases(serving.database) == [name, f"{name}_new_idea"]


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
