"""The steps of environments that come and go with their branches: what is to be done, and removing one.

Making one, or bringing it up to date, is a push like any other: push_steps.py, to `test/login-page`.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg

from etna_pipelines.environments import history
from etna_pipelines.environments.awake import await_awake, is_awake
from etna_pipelines.environments.features import Feature, feature_of
from etna_pipelines.environments.known import Known, KnownEnvironments, State
from etna_pipelines.environments.naming import belongs_to
from etna_pipelines.environments.reconcile import Plan, confirmed, reconcile
from etna_pipelines.environments.registry import default_directory, registry_for
from etna_pipelines.environments.removal import Belongings, belongings, environments_on, remove
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.errors import EnvironmentWanted, EtnaError, LockHeld
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.steps import Work

Failures = Callable[[Mapping[str, Known]], Mapping[str, datetime]]
"""Of environments that were not made yet: whose last run ended without having made it, and when."""


SLOWEST = timedelta(minutes=1)
"""A tick of a sensor: a listing that seems to be older than the last one by more is from a clock that is wrong."""


def none_failed(unmade: Mapping[str, Known]) -> Mapping[str, datetime]:  # noqa: ARG001
    """For who starts no runs."""
    return {}


@dataclass(frozen=True)
class FeatureSteps(Work):
    """The registry -> what is known -> environments made and removed."""

    def known(self) -> Mapping[str, Known]:
        """The feature environments by name, those that are about to be removed as well."""
        return self._known.read().environments

    def feature(self, name: str) -> Feature:
        """The feature environment of a name, `login-page`. Raises SettingsError where there is none, EnvironmentGone
        where there was."""
        return self._known.read().feature(name)

    def tick(self, now: datetime | None = None, failures: Failures = none_failed) -> Plan:
        """Ask the registry, and say what is to be done. What is known is kept before it returns, so every run that it
        asks for has the same key however often it is asked for. Raises RegistryError: then nothing changed."""
        now = now or datetime.now(UTC)
        listed = self._listed()
        unmade = {name: each for name, each in self.known().items() if not each.made}
        made = self._made(unmade)
        failed = failures({name: each for name, each in unmade.items() if name not in made})

        def compared(state: State) -> tuple[State, Plan]:
            is_older = state.listed is not None and timedelta() < state.listed - now < SLOWEST
            known = {
                name: each.model_copy(update={"made": True}) if made.get(name) == each.created else each
                for name, each in state.environments.items()
            }
            branches = state.branches if is_older else listed
            plan = reconcile(branches, known, now, self.settings.test.removal, failed)
            return state.after(plan.known, now), plan

        return self._unless_asleep(self._known.change(compared))

    def look_for(self, name: str) -> None:
        """Ask the registry for an environment that is not known yet: people need not wait for the sensor. It adds that
        one alone: what has left is for the sensor to say, and people's settings may name another registry."""
        if name in self.known():
            return
        now = datetime.now(UTC)
        branch = next((branch for branch in self._listed() if feature_of(branch).name == name), None)
        if branch is None:
            return
        new = {name: Known(branch=branch, created=now)}
        self._known.change(lambda state: (state.after(new | {**state.environments}, now), None))

    def confirm(self) -> list[str]:
        """Let all environments that have left the registry by now be removed, however many they are; their names."""

        def gone(state: State) -> tuple[State, list[str]]:
            after = confirmed(state.environments)
            return state.model_copy(update={"environments": after}), [name for name in after if after[name].gone_since]

        return self._known.change(gone)

    def remove(self, name: str, *, forced: bool = False) -> Belongings:
        """Drop the databases and roles of a feature environment, and forget it, and what killed pushes left of others.
        Once more does nothing.

        Raises EnvironmentWanted while its branch is registered and RegistryError where that can't be known, unless
        `forced`; TargetAsleep, LockHeld while a push works on it, RemovalFailed."""
        start_embedded(self.settings)
        await_awake(self.settings.test_environments, self.progress)
        state = self._known.read()
        before = state.environments.get(name)

        def refuse() -> None:
            self._refuse_another(name, before)
            if not forced:
                self._refuse_registered(name)

        removed = self._remove(self._removable(state, name), refuse)
        reached(FaultPoint.REMOVAL_DROPPED)
        self._known.change(lambda now: (now.without(name) if _same(now.environments.get(name), before) else now, None))
        with suppress(EtnaError, psycopg.Error):  # this one is removed in any case
            self.sweep()
        return removed

    def orphans(self) -> list[Feature]:
        """Environments that were removed and of which the test server has something again: killed pushes left it."""
        state = self._known.read()
        former = [feature for name in state.removed if (feature := state.former(name))]
        by_database = {self.settings.feature_environment(feature).database.name: feature for feature in former}
        with self.settings.database("test").maintenance.connect() as connection:
            return [by_database[live] for live, found in belongings(connection, [*by_database]).items() if found]

    def sweep(self) -> list[Feature]:
        """Drop what the orphans have, but for those that a push works on to its end or that are back. Raises what
        `remove` does."""
        found = self.orphans()
        for feature in found:
            with suppress(LockHeld, EnvironmentWanted):
                self._remove(feature, partial(self._refuse_another, feature.name, None))
        return found

    def strangers(self) -> list[str]:
        """Environments that the test server has and that are not known: what was known is lost, or kept in another
        store. Nobody removes them unless a person says so, by `remove`. Raises what connecting does."""
        state = self._known.read()
        with self.settings.database("test").maintenance.connect() as connection:
            there = environments_on(connection)
        return sorted(
            {
                name
                for database, environment in there.items()
                if (name := environment.removeprefix("test/")) != environment
                and name not in state.environments
                and name not in state.removed
                and belongs_to(self.settings.feature_environment(Feature(name, "")).database.name, database)
            }
        )

    def strangers_if_awake(self) -> list[str]:
        """The same, or none where the server can't be asked."""
        with suppress(EtnaError, psycopg.Error):
            return self.strangers()
        return []

    @property
    def _known(self) -> KnownEnvironments:
        return KnownEnvironments(self.store)

    def _listed(self) -> list[str]:
        """The branches that the registry has."""
        if self.settings.test.registry is None and not self.known():
            # For the first environment: that it is missing later on says that something is wrong.
            (default_directory(self.settings) / "feature").mkdir(parents=True, exist_ok=True)
        return registry_for(self.settings).branches()

    def _made(self, unmade: Mapping[str, Known]) -> Mapping[str, datetime]:
        """Those that were pushed to since the last tick, and when they had been created."""

        def last(name: str) -> datetime | None:
            return history.last_pushed(self.store, f"test/{name}/").get(f"test/{name}")

        with ThreadPoolExecutor(16) as pool:
            pushed = dict(zip(unmade, pool.map(last, unmade), strict=True))
        return {name: each.created for name, each in unmade.items() if (at := pushed[name]) and at >= each.created}

    def _unless_asleep(self, plan: Plan) -> Plan:
        """Nothing to do while the test server sleeps: every run would wait for it, and then fail."""
        if not (plan.to_make or plan.to_remove) or self.settings.is_embedded("test"):
            return plan
        database = self.settings.database("test")
        if is_awake(database):
            return plan
        waiting = len(plan.to_make) + len(plan.to_remove)
        asleep = (
            f"The server of the feature environments, {database.host}:{database.port}, does not answer: {waiting} wait "
            "to be made or removed until it does."
        )
        return replace(plan, to_make=[], to_remove=[], messages=[*plan.messages, asleep])

    def _removable(self, state: State, name: str) -> Feature:
        if name not in state.environments and name not in state.removed and name in self.strangers():
            return Feature(name, "")
        return state.former(name) or state.feature(name)

    def _remove(self, feature: Feature, refuse: Callable[[], None]) -> Belongings:
        return remove(self.settings.feature_environment(feature), self.settings.production.database, refuse)

    def _refuse_another(self, name: str, before: Known | None) -> None:
        """Raise EnvironmentWanted unless it is the one that was seen, or still none."""
        if not _same(self.known().get(name), before):
            raise EnvironmentWanted(f"test/{name} stays: its branch came back meanwhile.")

    def _refuse_registered(self, name: str) -> None:
        branch = next((branch for branch in self._listed() if feature_of(branch).name == name), None)
        if branch:
            raise EnvironmentWanted(
                f"test/{name} stays: {branch} is registered; take it out of the registry to remove it."
            )


def _same(one: Known | None, other: Known | None) -> bool:
    """Whether they are one creation, or both none."""
    return (one and one.created) == (other and other.created)
