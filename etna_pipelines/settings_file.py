"""What may stand in environments.yaml."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from etna_pipelines.snapshots.manifest import Kind
from etna_pipelines.snapshots.subset_spec import Subset

EMBEDDED = "embedded"
EXAMPLE_URL = "postgresql://user@host:5432/name"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _check_address(address: str) -> str:
    if address != EMBEDDED and not address.startswith(("postgresql://", "postgres://")):
        raise ValueError(f"must be `{EMBEDDED}` or a URL such as `{EXAMPLE_URL}`.")
    return address


DatabaseAddress = Annotated[str, AfterValidator(_check_address)]


class CommandRedeploy(_Model):
    """A program to start after a swap, as its list of arguments. Other kinds have keys of their own: a redeploy is a
    union of such classes, told apart by their key."""

    command: list[str] = Field(min_length=1)


class Production(_Model):
    """Where the data comes from."""

    database: DatabaseAddress = EMBEDDED


class Target(_Model):
    """An environment that snapshots are pushed to."""

    database: DatabaseAddress = EMBEDDED
    snapshot: Kind = "stripped"
    subset: Subset | None = None
    hosts: dict[str, str] = {}
    redeploy: CommandRedeploy | None = None
    owner: str | None = None

    @field_validator("snapshot")
    @classmethod
    def _only_stripped(cls, snapshot: Kind) -> Kind:
        if snapshot == "full":
            raise ValueError("must be `stripped`; only staging may see real people's data.")
        return snapshot

    @model_validator(mode="after")
    def _subset_of_stripped(self) -> Self:
        if self.subset and self.snapshot == "full":
            raise ValueError("has a `subset`, which is made of stripped snapshots: say `snapshot: stripped` beside it.")
        return self


class Staging(Target):
    """The one environment that may hold what production holds."""

    snapshot: Kind = "full"

    @field_validator("snapshot")
    @classmethod
    def _only_stripped(cls, snapshot: Kind) -> Kind:
        return snapshot


class StoreSettings(_Model):
    """A directory or an S3 address; the other two settings are for S3."""

    url: str = EMBEDDED
    endpoint_url: str | None = None
    region: str | None = None

    @property
    def is_s3(self) -> bool:
        return self.url.startswith("s3://")

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        return urlsplit(self.url).path.strip("/")

    def resolved(self, base: Path, home: Path) -> "StoreSettings":
        """The same with an absolute directory: relative ones stand beside the settings file."""
        if self.is_s3:
            return self
        directory = home / "store" if self.url == EMBEDDED else base / Path(self.url).expanduser()
        return StoreSettings(url=str(directory))

    @field_validator("url", "endpoint_url")
    @classmethod
    def _without_credentials(cls, text: str | None) -> str | None:
        if text and "://" in text and "@" in text:
            raise ValueError(
                "must be an address without credentials; boto3 finds those in AWS_... variables or a profile."
            )
        return text

    @model_validator(mode="after")
    def _known(self) -> Self:
        if "://" in self.url and not (self.is_s3 and self.bucket):
            raise ValueError(f"must be `{EMBEDDED}`, a directory, or an address such as `s3://bucket/prefix`.")
        if not self.url:
            raise ValueError(f"is empty; write `{EMBEDDED}`, a directory, or an address such as `s3://bucket/prefix`.")
        if not self.is_s3 and (self.endpoint_url or self.region):
            raise ValueError("has `endpoint_url` or `region`, which only an `s3://` store can have; take them out.")
        return self


def _as_mapping(store: object) -> object:
    return {"url": store} if isinstance(store, str) else store


class SettingsFile(_Model):
    """The file as a whole. A section without content counts as absent."""

    production: Production | None = None
    store: Annotated[StoreSettings, BeforeValidator(_as_mapping)] = StoreSettings()
    rules: str = "anonymisation_rules/demo.yaml"
    staging: Staging | None = None
    development: Target | None = None
    test: Target | None = None
    local: Target | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, data: object) -> object:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


TARGETS: dict[str, type[Target]] = {"staging": Staging, "development": Target, "test": Target, "local": Target}
"""The environments that can be pushed to, in the order people think of them."""
