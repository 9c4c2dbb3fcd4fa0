"""What may stand in environments.yaml."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from etna_pipelines.addresses import in_the_clear
from etna_pipelines.alerts.spec import AlertsSpec
from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.environments.registry_spec import RegistrySpec, Removal
from etna_pipelines.github.spec import GitHubSpec
from etna_pipelines.growing_spec import GrowingSpec
from etna_pipelines.integrity_spec import IntegritySpec
from etna_pipelines.nightly_spec import NightlySpec
from etna_pipelines.redeploy.spec import Health, Redeploy, Version
from etna_pipelines.releases.spec import ReleasesSpec
from etna_pipelines.snapshots.manifest import KINDS, Kind
from etna_pipelines.snapshots.retention_spec import RetentionSpec
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.stores.encryption_spec import Encryption
from etna_pipelines.strict_model import StrictModel

VERSION: Literal[1] = 1
"""Of what may stand in the file. Raised when what is written for this one would mean something else."""

EMBEDDED = "embedded"
EXAMPLE_URL = "postgresql://user@host:5432/name"


def _check_address(address: str) -> str:
    if address != EMBEDDED and not address.startswith(("postgresql://", "postgres://")):
        raise ValueError(f"must be `{EMBEDDED}` or a URL such as `{EXAMPLE_URL}`.")
    return address


def _check_host(host: str) -> str:
    if not re.fullmatch(r"[^\s/:@]+(:\d{1,5})?", host):
        raise ValueError("must be a host, or with a port as in `localhost:8000`.")
    return host


DatabaseAddress = Annotated[str, AfterValidator(_check_address)]
HostName = Annotated[str, AfterValidator(_check_host)]


class Production(StrictModel):
    """Where the data comes from."""

    database: DatabaseAddress = EMBEDDED


class Target(StrictModel):
    """An environment that snapshots are pushed to."""

    may_hold: ClassVar[Sequence[Kind]] = ("stripped",)

    database: DatabaseAddress = EMBEDDED
    snapshot: Kind = "stripped"
    subset: Subset | None = None
    hosts: dict[str, HostName] = {}
    """Host names of production and what they become, with a port where it is another (`localhost:8000`)."""
    fix_ups: FixUps = FixUps()
    redeploy: Redeploy | None = None
    version: Version | None = None
    """Which version of the application it runs; what suits the environment where nothing is said."""
    health: Health | None = None
    rollback: Literal["offered", "automatic"] = "offered"
    """What follows a redeploy that does not turn healthy."""
    wait: int = Field(default=10, ge=0)
    """Minutes to wait for a server that is switched off."""
    owner: str | None = None

    @field_validator("snapshot")
    @classmethod
    def _it_may_hold(cls, snapshot: Kind) -> Kind:
        if snapshot not in cls.may_hold:
            raise ValueError("must be `stripped`; only staging may see real people's data.")
        return snapshot

    @model_validator(mode="after")
    def _subset_of_stripped(self) -> Self:
        if self.subset and self.snapshot == "full":
            raise ValueError("has a `subset`, which is made of stripped snapshots: say `snapshot: stripped` beside it.")
        return self


class Staging(Target):
    """The one environment that may hold what production holds."""

    may_hold = KINDS

    snapshot: Kind = "full"
    expires_after: int = Field(default=14, ge=1)
    """Days that a full snapshot may be served."""
    release: Literal["refresh", "redeploy", "nothing"] = "redeploy"
    """What a published release starts here: a refresh of the data and a redeploy, a redeploy alone, or nothing."""


class Test(Target):
    """The feature environments. `database` is the beginning of their databases' names, and where `{name}` stands in
    `hosts`, `fix_ups`, `redeploy` or `health` the environment's name is filled in."""

    registry: RegistrySpec | None = None
    """Where they are announced; a directory under the home where nothing is said."""
    removal: Removal = Removal()


class Local(Target):
    """A developer's own database, such as one in Docker."""

    wait: int = Field(default=1, ge=0)
    """Minutes: for a container that is starting; whoever forgot to start it is told soon."""


class StoreSettings(StrictModel):
    """A directory or an S3 address; the other settings are for S3."""

    url: str = EMBEDDED
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    """In AWS's configuration; without it, what AWS_... variables say."""
    kms_keys: dict[Kind, str] = {}
    """Keys of AWS KMS (ids, ARNs or `alias/...`) that encrypt snapshots of each kind; else the bucket's default."""
    ca_bundle: str | None = None
    """The file of the authority that signed the server's certificate; else those that boto3 trusts."""
    plain_http: bool = False
    """Whether snapshots may go unencrypted to a server that is not this machine."""

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
            bundle = str(base / Path(self.ca_bundle).expanduser()) if self.ca_bundle else None
            return self.model_copy(update={"ca_bundle": bundle})
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
        if not self.is_s3 and (only := sorted(self.model_fields_set - {"url"})):
            raise ValueError(f"has `{'`, `'.join(only)}`, which only an `s3://` store can have; take that out.")
        if self.endpoint_url and in_the_clear(self.endpoint_url) and not self.plain_http:
            raise ValueError(
                f"would send snapshots unencrypted to {urlsplit(self.endpoint_url).hostname}: give it an https:// "
                "`endpoint_url`, or say `plain_http: true` where nobody else is on the way."
            )
        return self


def _as_mapping(store: object) -> object:
    return {"url": store} if isinstance(store, str) else store


class SettingsFile(StrictModel):
    """The file as a whole. A section without content counts as absent."""

    version: Literal[1] = VERSION
    production: Production | None = None
    store: Annotated[StoreSettings, BeforeValidator(_as_mapping)] = StoreSettings()
    encryption: Encryption | None = None
    rules: str = "anonymisation_rules/demo.yaml"
    nightly: NightlySpec = NightlySpec()
    growing: GrowingSpec = GrowingSpec()
    retention: RetentionSpec = RetentionSpec()
    github: GitHubSpec | None = None
    releases: ReleasesSpec = ReleasesSpec()
    alerts: AlertsSpec = AlertsSpec()
    integrity: IntegritySpec = IntegritySpec()
    staging: Staging | None = None
    development: Target | None = None
    test: Test | None = None
    local: Local | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, data: object) -> object:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


TARGETS: dict[str, type[Target]] = {"staging": Staging, "development": Target, "test": Test, "local": Local}
"""The environments that can be pushed to, in the order people think of them."""
