"""Redeploying an environment's application, once for each push that was swapped in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from etna_pipelines.environments import history
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Push, RedeployOutcome
from etna_pipelines.errors import RedeployFailed, RedeployRefused, RedeployUnfinished
from etna_pipelines.postgres.locks import exclusive
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.health import check_application
from etna_pipelines.redeploy.placeholders import fill
from etna_pipelines.redeploy.spec import Health
from etna_pipelines.stores.store import Store


def _forget(reference: str) -> None:
    """For a deployment that is nobody's to remember."""


@dataclass(frozen=True)
class Deployment:
    """What is to be deployed where."""

    push: str
    """The push that it follows."""
    environment: str
    database: Database
    version: str | None = None
    """The version of the application; None for whichever is there."""
    feature: Feature | None = None
    attempt: int = 1
    asked: datetime | None = None
    """Since when an earlier try of this attempt may have asked for it; None where none did."""
    reference: str | None = None
    """What that one was told to call it."""
    note: Callable[[str], None] = _forget
    """Keeps a reference, so that another try goes on with what was asked for."""

    @property
    def key(self) -> str:
        """The idempotency key: the push, and which attempt it is once one has failed."""
        return self.push if self.attempt == 1 else f"{self.push}-{self.attempt}"

    @property
    def failed(self) -> str:
        """The beginning of the sentence that says why."""
        return f"{self.environment} has its new database and was not redeployed"

    @property
    def unfinished(self) -> str:
        """The beginning of the sentence that says why its end is not known."""
        return f"{self.environment} has its new database, and whether it was redeployed is not known yet"

    def not_ended(self, what: str, patience: float) -> RedeployUnfinished:
        """What was asked for takes longer than it is waited for."""
        return RedeployUnfinished(
            f"{self.unfinished}: {what} did not end within {patience:g} s; run `etna redeploy {self.environment}`, "
            "which goes on waiting."
        )


@dataclass(frozen=True)
class Redeployed:
    """The version that serves now, where it is known, and how long it took."""

    version: str | None
    seconds: float


class Redeployer(Protocol):
    """One way of redeploying an application."""

    def redeploy(self, deployment: Deployment) -> Redeployed:
        """Redeploy and see it through to its end. Asked again with the same key, it goes on with what was asked for.

        Raises RedeployUnfinished where the end is not known, and RedeployFailed where it is known and bad."""
        ...


def redeploy(
    push: Push,
    deployment: Deployment,
    redeployer: Redeployer,
    store: Store,
    *,
    health: Health | None = None,
    anew: bool = False,
) -> Redeployed:
    """Redeploy the environment that `push` was for and see that it is healthy, unless the store says that this
    succeeded: then return how. `anew`: unless it succeeded with this very version.

    A push that the store does not know was not swapped in, and one that is not the last does not serve any more: both
    are refused. What was asked for and did not come to a known end is gone on with; a failure can be tried again.
    Raises RedeployFailed, LockHeld, GitHubError."""
    with exclusive(deployment.database, f"redeploy {push.environment}"):
        before = _outcome(store, push, deployment.database)
        if before and anew and before.wanted != deployment.version:
            before = before.model_copy(update={"succeeded": False})  # as far as this version goes
        if before and before.succeeded:
            return Redeployed(before.version, before.seconds)
        asked = _asked(store, push, deployment, before, way=type(redeployer).__name__)
        try:
            done = redeployer.redeploy(asked)
            version = check_application(_filled(health, asked), asked.environment, asked.version) if health else None
        except RedeployUnfinished:
            raise
        except RedeployFailed:
            _record(store, push, succeeded=False)
            raise
        done = replace(done, version=version or done.version or asked.version)
        _record(store, push, succeeded=True, version=done.version, seconds=done.seconds)
        return done


def _filled(health: Health, deployment: Deployment) -> Health:
    version_url = fill(health.version_url, deployment) if health.version_url else None
    return health.model_copy(update={"url": fill(health.url, deployment), "version_url": version_url})


def _outcome(store: Store, push: Push, database: Database) -> RedeployOutcome | None:
    """How the redeploy of a push went so far. Raises RedeployRefused for one that does not serve."""
    known, last = history.recorded(store, push), history.last(store, push.environment)
    if known is None or last is None:
        raise RedeployRefused(
            f"{push.environment} is not redeployed: the store has no record of push {push.id}; push again."
        )
    if last.push.id != push.id and not _serves(database, push):
        raise RedeployRefused(
            f"{push.environment} is not redeployed for push {push.id}, which does not serve any more: there was a "
            f"{last.push.action} since; run `etna redeploy {push.environment}` for that one."
        )
    return known.redeploy


def _serves(database: Database, push: Push) -> bool:
    """Whether the database is what a push made, however old that is: it may have taken longer than a later one."""
    serving = history.serving(database)
    return serving is not None and serving.push == push.id


def _asked(store: Store, push: Push, deployment: Deployment, before: RedeployOutcome | None, way: str) -> Deployment:
    """The deployment as the attempt that it is: the one that is under way, or a new one. It is kept before anything is
    asked for, so that a killed process leaves the key to go on with."""

    def note(reference: str) -> None:
        _record(store, push, reference=reference, way=way)

    if before and before.succeeded is None:
        return replace(
            deployment,
            version=before.wanted,
            attempt=before.attempt,
            asked=before.at,
            reference=before.reference if before.way == way else None,  # the settings may be others now
            note=note,
        )
    attempt = before.attempt + 1 if before else 1
    asked = RedeployOutcome(
        succeeded=None,
        version=None,
        seconds=0,
        at=datetime.now(UTC),
        wanted=deployment.version,
        attempt=attempt,
    )
    history.record_redeploy(store, push, asked)
    return replace(deployment, attempt=attempt, note=note)


def _record(store: Store, push: Push, **changes: str | float | None) -> None:
    """Keep what is known now beside what was known before."""
    known = history.recorded(store, push)
    before = known.redeploy.model_dump() if known and known.redeploy else {}
    outcome = RedeployOutcome.model_validate(before | changes | {"at": datetime.now(UTC)})
    history.record_redeploy(store, push, outcome)
