"""What assets ask Dagster for."""

from pathlib import Path

import pytest

from etna_pipelines.defs.resources import Etna
from etna_pipelines.settings import load
from etna_pipelines.stores.s3 import S3Store


@pytest.mark.usefixtures("aws_environment")
def test_the_night_waits_for_s3_as_a_terminal_does(fresh: Path) -> None:
    Path("environments.yaml").write_text("store: {url: 's3://etna/nightly', endpoint_url: 'http://127.0.0.1:1'}\n")
    there, here = Etna().steps().store, load().open_store()

    assert isinstance(there, S3Store)
    assert isinstance(here, S3Store)
    for setting in ("retries", "connect_timeout", "read_timeout", "tcp_keepalive", "max_pool_connections"):
        assert getattr(there._client.meta.config, setting) == getattr(here._client.meta.config, setting)
    assert there._client.meta.config.request_checksum_calculation == "when_required"
