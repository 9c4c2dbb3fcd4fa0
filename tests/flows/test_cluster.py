"""The strip shared out to Celery's workers for real: separate processes with homes of their own, an S3, and Redis."""

import os
import re
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.rules.rules import load
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.s3 import S3Store
from tests.flows.cluster import Cluster, history_of, kill, redis

pytestmark = pytest.mark.long

BUCKET = "snapshots-of-a-cluster"
MASKING_KEY, SIGNING_KEY = secrets.token_bytes(32), secrets.token_bytes(32)
PLANTED = "Xylophonist"
ASSETS = ("production_backup", "full_snapshot", "stripped_snapshot")
STANDS_STILL = {"ETNA_KILL_AT": "stop:strip: a file written"}

PRODUCTION = f"""
CREATE TABLE person (id int PRIMARY KEY, first text, last text, email text, town text, token text);
INSERT INTO person SELECT i, 'Gwenllian', '{PLANTED}' || chr(97 + i % 26) || chr(97 + i / 26 % 26),
    'gwen' || i || '@planted-mail.org.uk', 'Town ' || i % 50, md5(i::text) || md5(i || 'a') || md5(i || 'b')
    FROM generate_series(1, 400000) i;
CREATE TABLE note (id int PRIMARY KEY, body text);
INSERT INTO note SELECT i, 'a letter by Gwenllian {PLANTED}' || chr(97 + i % 26) || 'b ' || md5(i::text)
    FROM generate_series(1, 20000) i;
CREATE TABLE log (id int, line text);
INSERT INTO log SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
"""
RULES = """
tables:
  person: {keep: [id], columns: {first: fake(first), last: fake(last), email: email, town: shuffle, token: hash}}
  note: {keep: [id], columns: {body: scrub}}
  log: {keep: [id, line]}
"""


@pytest.fixture
def store(s3_server: str, aws_environment: None) -> S3Store:
    client = boto3.client("s3", endpoint_url=s3_server)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return S3Store(client, BUCKET, "cluster")


@pytest.fixture
def cluster(
    server: EmbeddedServer, database: Database, store: S3Store, s3_server: str, tmp_path: Path
) -> Iterator[Cluster]:
    with database.connect() as connection:
        connection.execute(PRODUCTION)
    history = database.named(f"{database.name}_dagster")
    server.create_database(history.name)
    settings: dict[str, object] = {
        "production": {"database": database.url},
        "development": {"database": database.named(f"{database.name}_development").url},
        "store": {"url": f"s3://{BUCKET}/cluster", "endpoint_url": s3_server, "region": "eu-west-2"},
        "rules": "rules.yaml",
        "growing": {"executor": "celery", "part": "1MB", "patience": 1},
    }
    with redis() as broker:
        variables = {
            "ETNA_BROKER_URL": broker,
            "ETNA_DAGSTER_STORAGE_URL": history_of(history),
            "ETNA_PRODUCTION_PASSWORD": database.password or "",
            "ETNA_DEVELOPMENT_PASSWORD": database.password or "",
            "ETNA_MASKING_KEY": MASKING_KEY.hex(),
            "ETNA_SIGNING_KEY": SIGNING_KEY.hex(),
        }
        cluster = Cluster(tmp_path, settings, RULES, variables)
        try:
            yield cluster
        finally:
            cluster.stop()
            server.drop_database(history.name)


def test_killed_workers_parts_are_done_by_others(cluster: Cluster, store: S3Store, tmp_path: Path) -> None:
    cluster.worker("steps", "--steps")
    first = cluster.worker("first", "--at-once", "1", **STANDS_STILL)
    cluster.materialise(*ASSETS)
    child = cluster.stopped_child(first)
    os.kill(child, signal.SIGKILL)  # its worker gives the part back, and takes one once more
    cluster.stopped_child(first, but=child)
    kill(first)  # with all of it
    cluster.worker("second", "--at-once", "1")
    cluster.worker("third", "--at-once", "1")
    cluster.done()

    catalogue = Catalogue(store, SIGNING_KEY)
    full, stripped = catalogue.newest("full"), catalogue.newest("stripped")
    assert full
    assert stripped
    assert stripped.proof
    assert stripped.proof.passed
    assert len(next(file for file in full.files if file.table == "public.person").slices) > 1
    assert_same(store, full, stripped, tmp_path)
    taken, done = steps(cluster.said("first"), "→ "), steps(cluster.said("second") + cluster.said("third"), "✓ ")
    stood_still = [step for step in taken if "strip_part" in step]
    assert len(stood_still) == 2
    assert set(stood_still) <= set(done)
    assert [item.key for item in store.list("full/") if "strip-" in item.key] == []
    told = b"".join(path.read_bytes() for path in tmp_path.glob("*/said"))
    for secret in (PLANTED, MASKING_KEY.hex(), SIGNING_KEY.hex(), "planted@"):
        assert secret.encode() not in told
    assert not list(tmp_path.glob("first/.etna/**/*.gz"))


def steps(said: str, mark: str) -> list[str]:
    """The steps that a worker began, or ended."""
    return re.findall(mark + r"(stripped_snapshot\.\w+\[\d+\])", said)


def assert_same(store: S3Store, full: Manifest, stripped: Manifest, directory: Path) -> None:
    """The archive is byte for byte what one process makes."""
    (directory / "rules.yaml").write_text(RULES)
    alone = strip(full, store, load(directory / "rules.yaml"), masking_key=MASKING_KEY).draft
    assert stripped.files == alone.files
    for file in alone.files:
        made = [b"".join(store.read(each.archive_key(file.name))) for each in (alone, stripped)]
        assert made[0] == made[1]
