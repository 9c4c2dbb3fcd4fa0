"""A night with encrypted archives, on a real PostgreSQL, and a developer who may open the stripped ones only."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from etna_pipelines.errors import SettingsError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import Steps
from tests.commands import Etna
from tests.environments.conftest import databases

SITE = """
CREATE TABLE person (id int PRIMARY KEY, email text, town text);
INSERT INTO person SELECT i, 'person' || i || '@real.org', 'Town ' || i FROM generate_series(1, 500) i;
CREATE TABLE town (name text);
INSERT INTO town VALUES ('Aberystwyth');
"""
RULES = """
tables:
  person: {keep: [id, town], columns: {email: email}}
  town: {keep: [name]}
"""
OPERATOR, DEVELOPER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()


@pytest.fixture
def production(
    fresh: Path, database: Database, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    for name in ("PRODUCTION", "LOCAL"):
        monkeypatch.setenv(f"ETNA_{name}_PASSWORD", database.password or "")
    (fresh / "team.txt").write_text(f"{DEVELOPER.to_public()}\n")
    (fresh / "rules.yaml").write_text(RULES)
    (fresh / "environments.yaml").write_text(
        f"production: {{database: '{database.url}'}}\n"
        f"development: {{database: '{database.named('nobody').url}'}}\n"
        f"local: {{database: '{database.named(f'{database.name}_local').url}'}}\n"
        f"rules: rules.yaml\nencryption: {{full: {OPERATOR.to_public()}, stripped: team.txt}}\n"
    )
    with database.connect() as connection:
        connection.execute(SITE)
    yield database
    for name in databases(database):
        if name != database.name:
            server.drop_database(name)


def night() -> tuple[Manifest, Manifest]:
    """The full and the stripped snapshot that it publishes."""
    settings = load()
    steps = Steps(settings, settings.open_store())
    full = steps.publish(steps.check_backup(steps.back_up().id))
    return full, steps.publish(steps.strip(full.id))


def test_a_night_and_a_pull(production: Database, fresh: Path, etna: Etna, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fresh / ".etna/store"
    with pytest.raises(SettingsError, match=r"set ETNA_AGE_IDENTITY to the identity of one of `encryption\.full`"):
        night()
    assert not store.exists()

    monkeypatch.setenv("ETNA_AGE_IDENTITY", str(OPERATOR))
    full, stripped = night()
    files = [path for path in store.glob("*/*/archive/*") if path.is_file()]
    assert len(files) == len(full.files) + len(stripped.files)
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1\n") for path in files)
    assert restored(full, store, OPERATOR, fresh / "full").count("@real.org") == 500
    assert "@real.org" not in restored(stripped, store, DEVELOPER, fresh / "stripped")

    monkeypatch.delenv("ETNA_AGE_IDENTITY")
    refused = etna("pull")
    assert (refused.code, "is encrypted: set ETNA_AGE_IDENTITY" in refused.err) == (1, True)
    monkeypatch.setenv("ETNA_AGE_IDENTITY", str(DEVELOPER))
    assert etna("pull").code == 0
    with production.named(f"{production.name}_local").connect() as connection:
        counted = connection.execute("SELECT count(*), count(*) FILTER (WHERE email ~ '@real.org') FROM person")
        assert counted.fetchall() == [(500, 0)]
    refused = etna("rules", "preview", "person")
    assert (refused.code, "opens it: add the operators' to the variable;" in refused.err) == (1, True)
    assert list((fresh / ".etna/scratch").iterdir()) == []


def restored(snapshot: Manifest, store: Path, identity: pyrage.x25519.Identity, into: Path) -> str:
    """The rows as SQL: without this project, by `age -d` (here, another program of the format) and `pg_restore`."""
    into.mkdir()
    for path in (store / snapshot.prefix / "archive").iterdir():
        (into / path.name).write_bytes(pyrage.decrypt(path.read_bytes(), [identity]))
    from etna_pipelines.postgres.programs import find

    program = find("pg_restore", int(snapshot.source.server_version.split(".")[0]))
    done = subprocess.run([program, "--file", "-", into], capture_output=True, text=True, check=True)
    return done.stdout
