"""What environments.yaml says under `redeploy:` and `health:`."""

from typing import Annotated, Literal

from pydantic import Field

from etna_pipelines.strict_model import StrictModel, told_apart

Version = Literal["next release", "main", "branch", "none"]
"""Which version of the application an environment runs: the newest release (published, or about to be), the newest
build of the main branch, the build of a feature environment's branch, or whichever is there."""


class CommandRedeploy(StrictModel):
    """A program to start after a swap, as its list of arguments."""

    command: list[str] = Field(min_length=1)


class WorkflowRedeploy(StrictModel):
    """A workflow of the application's repository, dispatched and followed to its conclusion."""

    workflow: str
    ref: str = "main"
    inputs: dict[str, str] = {}
    """`{version}`, `{branch}`, `{environment}`, `{name}` and `{push}` are filled in."""


class WebhookRedeploy(StrictModel):
    """A signed POST; the secret is the variable ETNA_WEBHOOK_SECRET."""

    webhook: str


class SsmRedeploy(StrictModel):
    """AWS SSM RunShellScript on the instances that carry all of the tags."""

    ssm: dict[str, str] = Field(min_length=1)
    """Tags and their values."""
    commands: list[str] = Field(min_length=1)
    parameter: str | None = None
    """The SSM parameter that the version is written to first."""
    region: str | None = None


class LambdaRedeploy(StrictModel):
    """An AWS Lambda function, invoked and waited for."""

    function: str = Field(alias="lambda")
    payload: dict[str, str] = {}
    parameter: str | None = None
    region: str | None = None


class EcsRedeploy(StrictModel):
    """A new deployment of a service of an ECS cluster, forced, and waited for until it is steady."""

    ecs: str
    """`cluster/service`."""
    region: str | None = None


Redeploy = Annotated[
    CommandRedeploy | WorkflowRedeploy | WebhookRedeploy | SsmRedeploy | LambdaRedeploy | EcsRedeploy,
    told_apart(
        "redeploy", CommandRedeploy, WorkflowRedeploy, WebhookRedeploy, SsmRedeploy, LambdaRedeploy, EcsRedeploy
    ),
]


class Health(StrictModel):
    """What must answer after a redeploy."""

    url: str
    """Must answer 200."""
    version_url: str | None = None
    """Must answer with the version that was deployed, as text or as `version` of a JSON object."""
    patience: Annotated[int, Field(ge=1)] = 300
    """Seconds to wait for both."""
