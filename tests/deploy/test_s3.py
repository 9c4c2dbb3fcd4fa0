"""The settings of the bucket in deploy/s3, taken by an S3 that is spoken to over HTTP."""

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3 = Path(__file__).parents[2] / "deploy/s3"
BUCKET = f"settings-{secrets.token_hex(4)}"


def test_s3_takes_them_all(s3_server: str, aws_environment: None) -> None:
    s3 = boto3.client("s3", endpoint_url=s3_server)

    apply(s3, BUCKET)
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=_file("object-lock"))

    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule] == [
        {"DaysAfterInitiation": 3}
    ]


def apply(s3: "S3Client", bucket: str) -> None:
    """Make a bucket as deploy/README.md does."""
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}, ObjectLockEnabledForBucket=True
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=_file("versioning"))
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_file("public-access-block"))
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=_file("encryption"))
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=_file("lifecycle"))
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_file("policy")))


def _file(name: str) -> Any:
    return json.loads((S3 / f"{name}.json").read_text())
