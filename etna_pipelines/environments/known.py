"""The feature environments that are known, kept in the store: `environments/test/000000000042.json` is all of them.

What the registry says now is compared with it: what is new, what left and when. Environments that were removed are
remembered for a while, so that what a killed push of theirs left is found by its exact name.

Every change is an object of its own, numbered, and written only where nobody else wrote that number: so nothing is lost
when sensors, runs and people on several machines change it at once, and nobody waits for anybody.
"""

import difflib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from etna_pipelines.environments.features import Feature
from etna_pipelines.errors import EnvironmentGone, SettingsError, StoreError, StoreRefused
from etna_pipelines.stores.store import Store

PREFIX = "environments/test/"

KEPT = 100
"""So many objects: whoever was overtaken by fewer changes sees that its number is taken."""

TRIES = 50
"""Each that fails is one that somebody else made."""

REMEMBERED = timedelta(days=7)
"""How long what killed pushes left is looked for after an environment's removal."""

Outcome = TypeVar("Outcome")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Known(_Model):
    """A feature environment, since it was first seen in the registry."""

    branch: str
    created: datetime
    """When it was first seen: one that was removed and comes back is another creation."""
    made: bool = False
    """Whether it was pushed to since."""
    tries: int = 0
    """How many runs were given up that were to make it."""
    failed_at: datetime | None = None
    """When the last of them ended."""
    gone_since: datetime | None = None
    confirmed: bool = False
    """Whether a person said that it may go, with however many others."""
    held_back: bool = False
    """Whether it would be removed if so many others were not gone as well."""
    removing_since: datetime | None = None

    @property
    def remark(self) -> str:
        """What people should know of it; empty where all is well."""
        if self.removing_since:
            return "is being removed"
        if self.held_back:
            return "held back: run `etna test confirm` if it is to be removed"
        if self.gone_since:
            return f"its branch is gone since {self.gone_since:%d %B %H:%M}"
        if self.made:
            return ""
        if self.failed_at:
            return f"could not be made at {self.failed_at:%d %B %H:%M}, and is tried again"
        return "is being made"


class Removed(_Model):
    """One that was removed."""

    branch: str
    at: datetime


class State(_Model):
    """What is known, by the environments' names."""

    environments: Mapping[str, Known] = {}
    removed: Mapping[str, Removed] = {}
    listed: datetime | None = None
    """When the listing was asked for that last changed anything: what an older one says does not count."""

    @property
    def branches(self) -> list[str]:
        """Those that were registered, as far as is known."""
        return [each.branch for each in self.environments.values() if not each.gone_since]

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

    def after(self, environments: Mapping[str, Known], listed: datetime) -> "State":
        """The same with what is known by a listing, remembering of those removed what may still matter."""
        if environments == self.environments:
            return self
        removed = {
            name: each
            for name, each in self.removed.items()
            if name not in environments and listed - each.at <= REMEMBERED
        }
        newest = max(listed, self.listed or listed)
        return self.model_copy(update={"environments": environments, "removed": removed, "listed": newest})

    def without(self, name: str, now: datetime | None = None) -> "State":
        """The same after an environment was removed, if it was known."""
        if name not in self.environments:
            return self
        removed = Removed(branch=self.environments[name].branch, at=now or datetime.now(UTC))
        left = {other: known for other, known in self.environments.items() if other != name}
        return self.model_copy(update={"environments": left, "removed": {**self.removed, name: removed}})


@dataclass(frozen=True)
class KnownEnvironments:
    """The objects in the store: the newest one counts."""

    store: Store

    def read(self) -> State:
        return self._of(self._numbers())

    def change(self, become: Callable[[State], tuple[State, Outcome]]) -> Outcome:
        """Make of what is known what `become` says, and return what it says besides; it is asked again where somebody
        else was faster. Nothing is written where nothing changes. Raises StoreError."""
        for _ in range(TRIES):
            numbers = self._numbers()
            before = self._of(numbers)
            after, outcome = become(before)
            if after == before or self._write(max(numbers, default=0) + 1, after):
                with suppress(StoreError):  # another time
                    self.store.delete([_key(number) for number in numbers[:-KEPT]])
                return outcome
        raise StoreError(f"{self.store.location(PREFIX)} is changed by others all the time: try again.")

    def _numbers(self) -> list[int]:
        names = [item.key.removeprefix(PREFIX).removesuffix(".json") for item in self.store.list(PREFIX)]
        return sorted(int(name) for name in names if name.isdecimal())

    def _of(self, numbers: list[int]) -> State:
        if not numbers:
            return State()
        key = _key(numbers[-1])
        try:
            return State.model_validate_json(b"".join(self.store.read(key)))
        except ValidationError:
            raise StoreRefused(
                f"{self.store.location(key)} is not what was written there: delete it, then what was known before it "
                "counts."
            ) from None

    def _write(self, number: int, state: State) -> bool:
        """Whether it was written: nobody else had taken its number."""
        try:
            self.store.put_if_absent(_key(number), state.model_dump_json(indent=1, exclude_defaults=True).encode())
        except StoreRefused:
            if number not in self._numbers():
                raise
            return False
        return True


def _key(number: int) -> str:
    return f"{PREFIX}{number:012}.json"
