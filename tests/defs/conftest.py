"""A small production, and Dagster's history of what is made of it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from etna_pipelines.defs.assets import ASSETS
from etna_pipelines.defs.resources import Etna
from etna_pipelines.environments.history import Push
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.manifest import new_id
from etna_pipelines.stores.local import LocalStore

STEPS = ["production_backup", "full_snapshot", "stripped_snapshot", "development_database", "development_redeploy"]

PEOPLE = """
    CREATE TABLE person (id int PRIMARY KEY, email text NOT NULL, remark text);
    INSERT INTO person SELECT i, 'person' || i || '@harbourlight-post.co.uk', 'nothing' FROM generate_series(1, 50) i;
"""
RULES = "{tables: {person: {keep: [id, remark], columns: {email: email}}}}"
SETTINGS = """
production: {{database: {production}}}
store: store
rules: rules.yaml
development:
  database: {development}
  owner: {owner}
  redeploy: {{command: [python, -c, "{redeploy}"]}}
  fix_ups: {fix_ups}
"""


@dataclass(frozen=True)
class Site:
    """A production of one table, an environment that serves nothing yet, and Dagster's history of both."""

    production: Database
    development: Database
    directory: Path
    history: dg.DagsterInstance

    def configure(self, redeploy: str = "print('release 7')", fix_ups: str = "{}") -> None:
        configured = SETTINGS.format(
            production=self.production.url,
            development=self.development.url,
            owner=owner_of(self.production),
            redeploy=redeploy,
            fix_ups=fix_ups,
        )
        (self.directory / "environments.yaml").write_text(configured)

    def snapshot(self) -> str:
        """A new stripped snapshot's id."""
        assert self.materialise(*STEPS[:3]).success
        return self.listed()[-1].split("/")[1]

    def materialise(self, *assets: str, **config: Any) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            ASSETS,
            run_config=config,
            instance=self.history,
            resources={"etna": Etna()},
            selection=list(assets or STEPS),
            raise_on_error=False,
        )

    def materialised(self) -> list[str]:
        return [step for step in STEPS if self.history.get_latest_materialization_event(dg.AssetKey(step))]

    def listed(self) -> list[str]:
        return [
            item.key for item in LocalStore(self.directory / "store").list("") if item.key.endswith("manifest.json")
        ]

    def stored(self, kind: str) -> list[str]:
        return [item.key for item in LocalStore(self.directory / "store").list(f"{kind}/")]

    def oid(self) -> int | None:
        """What tells the database that development serves from any other; None where it serves none."""
        with self.development.maintenance.connect() as connection:
            found = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [self.development.name])
            row = found.fetchone()
            return row[0] if row else None

    def serves(self) -> bool:
        return self.oid() is not None


def owner_of(database: Database) -> str:
    return f"{database.name}_owner"


@pytest.fixture
def site(server: EmbeddedServer, database: Database, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    development, owner = database.named(f"{database.name}_development"), owner_of(database)
    for name in ("PRODUCTION", "DEVELOPMENT"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    for name in ("MASKING", "SIGNING"):
        monkeypatch.setenv(f"ETNA_{name}_KEY", secrets.token_hex(32))
    (fresh / "rules.yaml").write_text(RULES)
    with database.connect() as connection:
        connection.execute(PEOPLE)
        connection.execute(f"CREATE ROLE {owner}")
    with dg.DagsterInstance.ephemeral(str(fresh / "dagster")) as history:
        site = Site(database, development, fresh, history)
        site.configure()
        yield site
    for name in (development.name, f"{development.name}_previous"):
        server.drop_database(name)
    with database.connect() as connection:
        connection.execute(f"DROP ROLE {owner}")


def push(environment: str) -> Push:
    """A push that somebody did."""
    return Push(
        id=new_id(),
        environment=environment,
        snapshot="20261123T020000000000Z-aaaaaa",
        kind="stripped",
        rules=None,
        started=datetime.now(UTC),
        seconds=1,
        outage=0,
        rows=1,
        previous=None,
    )
