"""The steps from a snapshot to an environment that serves it, one method each; `push` is all of them."""

from dataclasses import dataclass
from functools import partial

from etna_pipelines.environments import history
from etna_pipelines.environments.awake import await_awake
from etna_pipelines.environments.history import Push
from etna_pipelines.environments.known import KnownEnvironments
from etna_pipelines.environments.push import Begun, Pushing, always
from etna_pipelines.environments.registry import is_registered
from etna_pipelines.environments.rollback import rollback
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.environments.templates import Template, make_template
from etna_pipelines.errors import RedeployFailed, SnapshotMissing
from etna_pipelines.redeploy.choice import redeployer_for
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed, redeploy
from etna_pipelines.settings import Environment
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import WORKERS, Work


@dataclass(frozen=True)
class PushSteps(Work):
    """A snapshot -> begin -> fill -> check -> fix up -> swap in -> redeploy."""

    def environment(self, name: str) -> Environment:
        """The environment of a name, `test/login-page` too. Raises SettingsError; EnvironmentGone where it was."""
        kind, _, feature = name.partition("/")
        if kind == "test" and feature:
            known = KnownEnvironments(self.store, self.settings.home).read()
            return self.settings.feature_environment(known.feature(feature))
        return self.settings.environment(name)

    def snapshot(self, environment: str, id_: str = "") -> Manifest:
        """The snapshot of an id, or the newest of the kind that the environment is to have. Raises SnapshotMissing."""
        kind = self.environment(environment).snapshot or "stripped"
        if not id_:
            return self.newest(kind)
        try:
            return self.catalogue.read(kind, id_)
        except SnapshotMissing:
            return self.catalogue.read("stripped", id_)  # goes anywhere

    def make_template(self, snapshot: Manifest) -> Template | None:
        """What test environments are cloned from: made of a stripped snapshot, or of the subset that they are to have,
        unless it is there. None where newer ones are."""
        start_embedded(self.settings)
        test = self.settings.test_environments
        return make_template(
            self._part(test, snapshot),
            test,
            store=self.store,
            production=self.settings.production.database,
            scratch=self.scratch,
            jobs=WORKERS,
            progress=self.progress,
        )

    def begin(self, environment: str, snapshot: Manifest) -> Begun:
        """Find every reason not to push a snapshot, or the subset of it that the environment is to have."""
        start_embedded(self.settings)
        target = self.environment(environment)
        snapshot = self._part(target, snapshot)
        template = self.make_template(snapshot) if target.feature else None
        return self._pushing(target, snapshot).begin(template)

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

    def rollback(self, environment: str) -> Push:
        """Swap what an environment served before back in."""
        start_embedded(self.settings)
        target = self.environment(environment)
        await_awake(target, self.progress)
        return rollback(target, production=self.settings.production.database, store=self.store)

    def redeploy_last(self, environment: str) -> Redeployed | None:
        """Redeploy what was last pushed to an environment or rolled back there, unless that was done."""
        self.environment(environment)
        record = history.last(self.store, environment)
        if record is None:
            raise RedeployFailed(f"Nothing was pushed to {environment} yet: run the job that does, then redeploy.")
        return self.redeploy(record.push)

    def redeploy(self, done: Push) -> Redeployed | None:
        """Redeploy what a push was for; None where the settings name no way to."""
        target = self.environment(done.environment)
        redeployer = redeployer_for(target, self.settings.home)
        if redeployer is None:
            return None
        start_embedded(self.settings)
        deployment = Deployment(done.id, target.name, target.database, feature=target.feature)
        return redeploy(done, deployment, redeployer, self.store)

    def _part(self, target: Environment, snapshot: Manifest) -> Manifest:
        """What of a snapshot an environment is to have: a subset of a stripped one, or the whole."""
        if target.subset and snapshot.kind == "stripped" and not snapshot.part:
            return self.subset(snapshot, target.subset)
        return snapshot

    def _resumed(self, begun: Begun) -> Pushing:
        start_embedded(self.settings)
        return self._pushing(self.environment(begun.environment), self.catalogue.read(begun.kind, begun.snapshot))

    def _pushing(self, target: Environment, snapshot: Manifest) -> Pushing:
        return Pushing(
            snapshot,
            target,
            store=self.store,
            production=self.settings.production.database,
            scratch=self.scratch,
            jobs=WORKERS,
            progress=self.progress,
            still_wanted=partial(is_registered, self.settings, target.feature) if target.feature else always,
        )
