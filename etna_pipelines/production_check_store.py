"""The store of a set-up: a bucket with what protects it, and credentials that can't take anything from it."""

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from etna_pipelines.doctor import Finding
from etna_pipelines.production_check_servers import clock_problem
from etna_pipelines.production_page import Section, finding
from etna_pipelines.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetBucketPolicyOutputTypeDef

NOBODYS = ("full/etna-doctor-probe", "stripped/etna-doctor-probe")
"""Keys that no snapshot has: whether they could be deleted is answered without anything being there."""
NOT_SAID = {"NotImplemented", "MethodNotAllowed", "501", "405"}
"""What servers answer that are no AWS and don't know a setting."""
MISSING = {"NoSuchKey", "PreconditionFailed", "404", "412"}
"""What servers answer to a delete, by somebody who may, of what is there where it is not."""
NOT_SET = {
    "NoSuchLifecycleConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
}


def store(settings: Settings) -> Iterator[Finding]:
    if not settings.store.is_s3:
        says = f"{settings.open_store().location()} is a directory: it is lost with its disk unless that is backed up"
        yield finding("store", "note", says, Section.STORE)
        return
    yield from _endpoint(settings)
    client, bucket = settings.s3_client(), settings.store.bucket
    yield from _bucket(client, bucket)
    yield from _deleting(settings)
    if not {"full", "stripped"} <= settings.store.kms_keys.keys():
        yield finding("store", "note", "full and stripped snapshots have no `kms_keys` of their own", Section.STORE)


def _endpoint(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.s3_client().meta.endpoint_url)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        says = f"{address.netloc} is spoken to without TLS: give the store's `endpoint_url` as https://..."
        yield finding("store", "work", says, Section.STORE)


def _bucket(client: "S3Client", bucket: str) -> Iterator[Finding]:
    """Its settings, each of which may be closed to these credentials."""
    looks: dict[str, tuple[Callable[..., Any], Callable[[Any], bool], str]] = {
        "versioning": (
            client.get_bucket_versioning,
            lambda reply: reply.get("Status") == "Enabled",
            "is off: what is overwritten or deleted by mistake is gone",
        ),
        "unfinished uploads": (
            client.get_bucket_lifecycle_configuration,
            lambda reply: any(
                "AbortIncompleteMultipartUpload" in rule and rule["Status"] == "Enabled" for rule in reply["Rules"]
            ),
            "are kept, unseen and paid for: there is no rule that aborts them",
        ),
        "encryption": (
            client.get_bucket_encryption,
            lambda reply: bool(reply["ServerSideEncryptionConfiguration"]["Rules"]),
            "has no default",
        ),
        "public access": (
            client.get_public_access_block,
            lambda reply: all(reply["PublicAccessBlockConfiguration"].values()),
            "is not blocked",
        ),
        "policy": (client.get_bucket_policy, _over_tls_only, "lets requests without TLS in"),
    }
    good, clock = [], 0.0
    for subject, (look, is_good, wrong) in looks.items():
        asked = time.time()
        reply, unknown = _ask(look, bucket)
        if unknown:
            yield finding("bucket", "note", f"{subject} can't be looked at ({unknown})", Section.STORE)
        elif reply is not None and is_good(reply):
            good.append(subject)
            date = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
            clock = parsedate_to_datetime(date).timestamp() - (asked + time.time()) / 2 if date else clock
        else:
            yield finding("bucket", "work", f"{subject} of {bucket} {wrong}.", Section.STORE)
    if good:
        yield finding("bucket", "good", f"{', '.join(good)} as they should be", Section.STORE)
    if problem := clock_problem(clock, "S3"):
        yield finding("clock", "work", problem, Section.MACHINE)


def _over_tls_only(reply: "GetBucketPolicyOutputTypeDef") -> bool:
    """Whether everybody is denied everything without TLS, in the words that AWS itself gives for it."""
    statements = json.loads(reply["Policy"])["Statement"]
    return any(
        (statement.get("Effect"), statement.get("Principal")) in (("Deny", "*"), ("Deny", {"AWS": "*"}))
        and statement.get("Action") in ("s3:*", ["s3:*"])
        and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", ["false"], False)
        for statement in (statements if isinstance(statements, list) else [statements])
    )


def _ask(look: "Callable[..., Any]", bucket: str) -> tuple[Any, str]:
    """The reply, None where the setting was never made; or why it can't be known."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return look(Bucket=bucket), ""
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        return (None, "") if code in NOT_SET else (None, "this server does not know it" if code in NOT_SAID else code)
    except BotoCoreError as error:
        return None, type(error).__name__


def _deleting(settings: Settings) -> Iterator[Finding]:
    """Whoever gets hold of these credentials, or a mistake of ours, must not be able to take snapshots away."""
    may = _may_delete(settings)
    if may == {False}:
        yield finding("store", "good", "these credentials delete no snapshots", Section.STORE)
    elif True in may:
        says = "these credentials may delete snapshots: give them the runner's policy, and the pruner its own."
        yield finding("store", "work", says, Section.STORE)
    else:
        [why, *_] = (answer for answer in may if isinstance(answer, str))
        yield finding("store", "work", f"whether these credentials may delete snapshots is unknown ({why})", None)


def pruning(settings: Settings) -> Iterator[Finding]:
    """Somebody must be able to: by other credentials, or from another machine."""
    if not settings.retention.automatic:
        says = "this machine prunes nothing (`automatic: false`): see to it that another one does"
        yield finding("retention", "note", says, Section.RETENTION)
    elif settings.store.is_s3:
        if _may_delete(settings.as_pruner()) != {True}:
            says = "nothing can be pruned by these credentials: name a profile that may delete as `pruner_profile`."
            yield finding("retention", "work", says, Section.RETENTION)
        else:
            yield finding("retention", "good", "what is to go can be deleted", Section.RETENTION)


def _may_delete(settings: Settings) -> set[bool | str]:
    """Of each kind of snapshot, whether an object could be deleted that is not there, or why that can't be known.

    The condition leaves a bucket with versions as it is: without it S3 would add a delete marker. Who lacks the
    permission is told so, not that the object is missing.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""
    from botocore.exceptions import BotoCoreError, ClientError

    client, bucket = settings.s3_client(), settings.store.bucket
    answers: set[bool | str] = set()
    for key in NOBODYS:
        try:
            client.delete_object(Bucket=bucket, Key=f"{settings.store.prefix}/{key}".lstrip("/"), IfMatch="*")
            answers.add(True)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            answers.add(code in MISSING or (False if code == "AccessDenied" else code))
        except BotoCoreError as error:
            answers.add(type(error).__name__)
    return answers
