"""Redeploying an environment's application, once for each push that was swapped in."""

from dataclasses import dataclass
from typing import Protocol

from etna_pipelines.environments import history
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Push
from etna_pipelines.errors import RedeployFailed
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.stores.store import Store


@dataclass(frozen=True)
class Deployment:
    """What is to be deployed where."""

    push: str
    """The push that it follows: the idempotency key, the same at a retry."""
    environment: str
    database: Database
    version: str | None = None
    """The version of the application; None for whichever is there."""
    feature: Feature | None = None


@dataclass(frozen=True)
class Redeployed:
    """The version that serves now, where it is known, and how long it took."""

    version: str | None
    seconds: float


class Redeployer(Protocol):
    """One way of redeploying an application. Raises RedeployFailed."""

    def redeploy(self, deployment: Deployment) -> Redeployed:
        """Redeploy and see it through to its end. Asked again for the same push, it deploys once at the most where the
        first try is still under way or ended well."""
        ...


def redeploy(push: Push, deployment: Deployment, redeployer: Redeployer, store: Store) -> Redeployed:
    """Redeploy the environment that `push` was for, unless the store says that this succeeded: then return how.

    A push that the store does not know was not swapped in and is refused. A failure is recorded and can be retried
    alone. Raises RedeployFailed, LockHeld."""
    with exclusive(deployment.database, f"redeploy {push.environment}"):
        known = history.recorded(store, push)
        if known is None:
            raise RedeployFailed(
                f"{push.environment} is not redeployed: the store has no record of push {push.id}; push again."
            )
        if known.redeploy and known.redeploy.succeeded:
            return Redeployed(known.redeploy.version, known.redeploy.seconds)
        try:
            done = redeployer.redeploy(deployment)
        except RedeployFailed:
            history.record_redeploy(store, push, version=None, succeeded=False, seconds=0)
            raise
        history.record_redeploy(store, push, version=done.version, succeeded=True, seconds=done.seconds)
        return done
