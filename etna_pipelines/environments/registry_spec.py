"""What environments.yaml says under `registry:` of `test:`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from etna_pipelines.strict_model import StrictModel, told_apart


class BranchRegistry(StrictModel):
    """The branches of the application's GitHub repository that match a pattern."""

    branches: str = "feature/*"


class DeploymentRegistry(StrictModel):
    """The GitHub environments that match a pattern and whose newest deployment is not inactive."""

    deployments: str


class DirectoryRegistry(StrictModel):
    """A directory, or `s3://bucket/prefix`: a file per feature environment, whose path in it is the branch's name."""

    directory: str = Field(min_length=1)

    @property
    def is_s3(self) -> bool:
        return self.directory.startswith("s3://")

    def resolved(self, base: Path) -> Self:
        """The same with an absolute directory: relative ones stand beside the settings file."""
        absolute = str(base / Path(self.directory).expanduser())
        return self if self.is_s3 else self.model_copy(update={"directory": absolute})


RegistrySpec = Annotated[
    BranchRegistry | DeploymentRegistry | DirectoryRegistry,
    told_apart("list feature environments", BranchRegistry, DeploymentRegistry, DirectoryRegistry),
]


class Removal(StrictModel):
    """When a feature environment that left the registry is removed."""

    grace: int = Field(default=60, ge=0)
    """Minutes that it must be gone."""
    share: int = Field(default=50, ge=1, le=100)
    """The most of all environments, in per cent, that are removed at once without being confirmed."""
