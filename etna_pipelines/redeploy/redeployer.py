"""Redeploying an environment's application, once for each push that was swapped in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from etna_pipelines.environments import history
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Push, RedeployOutcome
from etna_pipelines.errors import RedeployFailed, RedeployRefused, RedeployUnfinished
from etna_pipelines.fault_points import FaultPoint, reached
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
        return f"{self.environment} was not redeployed"

    @property
    def unfinished(self) -> str:
        """The beginning of the sentence that says why its end is not known."""
        return f"It is not known yet whether {self.environment} was redeployed"

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

        Raises RedeployRefused where nothing was asked for, RedeployUnfinished where the end is not known, and
        RedeployFailed where it is known and bad."""
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

    A push that the store does not know was not swapped in, and one whose data the database does not hold does not serve
    any more: both are refused. What was asked for and did not come to a known end is gone on with, be it for another
    version; a failure can be tried again. Raises RedeployFailed, LockHeld, GitHubError."""
    with exclusive(deployment.database, f"redeploy {push.environment}"):
        known = before = _outcome(store, push, deployment.database)
        way = type(redeployer).__name__
        if before and anew and before.wanted != deployment.version:
            before = _overtaken(store, push, deployment, redeployer, before)
        elif before and before.wanted:
            deployment = replace(deployment, version=before.wanted)  # a failed one is tried again as it was
        if before and before.succeeded:
            return Redeployed(before.version, before.seconds)
        asked = _asked(store, push, deployment, before, way)
        reached(FaultPoint.REDEPLOY_NOTED)
        try:
            done = _deployed(store, push, asked, redeployer, health, before)
        except RedeployRefused:
            if not asked.asked:
                history.record_redeploy(store, push, known)
            raise
        except RedeployUnfinished:
            raise
        except RedeployFailed:
            _record(store, push, succeeded=False, failed=asked.version)
            raise
        _record(store, push, succeeded=True, version=done.version, seconds=done.seconds)
        reached(FaultPoint.REDEPLOY_RECORDED)
        return done


def _deployed(
    store: Store,
    push: Push,
    asked: Deployment,
    redeployer: Redeployer,
    health: Health | None,
    before: RedeployOutcome | None,
) -> Redeployed:
    """Deploy and see that it is healthy; what was deployed by an interrupted try is not deployed again."""
    filled = _filled(health, asked) if health else None  # says what it lacks before anything is asked for
    if before and before.succeeded is None and before.deployed:
        done = Redeployed(before.version, before.seconds)
    else:
        done = redeployer.redeploy(asked)
        reached(FaultPoint.REDEPLOY_ASKED)
        _record(store, push, deployed=True, version=done.version, seconds=done.seconds)
        reached(FaultPoint.REDEPLOY_DEPLOYED)
    version = check_application(filled, asked.environment, asked.version) if filled else None
    return replace(done, version=version or done.version or asked.version)


def _overtaken(
    store: Store, push: Push, deployment: Deployment, redeployer: Redeployer, before: RedeployOutcome
) -> RedeployOutcome:
    """What became of another version, as far as the wanted one goes: nothing. One that is under way is seen to its end
    first: it would come last else."""
    if before.succeeded is None and not before.deployed:
        try:
            redeployer.redeploy(_asked(store, push, deployment, before, type(redeployer).__name__))
        except RedeployUnfinished:
            raise
        except RedeployFailed:
            pass  # it has ended
    return before.model_copy(update={"succeeded": False, "good": before.last_good})


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
    serving = history.serving(database)
    serves = serving is not None and serving.push == (push.id if push.action == "push" else push.holds)
    if last.push.id != push.id and not serves:  # it may serve all the same: it took longer than a later one
        raise RedeployRefused(
            f"{push.environment} is not redeployed for push {push.id}, which does not serve any more: there was a "
            f"{last.push.action} since; run `etna redeploy {push.environment}` for that one."
        )
    if serving and not serves and (push.action == "push" or push.holds):
        raise RedeployRefused(
            f"{push.environment} is not redeployed: it serves the push {serving.push}, and the last that was recorded "
            f"is the {push.action} {push.id}; push again."
        )
    return known.redeploy


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
    good = before.last_good if before else None
    asked = RedeployOutcome(
        succeeded=None,
        version=None,
        seconds=0,
        at=datetime.now(UTC),
        wanted=deployment.version,
        attempt=attempt,
        failed=before.failed if before else None,
        good=good.model_copy(update={"good": None}) if good else None,
    )
    history.record_redeploy(store, push, asked)
    return replace(deployment, attempt=attempt, note=note)


def _record(store: Store, push: Push, **changes: str | float | None) -> None:
    """Keep what is known now beside what was known before."""
    known = history.recorded(store, push)
    before = known.redeploy.model_dump() if known and known.redeploy else {}
    outcome = RedeployOutcome.model_validate(before | changes | {"at": datetime.now(UTC)})
    history.record_redeploy(store, push, outcome)
