from datetime import UTC, datetime

from etna_pipelines.environments import filling
from etna_pipelines.settings import Environment
from tests.environments.conftest import databases


def test_sweeping_leaves_what_people_named_alike(serving: Environment) -> None:
    name = serving.database.name
    with serving.database.maintenance.connect() as server:
        server.execute(f'CREATE DATABASE "{name}_new_20261123t020000123456z-1f0c9a"')
        server.execute(f"CREATE DATABASE {name}_new_idea")
        filling.sweep(server, name, "new", before=datetime(2026, 11, 23, 2, tzinfo=UTC))
        assert len(databases(serving.database)) == 3
        filling.sweep(server, name, "new")
    assert databases(serving.database) == [name, f"{name}_new_idea"]
