"""The environment variables: secrets, and where settings and home are."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from etna_pipelines import aws_secrets, keys
from etna_pipelines.alerts.spec import AlertSecret
from etna_pipelines.stores import identities

if TYPE_CHECKING:
    from etna_pipelines.stores.age_keys import Identity

KeyName = Literal["masking", "signing"]
SecretName = Literal["github_token", "github_private_key", "webhook_secret", "broker_url"] | AlertSecret


class Variables(BaseSettings):
    """The ETNA_... environment variables; those of `.env` count where the environment has none."""

    model_config = SettingsConfigDict(
        env_prefix="ETNA_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    settings: Path | None = None
    home: Path = Path(".etna")
    masking_key: SecretStr | None = None
    signing_key: SecretStr | None = None
    old_signing_keys: SecretStr | None = None
    age_identity: SecretStr | None = None
    production_password: SecretStr | None = None
    staging_password: SecretStr | None = None
    development_password: SecretStr | None = None
    test_password: SecretStr | None = None
    local_password: SecretStr | None = None
    drill_password: SecretStr | None = None
    staging_superuser_password: SecretStr | None = None
    development_superuser_password: SecretStr | None = None
    test_superuser_password: SecretStr | None = None
    local_superuser_password: SecretStr | None = None
    github_token: SecretStr | None = None
    github_private_key: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    broker_url: SecretStr | None = None
    alert_slack_url: SecretStr | None = None
    alert_webhook_secret: SecretStr | None = None
    alert_smtp_password: SecretStr | None = None

    def password(self, environment: str) -> str | None:
        return self._secret(f"{environment}_password")

    def superuser_password(self, environment: str) -> str | None:
        return self._secret(f"{environment}_superuser_password")

    def key(self, name: KeyName) -> str | None:
        return self._secret(f"{name}_key")

    def old_keys(self) -> tuple[bytes, ...]:
        """Keys that signed manifests before ETNA_SIGNING_KEY did. Raises SettingsError."""
        return keys.parse_several(self._secret("old_signing_keys") or "", "ETNA_OLD_SIGNING_KEYS")

    def age_identities(self) -> tuple["Identity", ...]:
        """What opens encrypted archives. Raises SettingsError."""
        return identities.parse(self._secret("age_identity") or "")

    def age_identity_files(self) -> list[Path]:
        return identities.files(self.age_identity.get_secret_value()) if self.age_identity else []

    @property
    def refers_to_keys(self) -> bool:
        """Whether a key is one of AWS's secrets, which is asked for when it is used and not before."""
        given = (self.masking_key, self.signing_key, self.old_signing_keys)
        return any(aws_secrets.is_reference(key.get_secret_value()) for key in given if key)

    def secret(self, name: SecretName) -> str | None:
        return self._secret(name)

    def _secret(self, name: str) -> str | None:
        """What a variable holds, or the secret of AWS that it names."""
        secret: SecretStr | None = getattr(self, name)
        return aws_secrets.resolved(secret.get_secret_value(), f"ETNA_{name.upper()}") if secret else None
