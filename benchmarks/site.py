"""A production of people and its stripped snapshot, ready to be pushed: on one embedded server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import people
from benchmarks.embedded_home import embedded_home
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import Settings
from etna_pipelines.settings_file import Test
from etna_pipelines.snapshots.archive import TERMINATOR
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest, Proof

TABLES = 8


@dataclass(frozen=True)
class Site:
    """What there is to push, and the steps that do."""

    settings: Settings
    snapshot: Manifest
    steps: PushSteps

    def feature(self, name: str) -> str:
        """The environment of a branch that appears in the registry."""
        branch = self.settings.home / "feature_environments" / "feature" / name
        branch.parent.mkdir(parents=True, exist_ok=True)
        branch.touch()
        FeatureSteps(self.settings, self.steps.store).tick()
        return f"test/{name}"


@contextmanager
def site(home: Path, megabytes: int) -> Iterator[Site]:
    """About so many MB of people in eight tables. What the strip would change is left as it is."""
    try:
        with embedded_home(home, "", test=Test()) as settings:
            production = settings.production.database
            fill(production, megabytes // TABLES)
            snapshot = _published(settings)
            with production.maintenance.connect() as connection:
                connection.execute("CHECKPOINT")  # what making it left in memory is not what is measured
            yield Site(settings, snapshot, PushSteps(settings, settings.open_store()))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def fill(database: Database, megabytes: int) -> None:
    """Eight tables of people, of so many MB each, with two indexes."""
    columns = ", ".join(f"{name} {type_}" for name, (type_, _mask) in people.MASKS.items())
    with database.connect() as connection:
        for number in range(TABLES):
            connection.execute(f"CREATE TABLE people{number} ({columns})".encode())
            with connection.cursor().copy(f"COPY people{number} FROM STDIN".encode()) as copy:
                for chunk in people.copy_text(megabytes):
                    if chunk != TERMINATOR:
                        copy.write(chunk)
            connection.execute(f"CREATE INDEX ON people{number} (id)".encode())
            connection.execute(f"CREATE INDEX ON people{number} (email)".encode())


def _published(settings: Settings) -> Manifest:
    store, database = settings.open_store(), settings.production.database
    catalogue = Catalogue(store, settings.signing_key())
    full = backup(database, store, environment="production", scratch=settings.home / "scratch")
    proof = Proof(passed=True, scanned_bytes=0, scanned_files=0, originals=0)
    stripped = full.model_copy(update={"kind": "stripped", "parent": full.id, "proof": proof})
    for file in full.files:
        store.copy(full.archive_key(file.name), stripped.archive_key(file.name))
    return catalogue.publish(stripped)
