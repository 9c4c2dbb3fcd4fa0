"""Snapshots in S3, or in anything that speaks its protocol, streamed both ways.

Import this module only where a store is in S3: botocore takes its time to load.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal, TypedDict, cast

import urllib3.exceptions
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from etna_pipelines.errors import StoreError, StoreRefused
from etna_pipelines.stores.s3_errors import code_of, from_code, told_of
from etna_pipelines.stores.store import CHUNK, StoredObject, checked_end, checked_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        ListObjectsV2OutputTypeDef,
    )

    Parts = list[CompletedPartTypeDef]

MIB = 1024 * 1024

PART_SIZES = ((1_000, 16 * MIB), (1_000, 64 * MIB), (1_000, 256 * MIB), (7_000, 704 * MIB))
"""Counts and sizes of the parts of an upload. One part stands in memory at a time; S3 takes 10,000 of them, which
together hold the 5 TiB an object may have, while objects under 16 GiB need no more than 16 MiB."""

RESUMES = 5
"""How often a read goes on after its connection was cut."""

CONFLICTS = 5
"""How often a conditional write is tried while S3 says that another one is under way."""

DELETE_BATCH = 1_000
UNFINISHED_AFTER = timedelta(days=2)
COPYING = TransferConfig(multipart_threshold=1024 * MIB, multipart_chunksize=256 * MIB, max_concurrency=4)
"""Copies run inside S3: a large one in parts, because S3 takes only 5 GiB at once and answers late when it is done."""

_CUT = (BotoCoreError, urllib3.exceptions.HTTPError, OSError)
"""What reading a body raises when its connection ends early."""


def s3_client_config() -> Config:
    """How clients for S3Store behave: boto3.client("s3", config=s3_client_config(), ...)."""
    return Config(
        # `max_attempts` would count the retries only.
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=10,
        read_timeout=60,
        tcp_keepalive=True,
        max_pool_connections=32,
        # Not all servers know the trailers botocore would send by default. S3Store sends a SHA-256 of its own with
        # every part, and whoever reads a snapshot compares its files with the manifest.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


class _Encryption(TypedDict, total=False):
    ServerSideEncryption: Literal["aws:kms"]
    SSEKMSKeyId: str


class S3Store:
    """A store in `bucket`, under `prefix`. `kms_keys`: which key of AWS KMS encrypts what is under `full/` and so on;
    for all else it is the bucket's own default that does."""

    def __init__(
        self, client: "S3Client", bucket: str, prefix: str = "", kms_keys: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._kms_keys = kms_keys or {}

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        name = self._name(key)
        parts = in_parts(chunks)
        first = next(parts, b"")
        if len(first) < PART_SIZES[0][1]:
            size = len(first)
            with self._telling(key):
                self._client.put_object(
                    Bucket=self._bucket, Key=name, Body=first, ChecksumSHA256=_sha256(first), **self._encryption(key)
                )
        else:
            size = self._put_parts(key, chain([first], parts))
        with self._telling(key):
            stored = self._size(name)
        if stored != size:
            raise StoreError(f"{self.location(key)} holds {stored} bytes where {size} were sent: run this again.")
        return size

    def put_if_absent(self, key: str, data: bytes) -> None:
        if not self._put_new(key, data) and b"".join(self.read(key)) != data:
            raise StoreRefused(
                f"{self.location(key)} exists already and holds something else: it is left as it is, "
                "delete it first if it should be written anew."
            )

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        position, end, etag = offset, None, ""
        if offset or length is not None:
            with self._telling(key):
                head = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
            end, etag = checked_end(self.location(key), head["ContentLength"], offset, length), head["ETag"]
            if position == end:
                return
        for _ in range(1 + RESUMES):
            reply = self._get(key, position, end, etag)
            end, etag = position + reply["ContentLength"], reply["ETag"]
            with closing(reply["Body"]) as body, suppress(*_CUT):
                while chunk := body.read(min(CHUNK, end - position)):
                    position += len(chunk)
                    yield chunk
            if position == end:
                return
        raise StoreError(f"{self.location(key)} was cut off {1 + RESUMES} times while it was read: run this again.")

    def copy(self, source: str, target: str) -> None:
        origin, destination = self._name(source), self._name(target)
        with self._telling(source):
            self._client.copy(
                {"Bucket": self._bucket, "Key": origin},
                self._bucket,
                destination,
                Config=COPYING,
                ExtraArgs={**self._encryption(target)},
            )

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for page in self._pages(prefix):
            for item in page.get("Contents", []):
                # Consoles store a folder as an empty object with a slash at its end.
                if not item["Key"].endswith("/"):
                    yield StoredObject(item["Key"].removeprefix(self._prefix), item["Size"])

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix, delimiter="/"):
            for folder in page.get("CommonPrefixes", []):
                yield folder["Prefix"].removeprefix(self._prefix + prefix).removesuffix("/")

    def delete(self, keys: Iterable[str]) -> None:
        names = (self._name(key) for key in keys)
        while batch := [*islice(names, DELETE_BATCH)]:
            with self._telling(""):
                reply = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in batch], "Quiet": True}
                )
            for failed in reply.get("Errors", []):
                if failed.get("Code") != "NoSuchKey":
                    where = self.location(failed.get("Key", "").removeprefix(self._prefix))
                    raise from_code(failed.get("Code", ""), 0, "DeleteObjects", where, self._bucket, self._endpoint)

    def location(self, key: str = "") -> str:
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def sweep(self, older_than: timedelta = UNFINISHED_AFTER) -> None:
        """Abort uploads that killed writers left unfinished (they cost as much as objects and are never listed)."""
        before = datetime.now(UTC) - older_than
        with self._telling(""):
            paginator = self._client.get_paginator("list_multipart_uploads")
            for page in paginator.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < before:
                        self._abort(upload["Key"], upload["UploadId"])

    def _pages(self, prefix: str, delimiter: str = "") -> Iterator["ListObjectsV2OutputTypeDef"]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = iter(paginator.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, Delimiter=delimiter))
        while True:
            with self._telling(prefix):
                page = next(pages, None)
            if page is None:
                return
            yield page

    @property
    def _endpoint(self) -> str:
        return self._client.meta.endpoint_url

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _encryption(self, key: str) -> _Encryption:
        kms_key = self._kms_keys.get(key.partition("/")[0])
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}

    def _telling(self, key: str) -> AbstractContextManager[None]:
        return told_of(self.location(key), self._bucket, self._endpoint)

    def _size(self, name: str) -> int:
        return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]

    def _put_parts(self, key: str, parts: Iterable[bytes]) -> int:
        """Send the parts one after the other; the object appears when the upload is completed, or never."""
        name = self._name(key)
        size = 0
        done: Parts = []
        with self._telling(key):
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=name, ChecksumAlgorithm="SHA256", **self._encryption(key)
            )
        try:
            for number, part in enumerate(parts, 1):
                digest = _sha256(part)
                with self._telling(key):
                    reply = self._client.upload_part(
                        Bucket=self._bucket,
                        Key=name,
                        UploadId=upload["UploadId"],
                        PartNumber=number,
                        Body=part,
                        ChecksumSHA256=digest,
                    )
                done.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumSHA256": digest})
                size += len(part)
            with self._telling(key):
                self._complete(name, upload["UploadId"], done)
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self._abort(name, upload["UploadId"])
            raise
        return size

    def _complete(self, name: str, upload: str, parts: "Parts") -> None:
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=name, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            # The first reply may have been lost, and botocore's retry finds the upload completed and gone.
            if code_of(error) != "NoSuchUpload":
                raise
            if self._client.head_object(Bucket=self._bucket, Key=name)["ETag"] != _etag_of(parts):
                raise

    def _abort(self, name: str, upload: str) -> None:
        self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)

    def _put_new(self, key: str, data: bytes) -> bool:
        """Write an object unless there is one: False when there is."""
        name, digest = self._name(key), _sha256(data)
        encryption = self._encryption(key)
        with self._telling(key):
            for attempt in range(CONFLICTS):
                try:
                    self._client.put_object(
                        Bucket=self._bucket, Key=name, Body=data, ChecksumSHA256=digest, IfNoneMatch="*", **encryption
                    )
                    return True
                except ClientError as error:
                    if code_of(error) == "PreconditionFailed":
                        return False
                    if code_of(error) == "NotImplemented":
                        break
                    if code_of(error) != "ConditionalRequestConflict" or attempt == CONFLICTS - 1:
                        raise
            # A server that does not know the condition. Looking first leaves a moment in which two writers may
            # both find nothing; the keys of two snapshots never are the same.
            try:
                self._size(name)
                return False
            except ClientError as error:
                if code_of(error) not in ("404", "NoSuchKey", "NotFound"):
                    raise
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data, ChecksumSHA256=digest, **encryption)
            return True

    def _get(self, key: str, position: int, end: int | None, etag: str) -> "GetObjectOutputTypeDef":
        """Ask for the bytes from `position` to `end` of the object that has this ETag; for all of it without an end."""
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": self._name(key)}
        if end is not None:
            request |= {"Range": f"bytes={position}-{end - 1}", "IfMatch": etag}
        with self._telling(key):
            reply = self._client.get_object(**request)
        if end is not None and not reply.get("ContentRange", "").startswith(f"bytes {position}-{end - 1}/"):
            raise StoreRefused(
                f"{self.location(key)}: its server does not send the range asked for: use another store."
            )
        return reply


def in_parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream into parts as PART_SIZES says; the last one is shorter, and there is none of no bytes.

    They are bytearrays under another name: making bytes of one would need its memory twice.
    """
    sizes = chain.from_iterable((size for _ in range(count)) for count, size in PART_SIZES)
    size = next(sizes)
    part = bytearray()
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = rest[: size - len(part)]
            part += taken
            rest = rest[len(taken) :]
            if len(part) == size:
                yield cast("bytes", part)
                part = bytearray()
                size = next(sizes)
    if part:
        yield cast("bytes", part)


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _etag_of(parts: "Parts") -> str:
    """The ETag S3 gives to an object made of these parts."""
    etags = [bytes.fromhex(part["ETag"].strip('"')) for part in parts]
    return f'"{hashlib.md5(b"".join(etags), usedforsecurity=False).hexdigest()}-{len(etags)}"'
