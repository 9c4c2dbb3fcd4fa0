"""The steps that delete: snapshots whose time is over, and what killed runs left behind."""

from dataclasses import dataclass

from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.retention_prune import Pruning, look, prune
from etna_pipelines.steps import Work


@dataclass(frozen=True)
class RetentionSteps(Work):
    """Pruning, by the rules of environments.yaml and with the pruner's credentials."""

    @classmethod
    def of(cls, settings: Settings) -> "RetentionSteps":
        pruner = settings.as_pruner()
        return cls(pruner, pruner.open_store())

    def look(self) -> Pruning:
        """What a prune would do."""
        return look(self.catalogue, self.settings.retention)

    def prune(self) -> Pruning:
        """Retire and delete what goes. Raises StoreError, LockHeld."""
        with exclusive_file(self.settings.home / "locks" / "prune", "prune"):
            return prune(self.catalogue, self.settings.retention)
