"""Tests of etna_pipelines/demo/redeploy.py, run as the command that it is."""

import json
import subprocess
from pathlib import Path

import pytest

from etna_pipelines.demo.redeploy import installed_version
from etna_pipelines.postgres.server import Database
from tests.demo.conftest import run


def _redeploy(database: Database, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    given = {"ETNA_ENVIRONMENT": "development", "ETNA_PUSH_ID": "push-1", "ETNA_HOME": str(home)} | variables
    return run("etna_pipelines.demo.redeploy", database, **given)


def _release(home: Path) -> dict[str, str]:
    release: dict[str, str] = json.loads((home / "demo" / "development" / "release.json").read_text())
    return release


def test_it_deploys_once_for_a_push_and_again_for_the_next(production: Database, tmp_path: Path) -> None:
    done = _redeploy(production, tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, installed_version()), done.stderr
    first = _release(tmp_path)
    assert (first["version"], first["push"]) == (installed_version(), "push-1")

    repeated = _redeploy(production, tmp_path)
    assert (repeated.returncode, repeated.stdout) == (0, f"{installed_version()}\n")
    assert _release(tmp_path) == first

    assert _redeploy(production, tmp_path, ETNA_PUSH_ID="push-2").returncode == 0
    assert _release(tmp_path)["push"] == "push-2"
    assert _release(tmp_path)["deployed_at"] > first["deployed_at"]


def test_a_database_without_the_applications_migrations_is_refused(database: Database, tmp_path: Path) -> None:
    done = _redeploy(database, tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "development's database lacks migrations of the application: migrate it before it is swapped in.\n"
    )
    assert not (tmp_path / "demo").exists()


def test_a_page_that_does_not_load_fails_it(production: Database, tmp_path: Path) -> None:
    with production.connect() as connection:
        connection.execute("ALTER TABLE journal_homepage RENAME COLUMN introduction TO mislaid")
    try:
        done = _redeploy(production, tmp_path)
    finally:
        with production.connect() as connection:
            connection.execute("ALTER TABLE journal_homepage RENAME COLUMN mislaid TO introduction")
    assert done.returncode == 1
    assert "answers / with 500" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "demo").exists()


def test_an_unreachable_database_is_one_sentence(production: Database, tmp_path: Path) -> None:
    done = _redeploy(production.named("no_such_database"), tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "check ETNA_DATABASE_URL and PGPASSWORD" in done.stderr


def test_another_version_than_the_installed_is_refused(production: Database, tmp_path: Path) -> None:
    done = _redeploy(production, tmp_path, ETNA_VERSION="wagtail-1.0")
    assert done.returncode == 1
    assert f"was to run wagtail-1.0 and {installed_version()} is what is installed" in done.stderr


@pytest.mark.parametrize("name", ["ETNA_ENVIRONMENT", "ETNA_PUSH_ID", "ETNA_DATABASE_URL"])
def test_each_variable_that_is_missing_is_named(production: Database, tmp_path: Path, name: str) -> None:
    done = _redeploy(production, tmp_path, **{name: ""})
    assert done.returncode == 1
    assert f"needs {name} in its environment" in done.stderr
