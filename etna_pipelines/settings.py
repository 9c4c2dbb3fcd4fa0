"""environments.yaml and the environment variables of secrets (variables.py), as typed, validated settings.

Every part has an embedded default: a server and a store under the home (`.etna`). Naming a part in environments.yaml
replaces it. Secrets are environment variables, or lines of `.env`; the file never holds one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from etna_pipelines import keys
from etna_pipelines.addresses import in_the_clear
from etna_pipelines.alerts.spec import AlertsSpec
from etna_pipelines.environments.features import Feature, feature_database_name
from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.errors import SettingsError
from etna_pipelines.github.spec import GitHubSpec
from etna_pipelines.growing_spec import GrowingSpec
from etna_pipelines.integrity_spec import IntegritySpec
from etna_pipelines.nightly_spec import NightlySpec
from etna_pipelines.redeploy.spec import Health, Redeploy, Version
from etna_pipelines.releases.spec import ReleasesSpec
from etna_pipelines.settings_file import (
    EMBEDDED,
    VERSION,
    Local,
    Production,
    SettingsFile,
    Staging,
    StoreSettings,
    Target,
    Test,
)
from etna_pipelines.settings_sections import APPLICATION_ROLE, check_drill, check_sections, sections_of
from etna_pipelines.snapshots.manifest import Kind
from etna_pipelines.snapshots.retention_spec import RetentionSpec
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.stores import identities
from etna_pipelines.stores.encryption_spec import Recipients
from etna_pipelines.variables import KeyName, Variables
from etna_pipelines.yaml_file import YamlFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from etna_pipelines.github.client import GitHub
    from etna_pipelines.github.limits import Patience
    from etna_pipelines.postgres.embedded import EmbeddedServer
    from etna_pipelines.postgres.server import Database
    from etna_pipelines.stores.store import Store

FILE = Path("environments.yaml")

VERSIONS: Mapping[str, Version] = {
    "staging": "next release",
    "development": "main",
    "test": "branch",
    "local": "none",
}
"""Which version of the application an environment runs, where environments.yaml says nothing."""

SUPERUSER_PASSWORDS: Mapping[str, str] = {"local": "admin"}
"""Of superusers, where no variable says another: a developer's own database has no secret to keep."""


@dataclass(frozen=True)
class Environment:
    """An environment, and the database that serves it."""

    name: str
    database: "Database"
    snapshot: Kind | None = None
    """The kind of snapshot it may hold; None for production, which is never a target."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Host names of production and what they become here."""
    redeploy: Redeploy | None = None
    owner: str | None = None
    """The role that owns the database after a push; None for the role that connects."""
    makes_owner: bool = False
    """Whether that role is made where it is missing, and an ordinary one in place of a superuser."""
    subset: Subset | None = None
    """What part of a stripped snapshot it gets; None for the whole one."""
    fix_ups: FixUps = field(default_factory=FixUps)
    version: Version = "none"
    health: Health | None = None
    rolls_back: bool = False
    """Whether a redeploy that does not turn healthy is rolled back without being asked."""
    wait: timedelta = timedelta()
    """How long a server that is switched off is waited for."""
    expires_after: timedelta | None = None
    """How long it may serve a full snapshot."""
    feature: Feature | None = None
    """The feature environment that it is; None for those that are always there."""
    superuser_password: str | None = field(default=None, repr=False)
    """What its superuser signs in with; None for one that is made up."""

    @property
    def kind(self) -> str:
        """`test` for every feature environment; else the name."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Settings:
    """What is configured. Databases are asked for when needed: the embedded server's port is known once it runs."""

    home: Path
    rules: Path
    store: StoreSettings
    sections: Mapping[str, Production | Target]
    """The environments by name, as environments.yaml or the embedded default says."""
    variables: Variables
    github: GitHubSpec | None = None
    releases: ReleasesSpec = field(default_factory=ReleasesSpec)
    encryption: Recipients = field(default_factory=Recipients)
    """Whom archives are encrypted to; nobody where nothing is said."""
    alerts: AlertsSpec = field(default_factory=AlertsSpec)
    nightly: NightlySpec = field(default_factory=NightlySpec)
    growing: GrowingSpec = field(default_factory=GrowingSpec)
    retention: RetentionSpec = field(default_factory=RetentionSpec)
    integrity: IntegritySpec = field(default_factory=IntegritySpec)

    @property
    def production(self) -> Environment:
        return Environment("production", self.database("production"))

    def environment(self, name: str) -> Environment:
        """staging, development or local. Raises SettingsError for production and for names that are none."""
        return self._environment(name, self.target(name), self.database(name))

    def target(self, name: str) -> Target:
        """What environments.yaml says of an environment, under `test` of `test/login-page`. Raises SettingsError."""
        if name == "production":
            raise SettingsError(
                "production is where data comes from: nothing is ever pushed to it or rolled back there."
            )
        if name in ("test", "test/"):
            raise SettingsError("`test` stands for many environments: name one, as in `test/login-page`.")
        section = self._targets.get("test" if name.startswith("test/") else name)
        if section is None:
            raise SettingsError(f"There is no environment `{name}`: there are {', '.join(self._targets)}.")
        return section

    def feature_environment(self, feature: Feature) -> Environment:
        """The test environment of a branch. Raises SettingsError where environments.yaml has no `test`."""
        section, like = self.test, self.database("test")
        environment = self._environment(
            f"test/{feature.name}", section, like.named(feature_database_name(like.name, feature))
        )
        hosts = {host: new.replace("{name}", feature.name) for host, new in section.hosts.items()}
        return replace(environment, hosts=hosts, fix_ups=section.fix_ups.for_feature(feature.name), feature=feature)

    @property
    def test_environments(self) -> Environment:
        """All of them as one, whose database's name is the beginning of theirs: templates are made for it."""
        return self._environment("test", self.test, self.database("test"))

    @property
    def drill(self) -> Environment:
        """Where snapshots are restored to see that they can be: beside the database of this name, which need not exist.
        Raises SettingsError where that is switched off."""
        if self.drill_is_embedded:
            return Environment("drill", self.embedded_server.database("etna_drill"), "full", owner=APPLICATION_ROLE)
        from etna_pipelines.postgres.server import Database

        server = Database.from_url(self.integrity.drill, self.variables.password("drill"))
        return Environment("drill", server.named("etna_drill"), "full", makes_owner=True)

    @property
    def drill_is_embedded(self) -> bool:
        return self.integrity.drill == EMBEDDED

    @property
    def test(self) -> Test:
        """What all feature environments share. Raises SettingsError where environments.yaml has none."""
        section = self.sections.get("test")
        if not isinstance(section, Test):
            raise SettingsError("environments.yaml has no `test`: add one, with the `database` of its server.")
        return section

    def database(self, name: str) -> "Database":
        """The database of an environment. Connects to nothing."""
        from etna_pipelines.postgres.server import Database

        if self.is_embedded(name):
            return self.embedded_server.database(self.database_name(name))
        return Database.from_url(self.sections[name].database, self.variables.password(name))

    def database_name(self, name: str) -> str:
        """Its name alone: it is known before the embedded server was ever started."""
        return f"etna_{name}" if self.is_embedded(name) else self.database(name).name

    def is_embedded(self, name: str) -> bool:
        return self.sections[name].database == EMBEDDED

    @property
    def uses_embedded_server(self) -> bool:
        return any(self.is_embedded(name) for name in self.sections)

    @property
    def embedded_server(self) -> "EmbeddedServer":
        from etna_pipelines.postgres.embedded import EmbeddedServer

        return EmbeddedServer(self.home)

    def masking_key(self) -> bytes:
        """The key that makes pseudonyms."""
        _check_keys(self.variables)
        return self._key("masking", "makes the pseudonyms")

    def masking_key_name(self) -> str:
        """The name that ETNA_MASKING_KEY gives its key; empty where it gives none."""
        return keys.name_of(self.variables.key("masking") or "")

    def signing_key(self) -> bytes:
        """The key that signs manifests."""
        return self._key("signing", "signs the manifests")

    def signing_keys(self) -> keys.SigningKeys:
        """That key, and those that signed before it."""
        newest = self.signing_key()
        return keys.SigningKeys(newest, tuple(key for key in self.variables.old_keys() if key != newest))

    def key_file(self, name: KeyName) -> Path | None:
        """Where the key of an embedded production is kept; None where a variable gives it, or has to."""
        given = self.variables.key(name) is not None
        return None if given or not self.is_embedded("production") else self.home / "keys" / f"{name}.key"

    def broker(self) -> str:
        """The address of the Redis in which steps wait for workers. Raises SettingsError."""
        if address := self.variables.secret("broker_url"):
            _check_broker(address)
            return address
        raise SettingsError(
            "ETNA_BROKER_URL is not set, and steps wait for workers there: set it to the address of a Redis, such as "
            "rediss://:password@redis.example.internal:6379/0?ssl_cert_reqs=required."
        )

    def open_store(self) -> "Store":
        """The store of snapshots. Connects to nothing, but to AWS where that keeps ETNA_AGE_IDENTITY."""
        opening = self.variables.age_identities()
        if not (self.encryption.full or opening):
            return self._plain_store()
        from etna_pipelines.stores.sealed import SealedStore

        return SealedStore(self._plain_store(), self.encryption.of, opening)

    def refuse_unreadable(self) -> None:
        """Raises SettingsError where full snapshots are encrypted and we could not open them."""
        if "full" not in self.encryption.opened_by(self.variables.age_identities()):
            raise SettingsError(
                "environments.yaml has full snapshots encrypted, and the night reads back and strips what it wrote: "
                f"set {identities.VARIABLE} to the identity of one of `encryption.full`."
            )

    def _plain_store(self) -> "Store":
        if not self.store.is_s3:
            from etna_pipelines.stores.local import LocalStore

            return LocalStore(Path(self.store.url))
        from etna_pipelines.stores.s3 import S3Store

        kms_keys: dict[str, str] = {kind: key for kind, key in self.store.kms_keys.items()}  # noqa: C416
        return S3Store(self.s3_client(), self.store.bucket, self.store.prefix, kms_keys)

    def as_pruner(self) -> "Settings":
        """The same, with the credentials that may delete snapshots."""
        profile = self.retention.pruner_profile or self.store.profile
        return replace(self, store=self.store.model_copy(update={"profile": profile}))

    def open_github(self, patience: "Patience | None" = None) -> "GitHub":
        """The application's repository on GitHub; close it after use. Connects to nothing. Raises SettingsError where
        there is no `github` in environments.yaml, or no secret for it."""
        if not self.github:
            raise SettingsError(
                "environments.yaml has no `github`: add one, with the application's `repository`, as in `owner/name`."
            )
        name: Literal["github_token", "github_private_key"] = (
            "github_private_key" if self.github.app else "github_token"
        )
        if not (secret := self.variables.secret(name)):
            raise SettingsError(
                f"ETNA_{name.upper()} is not set, and {self.github.repository} is on GitHub: set the variable, or a "
                "line of .env, to " + ("the App's private key." if self.github.app else "a fine-grained token for it.")
            )
        from etna_pipelines.github.client import GitHub
        from etna_pipelines.github.limits import PATIENT

        return GitHub.open(self.github, secret, self.home / "github", patience or PATIENT)

    def records(self, environment: str, store: "Store") -> "Store":
        """Where pushes to an environment are recorded: in the store of the snapshots; for `local` under the home,
        because other developers have a local database too."""
        if environment != "local":
            return store
        from etna_pipelines.stores.local import LocalStore

        return LocalStore(self.home / "records")

    def s3_client(self) -> "S3Client":
        """For the bucket of a store in S3."""
        import boto3
        from botocore.exceptions import BotoCoreError

        from etna_pipelines.stores.s3 import s3_client_config

        if self.store.ca_bundle and not Path(self.store.ca_bundle).is_file():
            raise SettingsError(f"`store.ca_bundle` names {self.store.ca_bundle}, which is not there: correct it.")
        try:
            client = boto3.Session(profile_name=self.store.profile).client(
                "s3",
                endpoint_url=self.store.endpoint_url,
                region_name=self.store.region,
                verify=self.store.ca_bundle,
                config=s3_client_config(),
            )
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(
                f"The store {self.store.url} cannot be opened ({type(error).__name__}): check its `endpoint_url` and "
                "`region`, and the AWS_... variables and profile that boto3 reads."
            ) from None
        if in_the_clear(client.meta.endpoint_url) and not self.store.plain_http:  # variables and profiles name one too
            raise SettingsError(
                f"AWS_ENDPOINT_URL or a profile would send snapshots unencrypted to {client.meta.endpoint_url}: give "
                "it an https:// address, or say `plain_http: true` under `store` where nobody else is on the way."
            )
        return client

    @property
    def _targets(self) -> dict[str, Target]:
        return {name: section for name, section in self.sections.items() if isinstance(section, Target)}

    def _environment(self, name: str, section: Target, database: "Database") -> Environment:
        kind = name.partition("/")[0]
        return Environment(
            name,
            database,
            section.snapshot,
            section.hosts,
            section.redeploy,
            section.owner or (APPLICATION_ROLE if self.is_embedded(kind) else None),
            makes_owner=isinstance(section, Local),
            subset=section.subset,
            fix_ups=section.fix_ups,
            version=section.version or VERSIONS[kind],
            health=section.health,
            rolls_back=section.rollback == "automatic",
            wait=timedelta(minutes=section.wait),
            expires_after=timedelta(days=section.expires_after) if isinstance(section, Staging) else None,
            superuser_password=self.variables.superuser_password(kind) or SUPERUSER_PASSWORDS.get(kind),
        )

    def _key(self, name: KeyName, purpose: str) -> bytes:
        variable = f"ETNA_{name.upper()}_KEY"
        if given := self.variables.key(name):
            return keys.parse(given, variable)
        if file := self.key_file(name):
            return keys.kept(file)
        raise SettingsError(
            f"{variable} is not set, and it {purpose}: make a key with {keys.HOW_TO_MAKE_ONE}, "
            "keep it in your secret store and set the variable, or a line of .env, to it."
        )


def load(path: Path = FILE) -> Settings:
    """The settings of `path`, or of the file that ETNA_SETTINGS names; without a file, the embedded default.

    Raises SettingsError: one sentence with the file, the line and the fix."""
    variables = Variables()
    if variables.settings:
        path = variables.settings
        if not path.is_file():
            raise SettingsError(f"ETNA_SETTINGS names {path}, which is not there: correct the variable or unset it.")
    file = YamlFile.parse(_text(path), path.name, SettingsError)
    _refuse_newer(file)
    configured = file.validate(SettingsFile)
    home, base = variables.home.expanduser().absolute(), path.absolute().parent
    sections = sections_of(configured, base)
    check_sections(file, sections)
    check_drill(file, configured.integrity)
    if not variables.refers_to_keys:
        _check_keys(variables)
    if configured.growing.executor == "celery" and variables.broker_url:
        _check_broker(variables.broker_url.get_secret_value())
    return Settings(
        home=home,
        rules=base / configured.rules,
        store=configured.store.resolved(base, home),
        sections=sections,
        variables=variables,
        github=configured.github,
        releases=configured.releases,
        alerts=configured.alerts,
        nightly=configured.nightly,
        growing=configured.growing,
        retention=configured.retention,
        integrity=configured.integrity,
        encryption=configured.encryption.recipients(file, base) if configured.encryption else Recipients(),
    )


def _check_broker(address: str) -> None:
    """Nothing of it may be told: it holds a password."""
    if in_the_clear(address) and "@" in address:
        raise SettingsError(
            "ETNA_BROKER_URL begins with redis://, by which its password would go unencrypted to another machine: "
            "make it rediss://, and let that Redis speak TLS."
        )


def _refuse_newer(file: YamlFile) -> None:
    """Before anything else is said of it: an older version can't know what its keys mean."""
    version = file.value.get("version") if isinstance(file.value, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise file.mistake(
            ("version",), f"`version` is {version} and this etna-pipelines reads {VERSION}: use a newer one."
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}): make it readable or move it away.") from None


def _check_keys(variables: Variables) -> None:
    """Keys that are given are keys, and none of those that sign is the one that masks."""

    def given(name: KeyName) -> set[bytes]:
        text = variables.key(name)
        return {keys.parse(text, f"ETNA_{name.upper()}_KEY")} if text else set()

    if given("masking") & (given("signing") | set(variables.old_keys())):
        raise SettingsError(
            "ETNA_MASKING_KEY and ETNA_SIGNING_KEY, or one of ETNA_OLD_SIGNING_KEYS, are the same: whoever checks "
            "manifests could undo pseudonyms; "
            f"make a second key with {keys.HOW_TO_MAKE_ONE}."
        )
