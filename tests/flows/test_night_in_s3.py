"""The whole night with its store in S3, which is spoken to over HTTP; its archives as they are, and encrypted."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pyrage
import pytest
import yaml

from etna_pipelines.postgres.server import Database
from tests.flows.checkout import Checkout

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OPERATOR = pyrage.x25519.Identity.generate()


@pytest.fixture
def s3(s3_server: str, aws_environment: None) -> "S3Client":
    return boto3.client("s3", endpoint_url=s3_server)


@pytest.fixture
def bucket(s3: "S3Client") -> str:
    name = f"snapshots-of-a-night-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return name


@pytest.fixture
def target(demo_checkout: Checkout) -> Iterator[Database]:
    """A development of this test's own: the checkout's goes on serving what it served."""
    yield demo_checkout.database("s3")
    demo_checkout.server.drop_database("etna_s3")


@pytest.mark.parametrize("encrypted", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_night_whose_store_is_s3(
    demo_checkout: Checkout, target: Database, s3_server: str, s3: "S3Client", bucket: str, encrypted: bool
) -> None:
    settings = yaml.safe_load((demo_checkout.root / "environments.yaml").read_text())
    settings["store"] = {"url": f"s3://{bucket}/nightly", "endpoint_url": s3_server, "region": "eu-west-2"}
    settings["development"]["database"] = target.url
    if encrypted:
        settings["encryption"] = {"full": str(OPERATOR.to_public()), "stripped": str(OPERATOR.to_public())}
    (demo_checkout.root / "s3.yaml").write_text(yaml.safe_dump(settings))
    variables = {"ETNA_SETTINGS": "s3.yaml", "ETNA_DEVELOPMENT_PASSWORD": target.password or ""}
    variables["ETNA_AGE_IDENTITY"] = str(OPERATOR) if encrypted else ""

    night = demo_checkout.nightly(**variables)

    assert night.returncode == 0, night.stdout + night.stderr
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    manifests = [key.split("/") for key in keys if key.endswith("/manifest.json")]
    assert [(prefix, kind) for prefix, kind, *_ in manifests] == [("nightly", "full"), ("nightly", "stripped")]
    listed = demo_checkout.etna("snapshots", **variables)
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        [kind, id_] for _, kind, id_, _ in manifests
    ]
    status = demo_checkout.etna("status", **variables).stdout
    [development] = [line.split() for line in status.splitlines() if line.startswith("development")]
    assert development[1:3] == manifests[1][1:3]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert [key for key in keys if key.endswith("draft.json")] == []
    for key in (key for key in keys if "/archive/" in key):
        beginning = s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-21")["Body"].read()
        assert beginning.startswith(b"age-encryption.org/v1\n") == encrypted
