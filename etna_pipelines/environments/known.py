"""The feature environments that are known, kept in the store as one object: `environments/test.json`.

What the registry says now is compared with it: what is new, what left and when. Environments that were removed are
remembered for a while, so that what a killed push of theirs left is found by its exact name.
"""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from etna_pipelines.environments.features import Feature
from etna_pipelines.errors import EnvironmentGone, ObjectMissing, SettingsError, StoreRefused
from etna_pipelines.postgres.locks import exclusive_file
from etna_pipelines.stores.store import Store

KEY = "environments/test.json"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Known(_Model):
    """A feature environment, since it was first seen in the registry."""

    branch: str
    created: datetime
    """When it was first seen: one that was removed and comes back is another creation."""
    made: bool = False
    """Whether it was pushed to since."""
    gone_since: datetime | None = None
    confirmed: bool = False
    """Whether a person said that it may go, with however many others."""
    removing_since: datetime | None = None


class Removed(_Model):
    """One that was removed."""

    branch: str
    at: datetime


class State(_Model):
    """What is known, by the environments' names."""

    environments: Mapping[str, Known] = {}
    removed: Mapping[str, Removed] = {}
    swept: datetime | None = None
    """When databases of removed environments were last looked for."""

    def feature(self, name: str) -> Feature:
        """The environment of a name. Raises EnvironmentGone where it was removed, SettingsError where none is known."""
        if known := self.environments.get(name):
            return Feature(name, known.branch)
        if name in self.removed:
            removed = self.removed[name]
            raise EnvironmentGone(
                f"test/{name} was removed at {removed.at:%d %B %H:%M %Z} because {removed.branch} had left the "
                "registry: put the branch back, and it is made again."
            )
        nearest = difflib.get_close_matches(name, self.environments, n=1, cutoff=0)
        meant = f"did you mean test/{nearest[0]}?" if nearest else "none is registered yet."
        raise SettingsError(f"There is no feature environment test/{name}: {meant}")

    def former(self, name: str) -> Feature | None:
        """An environment that was removed and is not there again."""
        removed = self.removed.get(name) if name not in self.environments else None
        return Feature(name, removed.branch) if removed else None

    def after(self, environments: Mapping[str, Known], *, forget_before: datetime) -> "State":
        """The same with what is known now, remembering of those removed what may still matter."""
        removed = {
            name: each for name, each in self.removed.items() if name not in environments and each.at >= forget_before
        }
        return self.model_copy(update={"environments": environments, "removed": removed})

    def without(self, name: str, now: datetime) -> "State":
        """The same after an environment was removed."""
        removed = Removed(branch=self.environments[name].branch, at=now)
        left = {other: known for other, known in self.environments.items() if other != name}
        return self.model_copy(update={"environments": left, "removed": {**self.removed, name: removed}})


@dataclass(frozen=True)
class KnownEnvironments:
    """The object in the store. Whoever changes it holds the lock, a file in the home, from before reading it."""

    store: Store
    home: Path

    def read(self) -> State:
        try:
            return State.model_validate_json(b"".join(self.store.read(KEY)))
        except ObjectMissing:
            return State()
        except ValidationError:
            raise StoreRefused(
                f"{self.store.location(KEY)} is not what was written there: restore it, or delete it if all feature "
                "environments may be made anew."
            ) from None

    @contextmanager
    def changing(self) -> Iterator[State]:
        """What is known, while nobody else may change it; `write` what becomes of it inside."""
        with exclusive_file(self.home / "locks" / "feature_environments", "feature environments", wait=True):
            yield self.read()

    def write(self, state: State) -> None:
        self.store.put(KEY, [state.model_dump_json(indent=1, exclude_defaults=True).encode()])
