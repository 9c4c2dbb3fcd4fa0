"""What environments.yaml says under `github:`."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from etna_pipelines.addresses import in_the_clear
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

    @field_validator("api_url")
    @classmethod
    def _keeps_the_token_private(cls, url: str) -> str:
        address = urlsplit(url)
        known = address.hostname and address.scheme in ("https", "http")
        if not known or in_the_clear(url) or "@" in address.netloc or address.query:
            raise ValueError("must be an https address without credentials: https://HOST/api/v3 of your own server.")
        return url
