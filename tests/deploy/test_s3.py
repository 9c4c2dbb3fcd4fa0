"""The settings of the bucket in deploy/s3, taken by an S3 that is spoken to over HTTP."""

import json
import secrets
from pathlib import Path
from typing import Any

import boto3

S3 = Path(__file__).parents[2] / "deploy/s3"
BUCKET = f"settings-{secrets.token_hex(4)}"


def test_s3_takes_them_all(s3_server: str, aws_environment: None) -> None:
    s3 = boto3.client("s3", endpoint_url=s3_server)
    s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-2"},
        ObjectLockEnabledForBucket=True,
    )

    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=_file("versioning"))
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=_file("public-access-block"))
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=_file("encryption"))
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=_file("lifecycle"))
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=_file("object-lock"))
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(_file("policy")))

    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule] == [
        {"DaysAfterInitiation": 3}
    ]


def _file(name: str) -> Any:
    return json.loads((S3 / f"{name}.json").read_text())
