"""Every arrow on servers that are not the embedded one: PostgreSQL 15 of the system's packages, reached by URLs."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from etna_pipelines.definitions import defs
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database

PRODUCTION = """
    CREATE TABLE person (id int PRIMARY KEY, email text NOT NULL);
    INSERT INTO person SELECT i, 'person' || i || '@harbourlight-post.co.uk' FROM generate_series(1, 50) i;
    CREATE ROLE site_on_15;
"""
RULES = "{tables: {person: {keep: [id], columns: {email: email}}}}"
SETTINGS = """
rules: rules.yaml
production: {{database: {url}_production}}
staging: {{database: {url}_staging, owner: site_on_15}}
development: {{database: {url}_development, owner: site_on_15}}
test: {{database: {url}_test, owner: site_on_15, registry: {{directory: registry}}}}
local: {{database: {url}_local}}
"""


@pytest.fixture
def arrows(server15: EmbeddedServer, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Production, which all other databases' names begin as; its snapshots are a night old."""
    production = server15.database("arrows_production")
    server15.create_database(production.name)
    for name in ("PRODUCTION", "STAGING", "DEVELOPMENT", "TEST", "LOCAL"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", production.password or "")
    for name in ("MASKING", "SIGNING"):
        monkeypatch.setenv(f"ETNA_{name}_KEY", secrets.token_hex(32))
    (fresh / "environments.yaml").write_text(SETTINGS.format(url=production.url.removesuffix("_production")))
    (fresh / "rules.yaml").write_text(RULES)
    with production.connect() as connection:
        connection.execute(PRODUCTION)
    yield production
    with production.maintenance.connect() as connection:
        left = "SELECT datname FROM pg_database WHERE datname LIKE 'arrows\\_%'"
        for (name,) in connection.execute(left).fetchall():
            connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_every_arrow(arrows: Database, fresh: Path) -> None:
    branch = fresh / "registry/feature/login"
    branch.parent.mkdir(parents=True)
    branch.touch()

    with dg.DagsterInstance.ephemeral() as history:

        def run(job: str, partition: str | None = None) -> None:
            assert defs().resolve_job_def(job).execute_in_process(instance=history, partition_key=partition).success

        def people(environment: str) -> tuple[int, int]:
            """How many there are, and how many of production's."""
            with arrows.named(f"arrows_{environment}").connect() as connection:
                count = "SELECT count(*), count(*) FILTER (WHERE email ~ 'harbourlight') FROM person"
                [(everybody, known)] = connection.execute(count).fetchall()
                return everybody, known

        run("nightly")
        run("refresh_staging")
        run("pull_local")
        history.add_dynamic_partitions("feature_environments", ["login"])
        run("refresh_test", "login")
        served = {name: people(name) for name in ("staging", "development", "test_login", "local")}
        assert served == {"staging": (50, 50), "development": (50, 0), "test_login": (50, 0), "local": (50, 0)}

        branch.unlink()
        run("remove_test", "login")
        assert history.get_dynamic_partitions("feature_environments") == []
        with arrows.connect() as connection:
            assert not connection.execute("SELECT FROM pg_database WHERE datname = 'arrows_test_login'").fetchone()
