import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from etna_pipelines.environments import history
from etna_pipelines.environments.health import check_health
from etna_pipelines.environments.history import Serving
from etna_pipelines.errors import DatabaseUnreachable, PushFailed
from etna_pipelines.settings import Environment
from tests.environments.conftest import OWNER, Published, Send


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


def test_a_table_that_a_migration_renamed_is_not_asked_for(
    target: Environment, published: Published, send: Send
) -> None:
    push = send(target).id
    with target.database.connect() as connection:
        connection.execute("ALTER TABLE page RENAME TO site_page; DROP TABLE django_site")
    check_health(published.stripped, target, push)


def test_a_busy_moment_is_waited_for_and_one_that_stays_busy_serves(
    target: Environment, published: Published, send: Send
) -> None:
    push, database = send(target).id, target.database
    role = f"pusher_of_{database.name}"
    with database.maintenance.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'of the test'; GRANT {OWNER} TO {role}")
        connection.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 1")
    pusher = replace(target, database=replace(database, user=role, password="of the test"))
    client = pusher.database.connect()
    check_health(published.stripped, pusher, push, patience=0)
    client.execute("TRUNCATE wagtailcore_site, django_site CASCADE")
    leaving = threading.Timer(0.2, client.close)
    leaving.start()
    with pytest.raises(PushFailed, match="has no rows after its swap"):  # it got in
        check_health(published.stripped, pusher, push)
    leaving.join()


def test_one_that_does_not_answer_is_not_healthy(target: Environment, published: Published) -> None:
    asleep = replace(target, database=replace(target.database, port=1))
    with pytest.raises(DatabaseUnreachable):
        check_health(published.stripped, asleep, "any", patience=0)
