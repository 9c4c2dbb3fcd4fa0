"""Stores to test: a directory, a bucket of a real HTTP server, and both with everything in them encrypted; and a
server in between that has faults."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from moto.s3.models import s3_backends

from etna_pipelines.stores.age_keys import Identity
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store, s3_client_config
from etna_pipelines.stores.sealed import SealedStore
from etna_pipelines.stores.store import Store
from tests.stores.faulty_server import Proxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3_client(s3_server: str, aws_environment: None) -> "S3Client":
    return boto3.client("s3", endpoint_url=s3_server, config=s3_client_config())


@pytest.fixture
def bucket(s3_client: "S3Client") -> str:
    name = f"snapshots-{secrets.token_hex(4)}"
    s3_client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return name


IDENTITY = Identity(bytes(range(32)))


@pytest.fixture(params=["local", "s3", "sealed local", pytest.param("sealed s3", marks=pytest.mark.long)])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def plain_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if kind.endswith("local"):
        return LocalStore(tmp_path / "store")
    return S3Store(request.getfixturevalue("s3_client"), request.getfixturevalue("bucket"), "etna/snapshots")


@pytest.fixture
def store(kind: str, plain_store: Store) -> Store:
    """As it is, or with every object encrypted."""
    return sealed(plain_store) if kind.startswith("sealed") else plain_store


def sealed(store: Store) -> SealedStore:
    """A store in which everything is encrypted to IDENTITY."""
    return SealedStore(store, lambda key: [IDENTITY.recipient], [IDENTITY])


@pytest.fixture
def leftovers(request: pytest.FixtureRequest, plain_store: Store) -> Callable[[], list[str]]:
    """What a writer left besides objects: files and directories, or unfinished uploads."""
    if isinstance(plain_store, LocalStore):
        root = Path(plain_store.location())
        return lambda: [str(path) for path in root.rglob("*") if path.name.startswith(".") or path.is_dir()]
    client: S3Client = request.getfixturevalue("s3_client")
    bucket: str = request.getfixturevalue("bucket")
    return lambda: [item["Key"] for item in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


@pytest.fixture
def seed(request: pytest.FixtureRequest, plain_store: Store) -> Callable[[list[str]], None]:
    """Many small objects at once, put where they belong without the store: a thousand real puts take their time."""

    def to_files(keys: list[str]) -> None:
        for key in keys:
            path = Path(plain_store.location(key))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

    def to_server(keys: list[str]) -> None:
        bucket: str = request.getfixturevalue("bucket")
        for key in keys:
            s3_backends["123456789012"]["aws"].put_object(
                bucket, plain_store.location(key).removeprefix(f"s3://{bucket}/"), b"x"
            )

    return to_files if isinstance(plain_store, LocalStore) else to_server


@pytest.fixture
def proxy(s3_server: str) -> Iterator[Proxy]:
    server = Proxy(s3_server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxied(proxy: Proxy, bucket: str) -> S3Store:
    """A store whose requests all pass the proxy, tried twice at most."""
    config = s3_client_config().merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))
    client = boto3.client("s3", endpoint_url=proxy.url, config=config)
    return S3Store(client, bucket)
