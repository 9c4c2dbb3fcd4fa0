"""What GitHub answers, as far as it is used here: https://docs.github.com/rest, version 2022-11-28."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)


class Branch(_Answer):
    """A branch."""

    ref: str

    @property
    def name(self) -> str:
        """As people write it: `feature/login`."""
        return self.ref.removeprefix("refs/heads/")


class Tag(_Answer):
    """A tag."""

    name: str


class Deployment(_Answer):
    """What was asked to be deployed; the newer, the greater its id."""

    id: int
    environment: str
    ref: str
    """The branch, tag or commit."""


class Status(_Answer):
    """What became of a deployment; the newer, the greater its id."""

    id: int
    state: State


class DeploymentState(_Answer):
    """The newest deployment to an environment of GitHub's, and its newest status."""

    deployment: Deployment
    state: State | None
    """None for one that nobody has said anything of yet."""

    @property
    def environment(self) -> str:
        return self.deployment.environment

    @property
    def branch(self) -> str:
        return self.deployment.ref.removeprefix("refs/heads/")

    @property
    def is_active(self) -> bool:
        """Whether the environment is there, or about to be."""
        return self.state != "inactive"


class WorkflowRun(_Answer):
    """A run of a workflow."""

    id: int
    title: str = Field(validation_alias="display_title")
    """What the workflow's `run-name` made of it."""
    branch: str | None = Field(validation_alias="head_branch")
    """Or the tag of what was released."""
    status: str | None
    """`completed` once it is over."""
    conclusion: str | None
    """`success`, `failure`, `cancelled`, `timed_out`, ..., once it is over."""
    created: datetime = Field(validation_alias="created_at")
    url: str = Field(validation_alias="html_url")
    """Its page, for people."""

    @property
    def is_over(self) -> bool:
        return self.status == "completed"

    @property
    def succeeded(self) -> bool:
        return self.is_over and self.conclusion == "success"


class RunsPage(_Answer):
    """A page of runs."""

    total: int = Field(validation_alias="total_count")
    """How many there are on all pages."""
    runs: list[WorkflowRun] = Field(validation_alias="workflow_runs")


class Dispatched(_Answer):
    """What a dispatch answers when it is asked to."""

    run: int = Field(validation_alias="workflow_run_id")


class Release(_Answer):
    """A release, which may still be a draft: drafts are shown to those who may write to the repository."""

    tag: str = Field(validation_alias="tag_name")
    draft: bool
    prerelease: bool
    published: datetime | None = Field(validation_alias="published_at")
    """None for a draft."""


class InstallationToken(_Answer):
    """A token of a GitHub App's installation, good for an hour."""

    token: str = Field(repr=False)
    expires: datetime = Field(validation_alias="expires_at")
