"""The rules for ETNA on a database of its shape, full of planted people, where one lies beside the repository."""

import gzip
import importlib.util
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql

from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.proof import prove, refuse_failed
from etna_pipelines.anonymise.rules import load
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import find, run
from etna_pipelines.postgres.restore import fetch_archive, restore
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
DUMP = DATA / "etna_small.sql.gz"
OWNER = "etna_app_user"
SURVIVORS = 0.99

pytestmark = pytest.mark.skipif(not DUMP.exists(), reason=f"{DUMP.name} is not beside the repository")


@dataclass(frozen=True)
class Night:
    """Production, and the stripped snapshot of it restored."""

    production: Database
    stripped: Database
    manifest: Manifest


@pytest.fixture(scope="module")
def night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    directory = tmp_path_factory.mktemp("etna_small")
    production, target = server.database("etna_small"), server.database("etna_small_stripped")
    with production.maintenance.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
    for database in (production, target):
        server.create_database(database.name)
    _load(production, directory)

    store = LocalStore(directory / "store")
    catalogue = Catalogue(store, bytes(32))
    rules = load(ROOT / "anonymisation_rules" / "etna.yaml")
    draft = backup(production, store, environment="production", scratch=directory / "scratch")
    catalogue.read_back(draft)
    stripped = strip(catalogue.publish(draft), store, rules, masking_key=bytes(range(32)))
    proof = prove(stripped, store, rules.public)
    refuse_failed(proof)
    manifest = catalogue.publish(stripped.draft.model_copy(update={"proof": proof}))
    (directory / "restored").mkdir()
    restore(fetch_archive(manifest, store, directory / "restored"), manifest, target)
    yield Night(production, target, manifest)

    for database in (production, target):
        server.drop_database(database.name)
    with production.maintenance.connect() as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(OWNER)))


def _load(database: Database, scratch: Path) -> None:
    """The dump is SQL for psql, which nothing else reads."""
    with database.connect() as connection:
        major = connection.info.server_version // 10000
    plain = scratch / "etna_small.sql"
    with gzip.open(DUMP) as dump, plain.open("wb") as file:
        shutil.copyfileobj(dump, file)
    run(find("psql", major), ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(plain)], database)


@dataclass(frozen=True)
class Report:
    """What the scanner beside the dump says of a database; it knows what was planted."""

    found_planted: bool
    said: str

    def survivors(self, emptied: list[str]) -> Counter[tuple[str, str]]:
        """How often what is published on purpose is there, by column and kind, without emptied tables."""
        counts = re.findall(r"^(\S+) +kept +(\S+) +(\d+)$", self.said, re.M)
        return Counter({(at, kind): int(count) for at, kind, count in counts if at.rpartition(".")[0] not in emptied})


@pytest.fixture(scope="module")
def reports(night: Night) -> tuple[Report, Report]:
    """Of production and of its stripped copy."""
    return _scanned(night.production), _scanned(night.stripped)


def test_nothing_planted_is_left(reports: tuple[Report, Report]) -> None:
    before, after = reports
    assert before.found_planted
    assert not after.found_planted, after.said


def test_what_is_published_survives(night: Night, reports: tuple[Report, Report]) -> None:
    before, after = (report.survivors(night.manifest.emptied) for report in reports)
    assert before.total() > 1000
    assert (before & after).total() >= SURVIVORS * before.total()


def test_json_keeps_its_shape_down_to_the_streamfields_in_strings(night: Night) -> None:
    columns = [
        (table.schema_name, table.name, table.primary_key[0], column.name)
        for table in night.manifest.schema_.tables
        for column in table.columns
        if column.type == "jsonb" and table.qualified not in night.manifest.emptied
    ]
    assert ("public", "wagtailcore_revision", "id", "content") in columns
    for schema, table, key, column in columns:
        query = sql.SQL("SELECT {}, {} FROM {}").format(
            *map(sql.Identifier, (key, column)), sql.Identifier(schema, table)
        )
        with night.production.connect() as production, night.stripped.connect() as stripped:
            rows: dict[object, object] = dict(production.execute(query).fetchall())
            assert {key: _shape(value) for key, value in stripped.execute(query)} == {
                key: _shape(value) for key, value in rows.items()
            }, f"{table}.{column}"


def _shape(value: object) -> object:
    """JSON without its texts: keys that are no address, numbers, types of blocks, and the shape of JSON in strings."""
    match value:
        case dict():
            return {"@" if "@" in key else key: each if key == "type" else _shape(each) for key, each in value.items()}
        case list():
            return [_shape(each) for each in value]
        case str() if value.startswith(("[", "{")):
            return "json", _shape(json.loads(value))
        case str():
            return "text"
    return value


def _scanned(database: Database) -> Report:
    spec = importlib.util.spec_from_file_location("scan_canaries", DATA / "scan_canaries.py")
    assert spec is not None
    assert spec.loader is not None
    scanner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scanner)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as said:
        patch.setenv("PGPASSWORD", database.password or "")
        found = scanner.main(database.url) != 0
    return Report(found, said.getvalue())
