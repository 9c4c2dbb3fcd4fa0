"""The embedded server made ready."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from etna_pipelines.environments.start import start_embedded
from etna_pipelines.settings import load


def test_it_runs_with_the_role_that_owns_databases_on_it(fresh: Path) -> None:
    settings = load()
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(start_embedded, [settings] * 3))

        with settings.embedded_server.database("postgres").connect() as connection:
            role = connection.execute("SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'etna_app'")
            assert role.fetchall() == [(False, True)]
    finally:
        settings.embedded_server.stop()


def test_nothing_is_started_that_nobody_is_on(fresh: Path) -> None:
    url = "postgresql://etna@db.example.internal"
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{url}/etna'}}\ndevelopment: {{database: '{url}/etna_development'}}\n"
    )

    start_embedded(load())

    assert not (fresh / ".etna").exists()
