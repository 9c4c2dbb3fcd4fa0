"""What environments.yaml says under `github:`."""

from pydantic import Field

from etna_pipelines.strict_model import StrictModel


class GitHubApp(StrictModel):
    """A GitHub App's installation; its private key is the variable ETNA_GITHUB_PRIVATE_KEY."""

    id: int
    installation: int


class GitHubSpec(StrictModel):
    """The application's repository: its feature branches, workflows and releases. Without `app` a fine-grained token
    is the variable ETNA_GITHUB_TOKEN."""

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    api_url: str = "https://api.github.com"
    app: GitHubApp | None = None
