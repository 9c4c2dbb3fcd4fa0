"""A store in S3 while the server and the network fail: each fault is a real one, between two real HTTP programs."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from etna_pipelines.errors import StoreError, StoreRefused
from etna_pipelines.stores import s3
from etna_pipelines.stores.s3 import PART_SIZES, RESUMES, S3Store, in_parts, s3_client_config
from tests.stores.faulty_server import Proxy, Reply, Request

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
LARGE = bytes(range(256)) * 4096 * 9
LARGE_ENOUGH_FOR_PARTS = [LARGE, LARGE[::-1]]

Answer = Callable[[Request], Reply | None]


def error(status: int, code: str) -> Reply:
    body = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>of the server</Message></Error>"
    return Reply(status, {"Content-Type": "application/xml"}, body.encode())


def completes(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.path


def conditional_put(request: Request) -> bool:
    return "If-None-Match" in request.headers


def gets(request: Request) -> bool:
    return request.method == "GET"


def instead(proxy: Proxy, wanted: Callable[[Request], bool], answer: Answer, times: int = 1_000) -> list[Request]:
    """Let `answer` have the first `times` requests that are `wanted`. Returns the list they will stand in."""
    met: list[Request] = []

    def decide(request: Request) -> Reply | None:
        if wanted(request) and len(met) < times:
            met.append(request)
            return answer(request)
        return proxy.forward(request)

    proxy.answer = decide
    return met


def cutting(proxy: Proxy, at: int) -> Answer:
    def answer(request: Request) -> Reply:
        reply = proxy.forward(request)
        reply.cut_at = at
        return reply

    return answer


def unfinished(client: "S3Client", bucket: str) -> int:
    return len(client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


@pytest.mark.parametrize("at", [0, 1, 4 * MIB, 5 * MIB, len(LARGE) - 1])
def test_a_read_goes_on_where_it_was_cut(proxied: S3Store, proxy: Proxy, at: int) -> None:
    proxied.put("a", [LARGE])
    instead(proxy, gets, cutting(proxy, at), times=1)
    assert b"".join(proxied.read("a")) == LARGE
    first, second = [request for request in proxy.seen if gets(request)]
    assert "Range" not in first.headers
    assert second.headers["Range"].endswith(f"-{len(LARGE) - 1}")
    assert second.headers["If-Match"]


def test_a_ranged_read_goes_on_where_it_was_cut(proxied: S3Store, proxy: Proxy) -> None:
    proxied.put("a", [LARGE])
    instead(proxy, gets, cutting(proxy, 1000), times=2)
    assert b"".join(proxied.read("a", 10, 5 * MIB)) == LARGE[10 : 10 + 5 * MIB]


def test_a_read_that_is_cut_again_and_again_fails(proxied: S3Store, proxy: Proxy) -> None:
    proxied.put("a", [LARGE])
    met = instead(proxy, gets, cutting(proxy, 10))
    with pytest.raises(StoreError, match="was cut off 6 times while it was read") as caught:
        b"".join(proxied.read("a"))
    assert len(met) == 1 + RESUMES
    assert caught.value.retryable


def test_a_read_never_mixes_two_objects(proxied: S3Store, proxy: Proxy, s3_client: "S3Client", bucket: str) -> None:
    def cut_and_replace(request: Request) -> Reply:
        reply = cutting(proxy, 5 * MIB)(request)
        s3_client.put_object(Bucket=bucket, Key="a", Body=LARGE[::-1])
        return reply

    proxied.put("a", [LARGE])
    instead(proxy, gets, cut_and_replace, times=1)
    chunks = []
    with pytest.raises(StoreRefused, match="a was replaced while it was in use"):
        chunks.extend(proxied.read("a"))
    assert LARGE.startswith(b"".join(chunks))


def test_a_server_without_ranges_is_refused(proxied: S3Store, proxy: Proxy) -> None:
    def whole(request: Request) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name != "Range"}
        return proxy.forward(Request(request.method, request.path, headers, request.body))

    proxied.put("a", [b"0123456789"])
    instead(proxy, gets, whole)
    with pytest.raises(StoreRefused, match="does not send the range asked for"):
        b"".join(proxied.read("a", 5))


def test_every_part_carries_its_checksum(proxied: S3Store, proxy: Proxy, bucket: str) -> None:
    proxied.put("large", LARGE_ENOUGH_FOR_PARTS)
    proxied.put("small", [b"1"])
    proxied.put_if_absent("new", b"2")
    sent = [request for request in proxy.seen if request.method == "PUT" and request.path != f"/{bucket}"]
    assert [len(request.body) for request in sent] == [16 * MIB, 2 * MIB, 1, 1]
    for request in sent:
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        assert request.headers["x-amz-checksum-sha256"] == digest
        assert "trailer" not in str(request.headers).lower()


def test_a_body_that_arrives_short_is_noticed(proxied: S3Store, proxy: Proxy) -> None:
    def shortened(request: Request) -> Reply:
        return proxy.forward(Request(request.method, request.path, request.headers, request.body[:5]))

    instead(proxy, lambda request: request.method == "PUT", shortened)
    with pytest.raises(StoreError, match=r"/a holds 5 bytes where 10 were sent: run this again"):
        proxied.put("a", [b"0123456789"])


def test_a_completion_that_fails_with_status_200_is_tried_again(proxied: S3Store, proxy: Proxy) -> None:
    met = instead(proxy, completes, lambda request: error(200, "InternalError"), times=1)
    assert proxied.put("a", LARGE_ENOUGH_FOR_PARTS) == 2 * len(LARGE)
    assert len(met) == 1
    assert b"".join(proxied.read("a")) == b"".join(LARGE_ENOUGH_FOR_PARTS)


def test_a_completion_that_only_fails_with_status_200_is_a_failure(
    proxied: S3Store, proxy: Proxy, s3_client: "S3Client", bucket: str
) -> None:
    met = instead(proxy, completes, lambda request: error(200, "InternalError"))
    with pytest.raises(StoreError, match=r"failed at CompleteMultipartUpload of s3://.*/a \(InternalError\)"):
        proxied.put("a", LARGE_ENOUGH_FOR_PARTS)
    assert len(met) == 2
    assert [*proxied.list("")] == []
    assert unfinished(s3_client, bucket) == 0


def test_a_completion_whose_reply_is_lost_is_found_done(proxied: S3Store, proxy: Proxy) -> None:
    def lose_reply(request: Request) -> None:
        proxy.forward(request)

    proxied.put("a", [b"older"])
    met = instead(proxy, completes, lose_reply, times=1)
    assert proxied.put("a", LARGE_ENOUGH_FOR_PARTS) == 2 * len(LARGE)
    assert len(met) == 1
    assert b"".join(proxied.read("a")) == b"".join(LARGE_ENOUGH_FOR_PARTS)


def test_an_upload_that_was_aborted_by_another_is_a_failure(proxied: S3Store, proxy: Proxy) -> None:
    def abort(request: Request) -> Reply:
        proxy.forward(Request("DELETE", request.path, request.headers, b""))
        return error(404, "NoSuchUpload")

    proxied.put("a", [b"older"])
    instead(proxy, completes, abort)
    with pytest.raises(StoreError, match=r"CompleteMultipartUpload of .*/a \(NoSuchUpload\)"):
        proxied.put("a", LARGE_ENOUGH_FOR_PARTS)
    assert b"".join(proxied.read("a")) == b"older"


def test_a_part_that_is_refused_ends_the_upload(
    proxied: S3Store, proxy: Proxy, s3_client: "S3Client", bucket: str
) -> None:
    instead(proxy, lambda request: "partNumber=2" in request.path, lambda request: error(403, "ExpiredToken"))
    with pytest.raises(StoreRefused, match="have expired: sign in again"):
        proxied.put("a", LARGE_ENOUGH_FOR_PARTS)
    assert [*proxied.list("")] == []
    assert unfinished(s3_client, bucket) == 0


def test_a_busy_server_is_tried_again(proxy: Proxy, bucket: str) -> None:
    client = boto3.client("s3", endpoint_url=proxy.url, config=s3_client_config())
    store = S3Store(client, bucket)
    met = instead(proxy, lambda request: request.method == "PUT", lambda request: error(503, "SlowDown"), times=2)
    store.put("a", [b"1"])
    assert len(met) == 2
    assert b"".join(store.read("a")) == b"1"


def test_a_conditional_put_whose_reply_is_lost_is_our_own(proxied: S3Store, proxy: Proxy) -> None:
    def lose_reply(request: Request) -> None:
        proxy.forward(request)

    met = instead(proxy, conditional_put, lose_reply, times=1)
    proxied.put_if_absent("manifest.json", b"mine")
    assert len(met) == 1
    assert len([request for request in proxy.seen if conditional_put(request)]) == 2
    assert b"".join(proxied.read("manifest.json")) == b"mine"


def test_a_server_that_knows_no_conditions(proxied: S3Store, proxy: Proxy) -> None:
    instead(proxy, conditional_put, lambda request: error(501, "NotImplemented"))
    proxied.put_if_absent("manifest.json", b"mine")
    proxied.put_if_absent("manifest.json", b"mine")
    with pytest.raises(StoreRefused, match="exists already and holds something else"):
        proxied.put_if_absent("manifest.json", b"another's")
    assert b"".join(proxied.read("manifest.json")) == b"mine"


@pytest.mark.parametrize(("times", "succeeds"), [(4, True), (5, False)])
def test_a_conditional_put_beside_another_is_tried_again(
    proxied: S3Store, proxy: Proxy, times: int, succeeds: bool
) -> None:
    met = instead(proxy, conditional_put, lambda request: error(409, "ConditionalRequestConflict"), times=times)
    if succeeds:
        proxied.put_if_absent("manifest.json", b"mine")
    else:
        with pytest.raises(StoreError, match="ConditionalRequestConflict"):
            proxied.put_if_absent("manifest.json", b"mine")
    assert len(met) == times
    assert [item.key for item in proxied.list("")] == (["manifest.json"] if succeeds else [])


def test_what_could_not_be_deleted_is_told(proxied: S3Store, proxy: Proxy, bucket: str) -> None:
    def refuse(request: Request) -> Reply:
        body = "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
        return Reply(200, {"Content-Type": "application/xml"}, body.encode())

    instead(proxy, lambda request: request.method == "POST", refuse)
    with pytest.raises(StoreRefused, match=f"not allowed DeleteObjects on s3://{bucket}/b"):
        proxied.delete(["a", "b"])


def test_unfinished_uploads_are_swept_by_age(
    proxied: S3Store, proxy: Proxy, s3_client: "S3Client", bucket: str
) -> None:
    def dated(request: Request) -> Reply:
        """The server dates every upload years back: date one of them today."""
        reply = proxy.forward(request)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        reply.body = re.sub(rb"(<Key>etna/young</Key>.*?<Initiated>)[^<]+", rb"\g<1>" + now, reply.body, flags=re.S)
        del reply.headers["Content-Length"]
        return reply

    for key in ("etna/old", "etna/young", "other"):
        s3_client.create_multipart_upload(Bucket=bucket, Key=key)
    instead(proxy, lambda request: gets(request) and "uploads" in request.path, dated)
    S3Store(proxied._client, bucket, "etna").sweep()
    left = s3_client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert sorted(item["Key"] for item in left) == ["etna/young", "other"]


def test_a_prefix_keeps_to_itself(s3_client: "S3Client", bucket: str) -> None:
    store = S3Store(s3_client, bucket, "/etna/")
    for key in ("etna/", "etna/full/", "etna-2/a", "a"):
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"not ours")
    store.put("a", [b"ours"])
    assert [(item.key, item.bytes) for item in store.list("")] == [("a", 4)]
    assert s3_client.get_object(Bucket=bucket, Key="etna/a")["Body"].read() == b"ours"
    assert (store.location("a"), store.location()) == (f"s3://{bucket}/etna/a", f"s3://{bucket}/etna/")


def test_a_large_copy_goes_in_parts_inside_the_server(
    proxied: S3Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        s3, "COPYING", TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=2)
    )
    proxied.put("a", [LARGE])
    seen = len(proxy.seen)
    proxied.copy("a", "b")
    assert b"".join(proxied.read("b")) == LARGE
    copies = [request for request in proxy.seen[seen:] if "x-amz-copy-source-range" in request.headers]
    assert len(copies) == 2
    assert all(request.body == b"" for request in copies)


def test_parts_suffice_for_the_largest_object() -> None:
    assert sum(count for count, _ in PART_SIZES) == 10_000
    assert sum(count * size for count, size in PART_SIZES) >= 5 * 1024**4


def test_parts_grow_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (data[:2], b"", data[2:3], data[3:40], data[40:])

    data = bytes(range(100))
    monkeypatch.setattr(s3, "PART_SIZES", ((2, 5), (3, 20), (10, 60)))
    parts = [*in_parts(chunks())]
    assert [len(part) for part in parts] == [5, 5, 20, 20, 20, 30]
    assert b"".join(parts) == data


def test_full_and_stripped_snapshots_are_encrypted_by_keys_of_their_own(s3_client: "S3Client", bucket: str) -> None:
    store = S3Store(s3_client, bucket, "etna", {"full": "alias/etna-full", "stripped": "alias/etna-stripped"})
    store.put("full/1/small", [b"1"])
    store.put("full/1/large", LARGE_ENOUGH_FOR_PARTS)
    store.put_if_absent("full/1/manifest.json", b"{}")
    store.copy("full/1/small", "stripped/2/copied")
    store.put("pushes/staging/3", [b"note"])

    def key_of(key: str) -> tuple[str | None, str | None]:
        head = s3_client.head_object(Bucket=bucket, Key=f"etna/{key}")
        return head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")

    for key in ("full/1/small", "full/1/large", "full/1/manifest.json"):
        assert key_of(key) == ("aws:kms", "alias/etna-full")
    assert key_of("stripped/2/copied") == ("aws:kms", "alias/etna-stripped")
    assert key_of("pushes/staging/3")[1] is None
