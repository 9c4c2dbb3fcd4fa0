"""What is said of an environment whose run failed."""

from pathlib import Path

import pytest

from etna_pipelines.alerts.still_works import still_works
from etna_pipelines.environments.history import record
from etna_pipelines.settings import load
from tests.defs.conftest import push


@pytest.mark.parametrize(
    ("job", "partition", "environment"),
    [
        ("nightly", None, "development"),
        ("refresh_staging", None, "staging"),
        ("refresh_test", "login", "test/login"),
        ("pull_local", None, "local"),
    ],
)
def test_it_serves_what_was_pushed_last(fresh: Path, job: str, partition: str | None, environment: str) -> None:
    settings = load()
    assert still_works(settings, job, partition) == f"nothing was ever pushed to {environment}"

    record(settings.records(environment, settings.open_store()), push(environment))

    said = still_works(settings, job, partition)
    assert said.startswith(f"{environment} serves the data of 23 Nov 02:00 UTC, since ")


def test_a_store_that_cannot_be_read_is_no_reason_to_say_nothing(fresh: Path) -> None:
    record = fresh / ".etna/store/pushes/development/1.json"
    record.parent.mkdir(parents=True)
    record.write_text("half a reco")
    assert still_works(load(), "nightly") == "what development serves is not known, as the store cannot be read"


def test_a_job_for_no_environment(fresh: Path) -> None:
    assert still_works(load(), "create_release") == ""
    (fresh / "environments.yaml").write_text("production: {database: postgresql://etna@127.0.0.1:1/etna}\n")
    assert still_works(load(), "refresh_staging") == ""
