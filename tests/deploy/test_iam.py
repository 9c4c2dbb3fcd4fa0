"""The policies of deploy/iam: each role may do its own work and no other."""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from etna_pipelines.errors import StoreRefused
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.stores.s3 import S3Store, s3_client_config
from tests.aws_users import ROLES, Keys, Role, enforced, statements
from tests.commands import Etna
from tests.environments.conftest import SIGNING_KEY, publish, titles
from tests.stores.faulty_server import Proxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ALLOWED = "nightly/stripped/*"
BUCKET = f"snapshots-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def bucket(s3_server: str) -> None:
    everything = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-west-2"}
    s3 = boto3.client("s3", endpoint_url=s3_server, **everything)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})


@pytest.fixture
def keys(s3_server: str, aws_environment: None, bucket: None) -> Iterator[Mapping[Role, Keys]]:
    with enforced(s3_server, BUCKET) as keys:
        yield keys


@pytest.fixture
def client(s3_server: str, keys: Mapping[Role, Keys]) -> "Callable[[Role], S3Client]":
    def client(role: Role) -> "S3Client":
        id_, secret = keys[role]
        return boto3.client(
            "s3",
            endpoint_url=s3_server,
            aws_access_key_id=id_,
            aws_secret_access_key=secret,
            config=s3_client_config(),
        )

    return client


@pytest.fixture
def proxy(s3_server: str) -> Iterator[Proxy]:
    """Sees what is asked of S3."""
    with Proxy(s3_server) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


def test_each_role_may_do_its_own_work_and_no_other(client: "Callable[[Role], S3Client]") -> None:
    runner, pruner, developer = (S3Store(client(role), BUCKET, "nightly") for role in ROLES)

    for key in ("full/1/archive/a", "stripped/2/archive/a", "pushes/staging/1.json"):
        runner.put(key, [b"written by the runner"])
    runner.put("full/1/archive/large", [bytes(17 * 1024 * 1024)])
    runner.copy("full/1/archive/a", "stripped/2/archive/b")
    runner.put_if_absent("full/1/manifest.json", b"{}")
    assert len([*runner.list("")]) == 6

    assert b"".join(developer.read("stripped/2/archive/b")) == b"written by the runner"
    assert [item.key for item in developer.list("stripped/")] == ["stripped/2/archive/a", "stripped/2/archive/b"]
    with pytest.raises(StoreRefused, match="not allowed GetObject"):
        b"".join(developer.read("full/1/archive/a"))
    for store, key in ((developer, "stripped/2/manifest.json"), (pruner, "pushes/staging/1.json")):
        with pytest.raises(StoreRefused, match="not allowed PutObject"):
            store.put(key, [b"by somebody else"])

    assert b"".join(pruner.read("full/1/manifest.json")) == b"{}"
    pruner.put("full/1/retired.json", [b"{}"])
    pruner.sweep()

    deletes = [
        (role, key)
        for role in ROLES
        for key in ("full/1/manifest.json", "stripped/2/archive/a", "pushes/staging/1.json")
        if _may_delete(client(role), key)
    ]
    assert deletes == [
        ("runner", "pushes/staging/1.json"),
        ("pruner", "full/1/manifest.json"),
        ("pruner", "stripped/2/archive/a"),
    ]


def _may_delete(client: "S3Client", key: str) -> bool:
    try:
        client.delete_object(Bucket=BUCKET, Key=f"nightly/{key}")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        return False
    return True


def test_a_developer_pulls_with_access_to_stripped_snapshots_alone(
    client: "Callable[[Role], S3Client]",
    keys: Mapping[Role, Keys],
    server: EmbeddedServer,
    proxy: Proxy,
    etna: Etna,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = publish(server, fresh, "pulled_production")
    store = S3Store(client("runner"), BUCKET, "nightly")
    for item in published.store.list(""):
        store.put(item.key, published.store.read(item.key))
    for manifest in (published.full, published.stripped):
        store.put_if_absent(f"{manifest.prefix}/manifest.json", manifest.to_bytes())
    local = server.database("pulled_local")
    (fresh / "environments.yaml").write_text(
        f"store: {{url: s3://{BUCKET}/nightly, endpoint_url: '{proxy.url}'}}\n"
        f"production: {{database: postgresql://etna_backup@127.0.0.1:1/etna}}\n"
        f"local: {{database: '{local.url}'}}\n"
    )
    monkeypatch.setenv("ETNA_LOCAL_PASSWORD", local.password or "")
    monkeypatch.setenv("ETNA_SIGNING_KEY", SIGNING_KEY.hex())
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys["developer"], strict=True):
        monkeypatch.setenv(name, value)

    pulled = etna("pull")

    assert pulled.code == 0, pulled.err
    assert titles(local) == ["Page 1", "Page 2"]
    [condition] = [each["Condition"] for each in statements("developer") if each["Action"] == "s3:ListBucket"]
    assert condition == {"StringLike": {"s3:prefix": [ALLOWED]}}
    asked = [parse_qs(urlsplit(request.path).query) for request in proxy.seen]
    listed = [query["prefix"][0] for query in asked if "list-type" in query]
    assert listed and [prefix for prefix in listed if not fnmatchcase(prefix, ALLOWED)] == []
    server.drop_database("pulled_local")
    server.drop_database("pulled_production")
    assert Catalogue(store, SIGNING_KEY).ids("stripped") == [published.stripped.id]
