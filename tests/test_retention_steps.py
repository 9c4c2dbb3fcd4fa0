"""A store in S3 whose runner may never delete, and which is pruned by credentials of their own."""

import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from etna_pipelines.errors import SettingsError, StoreRefused
from etna_pipelines.retention_steps import RetentionSteps
from etna_pipelines.settings import Settings, load
from etna_pipelines.snapshots.catalogue import Catalogue
from tests.snapshots.samples import draft, stored
from tests.stores.faulty_server import Proxy, Reply, Request

PROFILES = "[profile pruner]\naws_access_key_id = PRUNER\naws_secret_access_key = secret\n"
DENIED = b"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
BEGUN = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture
def strict_server(s3_server: str) -> Iterator[str]:
    """An S3 on which the pruner alone may delete, as deploy/iam has it."""
    proxy = Proxy(s3_server)

    def answer(request: Request) -> Reply:
        deletes = request.method == "DELETE" or (request.method == "POST" and request.path.endswith("?delete"))
        if deletes and "Credential=PRUNER/" not in request.headers["Authorization"]:
            return Reply(403, {"Content-Type": "application/xml"}, DENIED)
        return proxy.forward(request)

    proxy.answer = answer
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield proxy.url
    proxy.shutdown()
    proxy.server_close()
    thread.join()


@pytest.fixture
def settings(
    fresh: Path, strict_server: str, s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    bucket = f"snapshots-{secrets.token_hex(4)}"
    client = boto3.client("s3", endpoint_url=s3_server)
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    (fresh / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(fresh / "config"))
    (fresh / "environments.yaml").write_text(
        f"store: {{url: s3://{bucket}/etna, endpoint_url: {strict_server}, region: eu-west-2}}\n"
        "retention: {full: {nights: 2, weeks: 0, months: 0}, pruner_profile: pruner}\n"
    )
    return load()


def id_of(number: int) -> str:
    return f"{BEGUN + timedelta(days=number):%Y%m%dT%H%M%S%f}Z-aaaaaa"


def test_the_runner_publishes_and_the_pruner_deletes(settings: Settings) -> None:
    runner = Catalogue(settings.open_store(), settings.signing_keys())
    for number in range(5):
        made = stored(runner.store, draft(id_of(number)))
        runner.save_draft(made)
        if number != 1:  # a run that was killed
            runner.publish(made)
    runner.discard(runner.read_draft("full", id_of(1)))
    assert runner.ids("full") == [id_of(number) for number in (0, 2, 3, 4)]

    with pytest.raises(StoreRefused, match=r"not allowed DeleteObjects on s3://.+: grant it to them on the bucket"):
        RetentionSteps(settings, runner.store).prune()
    assert runner.ids("full") == [id_of(3), id_of(4)]  # to retire is to write

    pruner = RetentionSteps.of(settings)
    pruner.prune()
    assert runner.folders("full") == [id_of(number) for number in (0, 2, 3, 4)]
    assert not [item.key for item in runner.store.list("full/") if item.key.endswith("draft.json")]
    for number in (0, 2):
        pruner.catalogue.retire("full", id_of(number), BEGUN)
    pruner.prune()
    assert [item.key.split("/")[1] for item in runner.store.list("full/")] == [id_of(3)] * 3 + [id_of(4)] * 3


def test_a_profile_that_is_not_there_is_told(settings: Settings, fresh: Path) -> None:
    (fresh / "config").write_text("")
    with pytest.raises(SettingsError, match=r"cannot be opened \(ProfileNotFound\): check .+ profile that boto3 reads"):
        RetentionSteps.of(settings)
