from datetime import UTC, datetime

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.health import check_health
from etna_pipelines.environments.history import Serving
from etna_pipelines.errors import PushFailed
from etna_pipelines.settings import Environment
from tests.environments.conftest import Published, Send


def test_what_a_push_brought_is_healthy_until_it_is_empty_or_another(
    target: Environment, published: Published, send: Send
) -> None:
    manifest, push = published.stripped, send(target).id
    check_health(manifest, target, push)
    with target.database.connect() as connection:
        connection.execute("TRUNCATE wagtailcore_site CASCADE")  # as a fix-up may
        check_health(manifest, target, push)
        connection.execute("TRUNCATE django_site")
        with pytest.raises(PushFailed, match="has no rows after its swap"):
            check_health(manifest, target, push)
    another = Serving(push="another", snapshot=manifest.id, kind="stripped", rules=None, pushed=datetime.now(UTC))
    with target.database.maintenance.connect() as connection:
        history.mark(connection, target.database.name, another)
    with pytest.raises(PushFailed, match=f"does not serve the push {push} after its swap"):
        check_health(manifest, target, push)


def test_a_database_that_is_not_there_is_not_healthy(target: Environment, published: Published) -> None:
    with pytest.raises(PushFailed, match="does not serve the push"):
        check_health(published.stripped, target, "any")
