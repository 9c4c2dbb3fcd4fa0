"""The steps of environments that come and go with their branches: what is to be done, and removing one.

Making one, or bringing it up to date, is a push like any other: push_steps.py, to `test/login-page`.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etna_pipelines.environments import history
from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.known import Known, KnownEnvironments
from etna_pipelines.environments.reconcile import Plan, confirmed, reconcile
from etna_pipelines.environments.registry import default_directory, is_registered, registry_for
from etna_pipelines.environments.removal import Belongings, belongings, remove
from etna_pipelines.environments.start import start_embedded
from etna_pipelines.errors import EnvironmentWanted, EtnaError, LockHeld
from etna_pipelines.steps import Work

REMEMBERED = timedelta(days=7)
"""How long what killed pushes left is looked for after an environment's removal."""

SWEPT_AFTER = timedelta(hours=1)


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

    def tick(self, now: datetime | None = None) -> Plan:
        """Ask the registry, and say what is to be done. What is known is kept before it returns, so every run that it
        asks for has the same key however often it is asked for. Raises RegistryError: then nothing changed."""
        now = now or datetime.now(UTC)
        with self._known.changing() as state:
            if not state.environments:
                self._make_default_directory()
            listed = registry_for(self.settings).branches()  # inside, so that an older listing is never the later one
            plan = reconcile(listed, self._marked(state.environments), now, self.settings.test.removal)
            after = state.after(plan.known, forget_before=now - REMEMBERED)
            sweeps = bool(after.removed) and (after.swept is None or now - after.swept >= SWEPT_AFTER)
            if sweeps:
                after = after.model_copy(update={"swept": now})
            if after != state:
                self._known.write(after)
        if sweeps:
            with suppress(EtnaError):  # a server that sleeps has its turn in the next hour
                self.sweep()
        return plan

    def look_for(self, name: str) -> None:
        """Ask the registry, where an environment is not known yet: people need not wait for the sensor."""
        if name not in self.known():
            self.tick()

    def confirm(self) -> list[str]:
        """Let all environments that have left the registry by now be removed, however many they are; their names."""
        with self._known.changing() as state:
            after = state.model_copy(update={"environments": confirmed(state.environments)})
            self._known.write(after)
        return [name for name, known in after.environments.items() if known.gone_since]

    def is_wanted(self, name: str) -> bool:
        """Whether the registry has the environment's branch at this moment, or can't say."""
        return is_registered(self.settings, self.feature(name))

    def remove(self, name: str, *, forced: bool = False) -> Belongings:
        """Drop the databases and roles of a feature environment, and forget it. Once more does nothing.

        Raises EnvironmentWanted while its branch is registered and RegistryError where that can't be known, unless
        `forced`; LockHeld while a push works on it, RemovalFailed."""
        start_embedded(self.settings)
        state = self._known.read()
        feature = state.former(name) or state.feature(name)
        if not forced and feature.branch in registry_for(self.settings).branches():
            raise EnvironmentWanted(
                f"test/{name} stays: {feature.branch} is registered; take it out of the registry to remove it."
            )
        removed = remove(self.settings.feature_environment(feature), self.settings.production.database)
        with self._known.changing() as current:
            before, now = state.environments.get(name), current.environments.get(name)
            if before and now and before.created == now.created:  # else it is another creation already
                self._known.write(current.without(name, datetime.now(UTC)))
        return removed

    def orphans(self) -> list[Feature]:
        """Environments that were removed and of which the test server has something again: killed pushes left it."""
        former = [Feature(name, each.branch) for name, each in self._known.read().removed.items()]
        by_database = {self.settings.feature_environment(feature).database.name: feature for feature in former}
        with self.settings.database("test").maintenance.connect() as connection:
            return [by_database[live] for live, found in belongings(connection, [*by_database]).items() if found]

    def sweep(self) -> list[Feature]:
        """Drop what the orphans have, but for those that a push works on to its end. Raises what `remove` does."""
        found = self.orphans()
        for feature in found:
            with suppress(LockHeld):
                remove(self.settings.feature_environment(feature), self.settings.production.database)
        return found

    @property
    def _known(self) -> KnownEnvironments:
        return KnownEnvironments(self.store, self.settings.home)

    def _marked(self, known: Mapping[str, Known]) -> Mapping[str, Known]:
        """With what was made since the last tick."""
        if all(each.made for each in known.values()):
            return known
        pushed = history.last_pushed(self.store, "test/")
        made = {name for name, each in known.items() if (at := pushed.get(f"test/{name}")) and at >= each.created}
        return {name: each.model_copy(update={"made": True}) if name in made else each for name, each in known.items()}

    def _make_default_directory(self) -> None:
        """For the first environment: that it is missing later on says that something is wrong."""
        if self.settings.test.registry is None:
            (default_directory(self.settings) / "feature").mkdir(parents=True, exist_ok=True)
