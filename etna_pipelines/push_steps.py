"""The steps from a snapshot to an environment that serves it, one method each; `push` is all of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from etna_pipelines.environments import history
from etna_pipelines.environments.awake import await_awake
from etna_pipelines.environments.expiry import FullCopy, drop_expired, expired, full_copies
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.history import Push
from etna_pipelines.environments.known import KnownEnvironments
from etna_pipelines.environments.logs import drop_old_logs
from etna_pipelines.environments.push import Begun, Pushing, always
from etna_pipelines.environments.registry import is_registered
from etna_pipelines.environments.rollback import rollback
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.environments.templates import Template, make_template
from etna_pipelines.errors import (
    EnvironmentGone,
    EtnaError,
    PushRefused,
    RedeployFailed,
    RedeployRefused,
    RedeployUnfinished,
)
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.redeploy.choice import redeployer_for
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed, redeploy
from etna_pipelines.redeploy.versions import version_for
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import WORKERS, Work
from etna_pipelines.stores.store import Store


@dataclass(frozen=True)
class PushSteps(Work):
    """A snapshot -> begin -> fill -> check -> fix up -> swap in -> redeploy."""

    def environment(self, name: str) -> Environment:
        """The environment of a name, `test/login-page` too. Raises SettingsError; EnvironmentGone where it was."""
        feature = self._feature(name)
        return self.settings.feature_environment(feature) if feature else self.settings.environment(name)

    def snapshot(self, environment: str, id_: str = "") -> Manifest:
        """The snapshot of an id, or the newest of the kind that the environment is to have. Raises SnapshotMissing."""
        self._feature(environment)  # a name that is none is told before what a snapshot lacks
        kind = self.settings.target(environment).snapshot
        if not id_:
            return self.newest(kind)
        if kind == "full" and id_ in self.catalogue.ids("stripped"):  # those go anywhere
            kind = "stripped"
        return self.catalogue.read_sound(kind, id_)

    def make_template(self, snapshot: Manifest) -> Template | None:
        """What test environments are cloned from: made of a stripped snapshot, or of the subset that they are to have,
        unless it is there. None where newer ones are."""
        start_embedded(self.settings)
        test = self.settings.test_environments
        await_awake(test, self.progress)
        return make_template(
            self._part(test, snapshot),
            test,
            store=self.store,
            production=self.settings.production.database,
            scratch=self.scratch,
            jobs=WORKERS,
            progress=self.progress,
        )

    def begin(self, environment: str, snapshot: Manifest, version: str = "") -> Begun:
        """Find every reason not to push a snapshot, or the subset of it that the environment is to have. `version` is
        the application's that it is for, where that is not the one that the environment is to run."""
        start_embedded(self.settings)
        target = self.environment(environment)
        redeployer_for(target, self.settings)  # says what it lacks before anything is done
        drop_old_logs(self.settings.home, target, datetime.now(UTC))
        snapshot = self._part(target, snapshot)
        template = self.make_template(snapshot) if target.feature else None
        return self._pushing(target, snapshot, version).begin(template)

    def fill(self, begun: Begun) -> None:
        """Restore or clone it into a new database."""
        self._resumed(begun).fill(begun)

    def check(self, begun: Begun) -> None:
        """See that the new database is what the snapshot's manifest says."""
        self._resumed(begun).check(begun)

    def fix_up(self, begun: Begun) -> None:
        """Make the new database the environment's own."""
        self._resumed(begun).fix_up(begun)

    def swap_in(self, begun: Begun) -> Push:
        """Exchange it for the live one, see that it serves, and record the push."""
        return self._resumed(begun).swap_in(begun)

    def push(self, environment: str, snapshot: Manifest) -> Push:
        """All steps but the redeploy."""
        begun = self.begin(environment, snapshot)
        self.fill(begun)
        self.check(begun)
        self.fix_up(begun)
        return self.swap_in(begun)

    def rollback(self, environment: str, expected: str | None = None) -> Push:
        """Swap what an environment served before back in; with `expected`, only if it serves the push of that id."""
        start_embedded(self.settings)
        target = self.environment(environment)  # not waited for: who rolls back is in a hurry
        production, records = self.settings.production.database, self.records(environment)
        return rollback(target, production=production, store=records, expected=expected)

    def full_copies(self, environment: str) -> list[FullCopy]:
        """The full copies that an environment serves and keeps, and when each expires."""
        return full_copies(self.environment(environment), self.records(environment))

    def expiry_due(self, environment: str, now: datetime | None = None) -> str | None:
        """The key of a run of `expire` that is due, the same one all day; None where nothing has expired, as far as can
        be known: where the environment is configured and its server is not an embedded one that is stopped.

        Raises DatabaseUnreachable."""
        settings, now = self.settings, now or datetime.now(UTC)
        if environment not in settings.sections:
            return None
        if settings.is_embedded(environment) and not settings.embedded_server.is_running:
            return None
        over = expired(self.environment(environment), self.records(environment), now)
        return f"{min(over)}@{now:%Y-%m-%d}" if over else None

    def expire(self, environment: str, now: datetime | None = None) -> Push | None:
        """Replace an expired full copy that an environment serves by the newest stripped snapshot, and drop one that it
        keeps. Returns the push, where there was one. Once more does nothing.

        Raises PushRefused where a copy has to be replaced and there is no stripped snapshot."""
        start_embedded(self.settings)
        now, target = now or datetime.now(UTC), self.environment(environment)
        await_awake(target, self.progress)
        self._drop_expired(target, now)
        over = next((copy for copy in self.full_copies(environment) if copy.live and copy.expires <= now), None)
        if over is None:
            return None
        stripped = self.catalogue.newest("stripped")
        if stripped is None:
            raise PushRefused(
                f"{environment} serves the full snapshot {over.holds.snapshot}, which expired on "
                f"{over.expires:%d %B %Y}, and there is no stripped one to replace it: run the job `nightly`."
            )
        done = self.push(environment, stripped)
        reached(FaultPoint.EXPIRY_REPLACED)
        self._drop_expired(target, now)  # it is what that push keeps
        return done

    def not_redeployed(self, environment: str) -> Push | None:
        """What was last pushed to an environment, or rolled back there, where no redeploy succeeded since."""
        record = history.last(self.records(environment), environment)
        return record.push if record and not (record.redeploy and record.redeploy.succeeded) else None

    def redeploy_last(self, environment: str, version: str = "") -> Redeployed | None:
        """Redeploy what was last pushed to an environment or rolled back there, unless that was done: with `version`,
        unless that was done with this version."""
        self.environment(environment)
        record = history.last(self.records(environment), environment)
        if record is None:
            raise RedeployRefused(f"Nothing was pushed to {environment} yet: run the job that does, then redeploy.")
        return self.redeploy(record.push, version)

    def redeploy(self, done: Push, version: str = "") -> Redeployed | None:
        """Redeploy what a push was for; None where the settings name no way to. Raises EnvironmentGone where a feature
        environment has left its registry meanwhile.

        Where it fails and the settings say so, what worked comes back, once: the version that was redeployed before
        for this very push, else the previous database with its version. That it failed is raised all the same."""
        target = self.environment(done.environment)
        if target.feature and not is_registered(self.settings, target.feature):
            raise EnvironmentGone(f"{target.name} is not redeployed: {target.feature.branch} has left the registry.")
        try:
            return self._redeploy(done, target, version)
        except (RedeployRefused, RedeployUnfinished):
            raise
        except RedeployFailed as failure:
            if not target.rolls_back:
                raise
            raise self._undone(done, target, failure) from None

    def _redeploy(self, done: Push, target: Environment, version: str) -> Redeployed | None:
        redeployer = redeployer_for(target, self.settings)
        if redeployer is None:
            return None
        start_embedded(self.settings)
        await_awake(target, self.progress)
        deployment = Deployment(
            done.id, target.name, target.database, version or self._version_of(done, target), feature=target.feature
        )
        return redeploy(
            done, deployment, redeployer, self.records(target.name), health=target.health, anew=bool(version)
        )

    def _version_of(self, done: Push, target: Environment) -> str | None:
        """What it was pushed for. Asked for only where nobody needed to know then; never for data that came back, which
        a newer version would meet unmigrated."""
        return done.version if done.version or done.action == "rollback" else self._version(target)

    def _version(self, target: Environment) -> str | None:
        """The version of the application that it is to run; None for whichever is there, and where nobody needs to
        know."""
        if not target.redeploy and not target.fix_ups.commands:
            return None
        if not self.settings.github:
            return version_for(target, None)
        with self.settings.open_github() as github:
            return version_for(target, github, self.settings.releases.build)

    def _undone(self, done: Push, target: Environment, failure: RedeployFailed) -> RedeployFailed:
        """Bring back what worked; the error that tells of both. Data is given up only where no version has worked with
        it: else it has served, and people may have worked on it since."""
        record = history.recorded(self.records(target.name), done)
        good = record.redeploy.last_good if record and record.redeploy else None
        try:
            if good:
                if not good.wanted:
                    return failure
                self._redeploy(done, target, good.wanted)
                return RedeployFailed(f"{target.name} was redeployed with {good.wanted} again: {failure}")
            if not done.previous or done.action == "rollback":
                return failure
            self.redeploy(self.rollback(target.name, expected=done.id))
        except EtnaError as error:
            return RedeployFailed(f"{failure} Its rollback did not go well either: {error}")
        return RedeployFailed(
            f"{target.name} was rolled back to the database that it had before, and redeployed: {failure}"
        )

    def records(self, environment: str) -> Store:
        """Where pushes to an environment are recorded."""
        return self.settings.records(environment, self.store)

    def _feature(self, name: str) -> Feature | None:
        """The feature environment of `test/login-page`; None of other names. Raises what `environment` does."""
        kind, _, feature = name.partition("/")
        return KnownEnvironments(self.store).read().feature(feature) if kind == "test" and feature else None

    def _drop_expired(self, target: Environment, now: datetime) -> None:
        production, records = self.settings.production.database, self.records(target.name)
        drop_expired(target, production=production, records=records, now=now)
        drop_old_logs(self.settings.home, target, now)

    def _part(self, target: Environment, snapshot: Manifest) -> Manifest:
        """What of a snapshot an environment is to have: a subset of a stripped one, or the whole."""
        if target.subset and snapshot.kind == "stripped" and not snapshot.part:
            return self.subset(snapshot, target.subset)
        return snapshot

    def _resumed(self, begun: Begun) -> Pushing:
        start_embedded(self.settings)
        return self._pushing(self.environment(begun.environment), self.catalogue.read(begun.kind, begun.snapshot))

    def _pushing(self, target: Environment, snapshot: Manifest, version: str = "") -> Pushing:
        return Pushing(
            snapshot,
            target,
            store=self.store,
            production=self.settings.production.database,
            scratch=self.scratch,
            jobs=WORKERS,
            progress=self.progress,
            records=self.records(target.name),
            still_wanted=partial(is_registered, self.settings, target.feature) if target.feature else always,
            home=self.settings.home,
            version=lambda: version or self._version(target),
        )
