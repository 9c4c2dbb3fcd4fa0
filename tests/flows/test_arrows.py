"""The arrows that people start, by `dagster job execute` or `etna` in a terminal, on the demo's site. The others are in
test_nightly.py and test_ui.py."""

import json
import sys
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess

import pytest

from etna_pipelines.environments.history import last, serving
from etna_pipelines.postgres.server import Database
from tests.demo.conftest import site
from tests.flows.checkout import Checkout

SETTINGS = """\
staging: {{redeploy: {{command: [python, -c, 'print("26.11.23.1")']}}}}
test:
  hosts: {{www.example.org: '{{name}}.example.org'}}
  redeploy: {{command: [python, -c, 'print("branch")']}}
  removal: {{grace: 0}}
local:
  database: '{local}'
  owner: etna_app
  hosts: {{www.example.org: localhost}}
  fix_ups: {{superuser: {{}}}}
"""
WAGTAIL = """
import json
from django.contrib.auth import authenticate
from wagtail.models import Site
admin = authenticate(username="admin", password="admin")
print(json.dumps([Site.objects.get().hostname, admin is not None and admin.is_superuser]))
"""
Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def local(seeded_checkout: Checkout) -> Database:
    """A developer's own, known by its URL alone."""
    return seeded_checkout.server.database("etna_of_a_developer")


@pytest.fixture(scope="module")
def variables(seeded_checkout: Checkout, local: Database, nights: object) -> Iterator[dict[str, str]]:
    """Of a terminal in which every environment is configured."""
    settings = seeded_checkout.root / "every.yaml"
    settings.write_text(SETTINGS.format(local=local.url))
    yield {"ETNA_SETTINGS": str(settings), "ETNA_LOCAL_PASSWORD": local.password or "", "PYTHONWARNINGS": "ignore"}
    settings.unlink()


@pytest.fixture
def job(seeded_checkout: Checkout, variables: dict[str, str]) -> Run:
    def run(name: str, *arguments: str, config: str = "loggers: {console: {}}") -> CompletedProcess[str]:
        file = seeded_checkout.root / "run.yaml"
        file.write_text(config)
        command = ("-m", "dagster", "job", "execute", "-m", "etna_pipelines.definitions", "-j", name, "-c", file.name)
        command += arguments
        return seeded_checkout.run(sys.executable, *command, **variables)

    return run


def test_staging_gets_the_full_copy(demo_checkout: Checkout, job: Run) -> None:
    done = job("refresh_staging")

    assert done.returncode == 0, done.stderr
    assert [line.split(",")[0] for line in done.stderr.splitlines() if line.startswith("✓")] == [
        *(f"✓ staging_database.{step}" for step in ("preflight", "restore", "verify", "fix_ups", "swap")),
        "✓ staging_redeploy",
    ]
    assert demo_checkout.serving("staging") == demo_checkout.catalogue.ids("full")[-1]
    assert emails(demo_checkout.database("staging")) == emails(demo_checkout.database("production"))
    assert redeployed(demo_checkout, "staging") == "26.11.23.1"


def test_a_developer_pulls_a_stripped_copy(
    demo_checkout: Checkout, local: Database, variables: dict[str, str], job: Run
) -> None:
    older, newest = demo_checkout.catalogue.ids("stripped")[-2:]
    named = job("pull_local", config=f"ops: {{local_database: {{config: {{snapshot: {older}}}}}}}")
    assert named.returncode == 0, named.stderr
    assert snapshot_of(local) == older

    done = demo_checkout.etna("pull", **variables)

    assert done.returncode == 0, done.stderr
    assert f"local serves the stripped snapshot {newest}" in done.stdout
    assert snapshot_of(local) == newest
    visited = site(local, "shell", "--no-imports", "-c", WAGTAIL)
    assert json.loads(visited.stdout) == ["localhost", True]
    assert emails(local).isdisjoint(emails(demo_checkout.database("production")))


def test_a_feature_environment_comes_and_goes(demo_checkout: Checkout, variables: dict[str, str], job: Run) -> None:
    branch = demo_checkout.root / ".etna/feature_environments/feature/login-page"
    branch.parent.mkdir(parents=True, exist_ok=True)
    branch.touch()
    partition = ("--tags", '{"dagster/partition": "login-page"}')

    made = job("refresh_test", *partition)

    assert made.returncode == 0, made.stderr
    assert demo_checkout.serving("test_login_page") == demo_checkout.catalogue.ids("stripped")[-1]
    assert hosts(demo_checkout.database("test_login_page")) == ["login-page.example.org"]
    assert redeployed(demo_checkout, "test/login-page") == "branch"
    assert "test/login-page  feature/login-page  etna_test_login_page" in demo_checkout.etna("test", "list").stdout
    assert "test/login-page" in demo_checkout.etna("status", **variables).stdout

    kept = job("remove_test", *partition)
    branch.unlink()
    removed = job("remove_test", *partition)

    assert "test/login-page stays" in kept.stderr
    assert removed.returncode == 0, removed.stderr
    assert [name for name in databases(demo_checkout) if "login" in name] == []
    assert demo_checkout.etna("test", "list").stdout == "No feature environment is known.\n"
    with demo_checkout.history() as history:
        assert "login-page" not in history.get_dynamic_partitions("feature_environments")


def snapshot_of(database: Database) -> str | None:
    holds = serving(database)
    return holds.snapshot if holds else None


def redeployed(checkout: Checkout, environment: str) -> str | None:
    """The version of the last redeploy, as the store has it."""
    record = last(checkout.store, environment)
    return record.redeploy.version if record and record.redeploy and record.redeploy.succeeded else None


def databases(checkout: Checkout) -> list[str]:
    with checkout.database("production").connect() as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY 1")]


def hosts(database: Database) -> list[str]:
    with database.connect() as connection:
        return [host for (host,) in connection.execute("SELECT hostname FROM wagtailcore_site ORDER BY 1")]


def emails(database: Database) -> set[str]:
    with database.connect() as connection:
        return {email for (email,) in connection.execute("SELECT email FROM auth_user WHERE email <> ''")}
