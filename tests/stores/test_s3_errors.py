"""What a person reads when S3 says no."""

import socket
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from etna_pipelines.errors import ObjectMissing, StoreError, StoreRefused
from etna_pipelines.stores.s3 import S3Store
from etna_pipelines.stores.s3_errors import from_code, server_of

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=1)


def refusal(store: S3Store) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.put("full/1/toc.dat", [b"1"])
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("NoSuchKey", 404, ObjectMissing, "does not exist: it was deleted, or never written"),
        ("404", 404, ObjectMissing, "does not exist: it was deleted, or never written"),
        ("NoSuchBucket", 404, StoreRefused, "does not exist at s3.example.org: create it"),
        ("ExpiredToken", 400, StoreRefused, "have expired: sign in again"),
        ("AccessDenied", 403, StoreRefused, "not allowed PutObject on s3://b/k: grant it to them on the bucket b"),
        ("403", 403, StoreRefused, "not allowed PutObject on s3://b/k"),
        ("InvalidAccessKeyId", 403, StoreRefused, "does not know the credentials"),
        ("SignatureDoesNotMatch", 403, StoreRefused, "or their secret is wrong"),
        ("RequestTimeTooSkewed", 403, StoreRefused, "clock is wrong: set the clock"),
        ("PermanentRedirect", 301, StoreRefused, "in another region than s3.example.org"),
        ("InvalidObjectState", 403, StoreRefused, "restore it there first"),
        ("PreconditionFailed", 412, StoreRefused, "was replaced while it was in use"),
        ("SlowDown", 503, StoreError, r"failed at PutObject of s3://b/k \(SlowDown\): run this again"),
        ("InternalError", 500, StoreError, "run this again"),
        ("InternalError", 200, StoreError, "run this again"),
        ("", 502, StoreError, r"\(502\): run this again"),
        ("RequestTimeout", 400, StoreError, "run this again"),
        ("EntityTooLarge", 400, StoreRefused, r"refused PutObject of s3://b/k \(EntityTooLarge\)"),
    ],
)
def test_a_code_becomes_a_sentence(code: str, status: int, kind: type[StoreError], words: str) -> None:
    told = from_code(code, status, "PutObject", "s3://b/k", "b", "https://user:hidden@s3.example.org/x")
    assert type(told) is kind
    assert told.retryable is (kind is StoreError)
    with pytest.raises(StoreError, match=words):
        raise told
    assert "hidden" not in str(told)


def test_a_server_is_named_without_its_credentials() -> None:
    assert server_of("http://user:hidden@127.0.0.1:9000/path") == "127.0.0.1:9000"
    assert server_of("https://s3.eu-west-2.amazonaws.com") == "s3.eu-west-2.amazonaws.com"


def test_no_such_bucket(s3_server: str, aws_environment: None) -> None:
    client = boto3.client("s3", endpoint_url=s3_server, config=ONCE)
    told = refusal(S3Store(client, "no-such-bucket"))
    assert "The bucket of s3://no-such-bucket/full/1/toc.dat does not exist" in str(told)
    assert not told.retryable


def test_no_server(aws_environment: None) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        client = boto3.client("s3", endpoint_url=f"http://user:hidden@127.0.0.1:{port}", config=ONCE)
        told = refusal(S3Store(client, "bucket"))
    assert f"127.0.0.1:{port} cannot be reached for s3://bucket/full/1/toc.dat: check the network" in str(told)
    assert "hidden" not in str(told)
    assert told.retryable


def test_a_server_that_hangs(aws_environment: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}", config=ONCE)
        told = refusal(S3Store(client, "bucket"))
    assert "stopped answering while at s3://bucket/full/1/toc.dat: run this again" in str(told)
    assert told.retryable


def test_no_credentials(s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    client = boto3.session.Session().client("s3", endpoint_url=s3_server, config=ONCE)
    told = refusal(S3Store(client, "bucket"))
    assert "There are no usable credentials for s3://bucket/full/1/toc.dat: set AWS_PROFILE" in str(told)
    assert not told.retryable


def test_a_bucket_name_that_is_none(s3_server: str, aws_environment: None) -> None:
    client = boto3.client("s3", endpoint_url=s3_server, config=ONCE)
    told = refusal(S3Store(client, "not a bucket"))
    assert "is not a name S3 knows: correct the store in environments.yaml" in str(told)
    assert not told.retryable
