"""A checkout of the project in a directory of its own, and its programs run in it, as a user runs them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from etna_pipelines import keys
from etna_pipelines.environments import history
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.stores.local import LocalStore

PROJECT = Path(__file__).parents[2]
PARTS = ("anonymisation_rules", "environments.yaml", "dagster.yaml", "workspace.yaml", "README.md")
NIGHTLY = ("-m", "dagster", "job", "execute", "-m", "etna_pipelines.definitions", "-j", "nightly")


@dataclass(frozen=True)
class Checkout:
    """Its server, store and history are its own, under its own `.etna`."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> "Checkout":
        for part in PARTS:
            if (PROJECT / part).is_dir():
                shutil.copytree(PROJECT / part, root / part)
            else:
                shutil.copy(PROJECT / part, root / part)
        return cls(root)

    @property
    def environment(self) -> dict[str, str]:
        """Of its programs: they run this very code, compiled once, and find nobody's settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ETNA_", "DAGSTER_"))}
        return inherited | {"PYTHONPATH": str(PROJECT)}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | variables
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    def etna(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(Path(sys.executable).with_name("etna")), *arguments, **variables)

    def nightly(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, *NIGHTLY, **variables)

    @property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(self.root / ".etna")

    def database(self, environment: str) -> Database:
        return self.server.database(f"etna_{environment}")

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.root / ".etna" / "store")

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.store, keys.kept(self.root / ".etna" / "keys" / "signing.key"))

    def serving(self, environment: str = "development") -> str | None:
        """The snapshot that an environment's database says it holds."""
        serving = history.serving(self.database(environment))
        return serving.snapshot if serving else None

    def released(self) -> dict[str, str]:
        """What the demo's redeploy noted last: `version` and `push`."""
        release: dict[str, str] = json.loads((self.root / ".etna/demo/development/release.json").read_text())
        return release

    def records(self) -> list[history.Record]:
        """Pushes to development and rollbacks, oldest first."""
        kept = sorted((self.root / ".etna/store/pushes/development").glob("*.json"))
        return [history.Record.model_validate_json(path.read_text()) for path in kept]

    @contextlib.contextmanager
    def history(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's history of this checkout, which all of its programs share."""
        with contextlib.chdir(self.root), dg.DagsterInstance.from_config(str(self.root)) as instance:
            yield instance
