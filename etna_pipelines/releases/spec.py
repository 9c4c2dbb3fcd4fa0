"""What environments.yaml says under `releases:`."""

from pydantic import Field

from etna_pipelines.strict_model import StrictModel


class ReleasesSpec(StrictModel):
    """How a release of the application is made, and how its migrations are rehearsed."""

    workflow: str = "create-release-tag.yml"
    """The workflow of the application's repository that makes the tag."""
    ref: str = "main"
    inputs: dict[str, str] = {"version": "{version}"}
    """`{version}` is filled in; none for a workflow that counts by itself."""
    patience: int = Field(default=30, ge=1)
    """Minutes to wait for that workflow."""
    build: str | None = None
    """The workflow that builds the image of a release once it is published, as `release.yml`: staging gets a release
    when that has succeeded. Without it, as soon as it is published."""
    migrate: list[str] = []
    """The program that migrates a database with a release, as its list of arguments; `{version}` is filled in. It finds
    ETNA_DATABASE_URL (without the password: that is in PGPASSWORD) in its environment."""
    pass_environment: list[str] = []
    """Variables of ours that it finds, which it would not as they may hold credentials: `AWS_*`."""
    longest: int = Field(default=240, ge=1, le=1200)
    """Minutes that it may take."""
