"""A store of a thousand snapshots of 120 tables each: told at a glance, from a directory and over HTTP."""

import hashlib
import hmac
import json
import logging
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

from benchmarks.common import Result, seconds
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.listing import Memory, listing
from etna_pipelines.snapshots.manifest import (
    KINDS,
    ArchiveFile,
    Column,
    DatabaseSchema,
    ForeignKey,
    Manifest,
    Proof,
    Source,
    Table,
)
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store, s3_client_config
from etna_pipelines.stores.store import Store

NIGHTS = 500
TABLES = 120
FEW = 10
"""Files of each archive in S3: for each listing moto goes over every key that there is, which S3 does not."""
KEY = bytes(32)
BUCKET = "a-thousand-snapshots"
CREDENTIALS = MappingProxyType(
    {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nobody", "AWS_DEFAULT_REGION": "eu-west-2"}
)


def measure(home: Path, megabytes: int = 0) -> list[Result]:  # noqa: ARG001
    root = home / "store"
    for key, data in _objects(TABLES):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    store = LocalStore(root)
    begun = time.process_time()
    _listed(store, home)
    first = time.process_time() - begun
    return [
        _measured(store, home, f"a directory; {first:.0f} s of one core at first, when each is read"),
        _over_http(home, Memory.of(home, Catalogue(store, KEY))),
    ]


def _over_http(home: Path, read: Memory) -> Result:
    """With the server in a process of its own, as its work is not ours; and as if we had read them before."""
    import boto3

    os.environ |= CREDENTIALS
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    server.start()
    client = boto3.client("s3", endpoint_url=here.recv(), config=s3_client_config())
    store = S3Store(client, BUCKET)
    Memory.of(home, Catalogue(store, KEY)).keep(read.recall().values())
    try:
        return _measured(store, home, "S3, which is moto over HTTP")
    finally:
        server.terminate()


def _measured(store: Store, home: Path, where: str) -> Result:
    catalogue = Catalogue(store, KEY)

    def newest() -> None:
        assert all(catalogue.newest(kind) for kind in KINDS)

    value = statistics.median(seconds(lambda: _listed(store, home)) for _ in range(5))
    size = f"of {TABLES} tables each, in {where}; the newest two found and read in {seconds(newest):.2f} s"
    return Result(f"{2 * NIGHTS:,} snapshots listed, {where.partition(',')[0].partition(';')[0]}", 1, value, "s", size)


def _listed(store: Store, home: Path) -> None:
    catalogue = Catalogue(store, KEY)
    assert len(listing(catalogue, Memory.of(home, catalogue))) == 2 * NIGHTS


def _serve(parent: "Connection[str, str]") -> None:
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(BUCKET, "eu-west-2")
    for key, data in _objects(FEW):
        backend.put_object(BUCKET, key, data)
    host, port = server.get_host_and_port()
    parent.send(f"http://{host}:{port}")
    parent.recv()  # for ever


def _objects(files: int) -> Iterator[tuple[str, bytes]]:
    """All that is in the store: of each archive so many empty files, as nobody reads those here."""
    begun = datetime(2025, 1, 1, 2, tzinfo=UTC)
    for kind in KINDS:
        said = _manifest(kind == "stripped").model_dump(mode="json", by_alias=True, exclude={"hmac"})
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
        for night in range(NIGHTS):
            id_ = f"{begun + timedelta(days=night):%Y%m%dT%H%M%S%f}Z-abcdef"
            text = canonical.replace("ID", id_).replace('"kind":"full"', f'"kind":"{kind}"')
            mac = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
            yield f"{kind}/{id_}/manifest.json", f'{text[:-1]},"hmac":"{mac}"}}'.encode()
            for number in range(files):
                yield f"{kind}/{id_}/archive/{number}.dat.gz", b""


def _manifest(stripped: bool) -> Manifest:
    names = [f"application_table_{number}" for number in range(TABLES)]
    columns = [Column(name=f"column_{number}", type="character varying(150)", category="S") for number in range(12)]
    return Manifest(
        id="ID",
        kind="full",
        created=datetime(2025, 1, 1, tzinfo=UTC),
        source=Source(
            environment="production", database="etna", system_identifier="7", server_version="15.9", encoding="UTF8"
        ),
        versions={"pg_dump": "18.6"},
        schema=DatabaseSchema(
            tables=[
                Table(
                    oid=number, schema_name="public", name=name, columns=columns, primary_key=["column_0"], rows=5_000
                )
                for number, name in enumerate(names)
            ],
            foreign_keys=[
                ForeignKey(
                    name=f"{name}_fkey",
                    table=f"public.{name}",
                    columns=["column_1"],
                    references=f"public.{names[0]}",
                    referenced_columns=["column_0"],
                )
                for name in names
            ],
        ),
        files=[
            ArchiveFile(
                name=f"{number}.dat.gz",
                bytes=100_000,
                sha256="0" * 64,
                table=f"public.{name}",
                rows=5_000,
                members=[9, 9],
            )
            for number, name in enumerate(names)
        ],
        proof=Proof(passed=True, scanned_bytes=1, scanned_files=1, originals=1) if stripped else None,
    )
