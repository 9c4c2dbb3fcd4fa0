"""A home of its own with an embedded production, and what the nightly and a push do with it, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etna_pipelines.environments.start import start_embedded
from etna_pipelines.settings import Settings, Variables
from etna_pipelines.settings_file import Production, StoreSettings, Target, Test


@contextmanager
def embedded_home(home: Path, rules: str, **others: Target | Test) -> Iterator[Settings]:
    """Settings of an empty production, a development and others, whose server runs while the block does."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "rules.yaml"
    path.write_text(rules)
    settings = Settings(
        home=home,
        rules=path,
        store=StoreSettings(url=str(home / "store")),
        sections={"production": Production(), "development": Target(), **others},
        variables=Variables(home=home),
    )
    start_embedded(settings)
    try:
        settings.embedded_server.create_database("etna_production")
        yield settings
    finally:
        settings.embedded_server.stop()
