"""What environments.yaml says under `redeploy:` and `health:`.

`{version}`, `{branch}`, `{image_tag}`, `{environment}`, `{name}` and `{push}` are filled in: see placeholders.py."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from etna_pipelines.addresses import refuse_in_the_clear
from etna_pipelines.strict_model import StrictModel, told_apart

Version = Literal["next release", "main", "branch", "none"]
"""Which version of the application an environment runs: the newest release (published, or about to be), the newest
build of the main branch, the build of a feature environment's branch, or whichever is there."""


class CommandRedeploy(StrictModel):
    """A program to start after a swap, as its list of arguments."""

    command: list[str] = Field(min_length=1)
    pass_environment: list[str] = []
    """Variables of ours that it finds, which it would not as they may hold credentials: `AWS_*`."""


class WorkflowRedeploy(StrictModel):
    """A workflow of the application's repository, dispatched and followed to its conclusion."""

    workflow: str
    ref: str = "main"
    inputs: dict[str, str] = {}
    """`push: "{push}"`, with the workflow's `run-name: Deploy ${{ inputs.push }}`, tells whose a run is."""


class WebhookRedeploy(StrictModel):
    """A signed POST; the secret is the variable ETNA_WEBHOOK_SECRET."""

    webhook: str
    plain_http: bool = False
    """Whether it may be asked unencrypted although it is another machine: anybody on the way could answer for it."""

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")) or "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("must be an address such as `https://deploy.example.org/etna`, without credentials.")
        return url

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        refuse_in_the_clear(self.webhook, plain_http=self.plain_http)
        return self


class SsmRedeploy(StrictModel):
    """A shell script on the running EC2 instances that carry all of the tags, by AWS Systems Manager."""

    ssm: dict[str, str] = Field(min_length=1)
    """Tags and their values."""
    commands: list[str] = Field(min_length=1)
    """The script's lines. What is filled in is quoted."""
    parameter: str | None = None
    """The SSM parameter that the version is written to first."""
    region: str | None = None


class LambdaRedeploy(StrictModel):
    """An AWS Lambda function, invoked and waited for."""

    function: str = Field(alias="lambda")
    payload: dict[str, str] = {}
    """Goes along with `push`, `environment` and `version`."""
    parameter: str | None = None
    """As above."""
    region: str | None = None


class EcsRedeploy(StrictModel):
    """A new deployment of a service of an ECS cluster, forced, and waited for until it is steady."""

    ecs: str
    """`cluster/service`."""
    region: str | None = None

    @field_validator("ecs")
    @classmethod
    def _is_service(cls, service: str) -> str:
        if len([part for part in service.split("/") if part]) != 2:
            raise ValueError("must be a cluster and a service, as in `staging/web`.")
        return service


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
