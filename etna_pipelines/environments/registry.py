"""Where feature environments are announced. A listing is whole or fails: what is missing in one is removed.

`BranchesOnGitHub` and `DeploymentsOnGitHub` ask GitHub, `Directory` lists what a workflow, or a person, put there.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.registry_spec import BranchRegistry, DeploymentRegistry, DirectoryRegistry
from etna_pipelines.errors import GitHubError, GitHubRefused, RegistryError, RegistryRefused, StoreError, StoreRefused
from etna_pipelines.github.limits import Patience
from etna_pipelines.stores.store import Store

if TYPE_CHECKING:
    from etna_pipelines.settings import Settings

PATIENCE = Patience(limit=10, reply=10, whole=20, all=30, tries=2)
"""With GitHub: the registry is asked again in half a minute, and a sensor's tick has a minute."""

COMMIT = re.compile(r"[0-9a-f]{40}")
NOTHING_CHANGES = "no feature environment is added or removed until it does"


class Registry(Protocol):
    """Knows the branches that are to have an environment."""

    def branches(self) -> list[str]:
        """All of them. Raises RegistryError where that can't be known now, RegistryRefused where it never will."""
        ...


@dataclass(frozen=True)
class BranchesOnGitHub:
    """The branches that match a pattern, `feature/*`; its `*` stands for anything, `/` too."""

    settings: "Settings"
    pattern: str

    def branches(self) -> list[str]:
        beginning = re.split(r"[*?[]", self.pattern, maxsplit=1)[0]
        with _told(), self.settings.open_github(PATIENCE) as github:
            names = [branch.name for branch in github.branches(beginning)]
        return [name for name in names if fnmatchcase(name, self.pattern)]


@dataclass(frozen=True)
class DeploymentsOnGitHub:
    """What is deployed to GitHub's environments that match a pattern, until their newest deployment is inactive."""

    settings: "Settings"
    pattern: str

    def branches(self) -> list[str]:
        with _told(), self.settings.open_github(PATIENCE) as github:
            active = [each for each in github.deployments(self.pattern) if each.is_active]
        # Some workflows deploy a commit: then their environment is called as its branch is.
        return [each.environment if COMMIT.fullmatch(each.branch) else each.branch for each in active]


@dataclass(frozen=True)
class Directory:
    """A directory, or a prefix in S3: each file is called as a branch is, `feature/login`. Names that begin with a dot
    do not count; what is in the files neither."""

    store: Store
    path: Path | None = None
    """Where the directory is; None in S3."""

    def branches(self) -> list[str]:
        with _told():
            self._check()
            names = [item.key for item in self.store.list("")]
            self._check()  # unmounted meanwhile, it would have looked emptier than it is
        return [name for name in names if name.isprintable()]

    def _check(self) -> None:
        if self.path and not self.path.is_dir():
            raise RegistryError(
                f"{self.path}, where feature environments are listed, is not there: make it, or correct `registry` in "
                f"environments.yaml; {NOTHING_CHANGES}."
            )


def registry_for(settings: "Settings") -> Registry:
    """What `registry:` of `test:` says, or the home's `feature_environments`. Connects to nothing. Raises SettingsError
    where there is no `test`."""
    match settings.test.registry:
        case BranchRegistry(branches=pattern):
            return BranchesOnGitHub(settings, pattern)
        case DeploymentRegistry(deployments=pattern):
            return DeploymentsOnGitHub(settings, pattern)
        case DirectoryRegistry() | None as spec:
            address = spec.directory if spec else str(default_directory(settings))
            # In S3 it is reached as the snapshots are.
            store = replace(settings, store=settings.store.model_copy(update={"url": address})).open_store()
            return Directory(store, None if spec and spec.is_s3 else Path(address))
        case other:
            assert_never(other)


def default_directory(settings: "Settings") -> Path:
    """Where feature environments are listed while nothing else is configured: `touch` makes one there."""
    return settings.home / "feature_environments"


def is_registered(settings: "Settings", feature: Feature) -> bool:
    """Whether the registry has the environment's branch at this moment; so it is, too, where it can't say."""
    try:
        return feature.branch in registry_for(settings).branches()
    except RegistryError:
        return True


@contextmanager
def _told() -> Iterator[None]:
    """What GitHub or a store says, as what it means for feature environments."""
    try:
        yield
    except (StoreRefused, GitHubRefused) as error:
        raise RegistryRefused(f"Feature environments can't be listed: {error}") from None
    except (StoreError, GitHubError) as error:
        raise RegistryError(f"Feature environments can't be listed now: {error}") from None
