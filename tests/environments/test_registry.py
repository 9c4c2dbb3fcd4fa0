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
from tests.github_faults import broken, cut_body, primary_limit
from tests.github_server import TOKEN, GitHubServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Configure = Callable[..., Settings]


@pytest.fixture
def configure(fresh: Path) -> Configure:
    """Settings with a registry, and more lines."""

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


@pytest.fixture
def on_github(configure: Configure, github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Settings with a registry on GitHub, which puts two things on a page."""
    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    github_server.page = 2
    spec = f"github: {{repository: {github_server.repository}, api_url: '{github_server.url}'}}\n"
    return lambda registry: configure(registry, spec)


def test_branches_on_github_that_match(on_github: Configure, github_server: GitHubServer) -> None:
    for name in ("main", "feature/a", "feature/b/c", "feature/D", "fix/e", "Feature/f"):
        github_server.add_branch(name)

    assert registry_for(on_github("{branches: feature/*}")).branches() == ["feature/D", "feature/a", "feature/b/c"]
    del github_server.branches["feature/a"]
    assert registry_for(on_github("{branches: 'f*/[!D]*'}")).branches() == ["feature/b/c", "fix/e"]


def test_deployments_on_github_that_are_not_inactive(on_github: Configure, github_server: GitHubServer) -> None:
    github_server.deploy("staging", "main")
    github_server.deploy("feature/a", "feature/a")
    github_server.deploy("feature/by-commit", "5f" * 20)
    left = github_server.deploy("feature/b", "feature/b")
    github_server.deploy("preview", "feature/c")
    wanted = registry_for(on_github("{deployments: feature/*}"))

    assert sorted(wanted.branches()) == ["feature/a", "feature/b", "feature/by-commit"]
    github_server.set_state(left, "inactive")
    assert sorted(wanted.branches()) == ["feature/a", "feature/by-commit"]


def test_what_github_has_told_only_in_part_is_no_listing(on_github: Configure, github_server: GitHubServer) -> None:
    for name in "abc":
        github_server.add_branch(f"feature/{name}")
    wanted = registry_for(on_github("{branches: feature/*}"))

    for fault in (broken(times=9, on="page=2"), cut_body(times=9, on="page=2"), primary_limit(seconds=900)):
        github_server.faults[:] = [fault]
        with pytest.raises(RegistryError, match="Feature environments can't be listed now: ") as failed:
            wanted.branches()
        assert failed.value.retryable
    github_server.faults.clear()
    assert len(wanted.branches()) == 3

    github_server.tokens.clear()
    with pytest.raises(RegistryRefused, match="Feature environments can't be listed: "):
        wanted.branches()
