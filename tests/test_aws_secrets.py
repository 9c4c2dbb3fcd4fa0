"""Variables that name a secret of AWS, which is asked for over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from etna_pipelines import aws_secrets
from etna_pipelines.aws_secrets import resolved
from etna_pipelines.errors import SecretUnreachable, SettingsError
from etna_pipelines.settings import load

KEY = "c7" * 32


@pytest.fixture
def aws(s3_server: str, aws_environment: None, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address where all of AWS is, with a parameter and two secrets in it; nothing was asked for yet."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    ssm, manager = boto3.client("ssm"), boto3.client("secretsmanager")
    ssm.put_parameter(Name="/etna/signing-key", Value=KEY, Type="SecureString", Overwrite=True)
    for name, value in {"etna/password": "swordfish", "etna/keys": f'{{"masking": "{KEY}", "count": 2}}'}.items():
        manager.create_secret(Name=name, SecretString=value)
    aws_secrets._kept.clear()
    yield s3_server
    for name in ("etna/password", "etna/keys"):
        manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    aws_secrets._kept.clear()


def test_what_variables_name_is_fetched_when_it_is_used_and_once(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_SIGNING_KEY", "aws-ssm:/etna/signing-key")
    monkeypatch.setenv("ETNA_MASKING_KEY", "aws-secrets-manager:etna/keys#masking")
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", "aws-secrets-manager:etna/password")
    settings = load()
    assert aws_secrets._kept == {}

    assert settings.signing_key() == bytes.fromhex(KEY)
    assert settings.variables.password("production") == "swordfish"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert settings.signing_key() == bytes.fromhex(KEY)
    assert "swordfish" not in repr(settings)
    assert resolved("hunter2", "ETNA_LOCAL_PASSWORD") == "hunter2"


def test_a_new_value_counts_within_five_minutes(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(aws_secrets, "monotonic", lambda: now)

    def password() -> str:
        return resolved("aws-secrets-manager:etna/password", "ETNA_TEST_PASSWORD")

    assert password() == "swordfish"
    boto3.client("secretsmanager").put_secret_value(SecretId="etna/password", SecretString="hunter2")
    now += 299
    assert password() == "swordfish"
    now += 1
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        away.setenv("AWS_MAX_ATTEMPTS", "1")
        assert password() == "swordfish", "nobody says that it is another"
    assert password() == "hunter2"


@pytest.mark.parametrize(
    ("missing", "what"),
    [(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "credentials"), (("AWS_DEFAULT_REGION",), "region")],
)
def test_aws_cannot_be_asked_at_all(
    aws: str, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], what: str
) -> None:
    for variable in missing:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(SettingsError, match=f"with which {what} to ask AWS") as refused:
        resolved("aws-ssm:/etna/signing-key", "ETNA_SIGNING_KEY")

    assert not refused.value.retryable


def test_one_key_under_two_names_is_refused_when_both_are_known(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_SIGNING_KEY", "aws-ssm:/etna/signing-key")
    monkeypatch.setenv("ETNA_MASKING_KEY", "aws-secrets-manager:etna/keys#masking")

    with pytest.raises(SettingsError, match=r"ETNA_MASKING_KEY and ETNA_SIGNING_KEY.* are the same"):
        load().masking_key()


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        (
            "aws-ssm:/etna/other",
            r"to aws-ssm:/etna/other, and AWS refuses it \(GetParameter: ParameterNotFound\)",
        ),
        ("aws-secrets-manager:etna/other", r"AWS refuses it \(GetSecretValue: ResourceNotFoundException\)"),
        ("aws-secrets-manager:etna/keys#other", "no JSON object with a text of that name"),
        ("aws-secrets-manager:etna/keys#count", "no JSON object with a text of that name"),
        ("aws-secrets-manager:etna/password#masking", "no JSON object with a text of that name"),
    ],
)
def test_what_cannot_be_had(aws: str, reference: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        resolved(reference, "ETNA_TEST_PASSWORD")

    assert str(refused.value).startswith("ETNA_TEST_PASSWORD refers to ")
    assert "swordfish" not in str(refused.value) and not refused.value.retryable


def test_an_aws_that_does_not_answer_is_asked_again_later(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(SecretUnreachable, match="gave no answer") as unreachable:
        resolved("aws-ssm:/etna/signing-key", "ETNA_SIGNING_KEY")

    assert unreachable.value.retryable
