import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from etna_pipelines.environments.features import feature_of
from etna_pipelines.environments.registry import is_registered, registry_for
from etna_pipelines.errors import RegistryError, RegistryRefused, SettingsError
from etna_pipelines.settings import Settings, load
from etna_pipelines.stores.s3 import s3_client_config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Configure = Callable[[str], Settings]


@pytest.fixture
def configure(fresh: Path) -> Configure:
    def configure(registry: str, more: str = "") -> Settings:
        (fresh / "environments.yaml").write_text(f"test: {{registry: {registry}}}\n{more}")
        return load()

    return configure


def test_files_are_branches_by_their_paths(configure: Configure, fresh: Path) -> None:
    (fresh / "wanted/feature/login").mkdir(parents=True)
    for path in ("feature/Logout", "feature/login/page", "feature/.hidden", "fix-1", ".gitkeep", "no\nbranch"):
        (fresh / "wanted" / path).touch()
    settings = configure("{directory: wanted}")

    assert registry_for(settings).branches() == ["feature/Logout", "feature/login/page", "fix-1"]
    assert is_registered(settings, feature_of("fix-1"))
    assert not is_registered(settings, feature_of("feature/login"))


def test_an_empty_directory_has_none_and_a_missing_one_can_t_be_listed(configure: Configure, fresh: Path) -> None:
    settings = configure("{directory: wanted}")
    with pytest.raises(RegistryError, match=r"wanted, where feature environments are listed, is not there") as missing:
        registry_for(settings).branches()
    assert missing.value.retryable
    assert is_registered(settings, feature_of("feature/login"))

    (fresh / "wanted").mkdir()
    assert registry_for(settings).branches() == []


def test_the_home_lists_them_where_nothing_is_configured(fresh: Path) -> None:
    (fresh / ".etna/feature_environments/feature").mkdir(parents=True)
    (fresh / ".etna/feature_environments/feature/login").touch()

    assert registry_for(load()).branches() == ["feature/login"]


def test_there_are_none_without_a_test_section(fresh: Path) -> None:
    (fresh / "environments.yaml").write_text("production: {database: postgresql://etna@db.example.internal/etna}\n")

    with pytest.raises(SettingsError, match="has no `test`"):
        registry_for(load())


def test_objects_in_s3_are_branches(configure: Configure, s3_server: str, aws_environment: None) -> None:
    client: S3Client = boto3.client("s3", endpoint_url=s3_server, config=s3_client_config())
    bucket = f"registry-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    more = f"store: {{url: 's3://etna-snapshots', endpoint_url: '{s3_server}'}}\n"
    wanted = registry_for(configure(f"{{directory: 's3://{bucket}/environments'}}", more))

    assert wanted.branches() == []
    for key in ("environments/feature/login", "environments/feature/Ünal", "environments/feature/", "other/feature/x"):
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    assert wanted.branches() == ["feature/login", "feature/Ünal"]

    with pytest.raises(RegistryRefused, match=r"can't be listed: .*nowhere.* does not exist"):
        registry_for(configure("{directory: 's3://nowhere/environments'}", more)).branches()
