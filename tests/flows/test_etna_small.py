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

from etna_pipelines.anonymise.column_types import holds_no_text
from etna_pipelines.anonymise.engine import strip
from etna_pipelines.anonymise.help.advice import TableAdvice, advise
from etna_pipelines.anonymise.help.rule_lines import as_rules
from etna_pipelines.anonymise.help.sampling import spread
from etna_pipelines.anonymise.plan.plan import problems
from etna_pipelines.anonymise.proof.proof import prove, refuse_failed
from etna_pipelines.anonymise.rules.rules import Rules, load
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
FOUND, FALSE_ALARMS = 0.95, 0.1
"""Shares of the columns that the rules mask or empty, and of those that they keep."""

pytestmark = pytest.mark.skipif(not DUMP.exists(), reason=f"{DUMP.name} is not beside the repository")


@dataclass(frozen=True)
class Backup:
    """Production, and its full snapshot."""

    production: Database
    full: Manifest
    catalogue: Catalogue
    directory: Path


@dataclass(frozen=True)
class Night:
    """Production, and the stripped snapshot of it restored."""

    production: Database
    stripped: Database
    manifest: Manifest


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load(ROOT / "anonymisation_rules" / "etna.yaml")


@pytest.fixture(scope="module")
def backed_up(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backup]:
    directory = tmp_path_factory.mktemp("etna_small")
    production = server.database("etna_small")
    with production.maintenance.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
    server.create_database(production.name)
    _load(production, directory)

    catalogue = Catalogue(LocalStore(directory / "store"), bytes(32))
    draft = backup(production, catalogue.store, environment="production", scratch=directory / "scratch")
    catalogue.read_back(draft)
    yield Backup(production, catalogue.publish(draft), catalogue, directory)

    server.drop_database(production.name)
    with production.maintenance.connect() as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(OWNER)))


@pytest.fixture(scope="module")
def night(server: EmbeddedServer, backed_up: Backup, rules: Rules) -> Iterator[Night]:
    target, store = server.database("etna_small_stripped"), backed_up.catalogue.store
    server.create_database(target.name)
    stripped = strip(backed_up.full, store, rules, masking_key=bytes(range(32)))
    proof = prove(stripped, store, rules.public)
    refuse_failed(proof)
    manifest = backed_up.catalogue.publish(stripped.draft.model_copy(update={"proof": proof}))
    (backed_up.directory / "restored").mkdir()
    restore(fetch_archive(manifest, store, backed_up.directory / "restored"), manifest, target)
    yield Night(backed_up.production, target, manifest)
    server.drop_database(target.name)


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


@pytest.fixture(scope="module")
def suggested(backed_up: Backup) -> list[TableAdvice]:
    """What `etna rules suggest` says where there are no rules."""
    full, store = backed_up.full, backed_up.catalogue.store
    return advise(full.schema_, lambda table: spread(full, store, table), rules=None)


def test_suggestions_find_what_the_rules_mask(suggested: list[TableAdvice], rules: Rules) -> None:
    """Of emptied tables, what can't hold text doesn't count; of kept columns, all do."""
    sensitive: Counter[tuple[bool, bool]] = Counter()
    for advice in suggested:
        name, emptied = advice.table.qualified, rules.data(advice.table.qualified) != "keep"
        for column in advice.table.copied:
            if emptied and holds_no_text(column):
                continue
            rule = rules.for_column(name, column.name)
            masked = emptied or (rule is not None and rule.spec.name != "keep")
            assert advice.empty or advice.columns[column.name].why
            sensitive[masked, advice.empty is not None or advice.columns[column.name].sensitive] += 1
    found, missed = sensitive[True, True], sensitive[True, False]
    alarms, quiet = sensitive[False, True], sensitive[False, False]
    print(f"{found} of {found + missed} sensitive columns suggested; {alarms} of {alarms + quiet} kept ones, too")
    assert found >= FOUND * (found + missed)
    assert alarms <= FALSE_ALARMS * (alarms + quiet)


def test_suggested_rules_fit_the_schema(suggested: list[TableAdvice], backed_up: Backup, tmp_path: Path) -> None:
    path = tmp_path / "suggested.yaml"
    path.write_text(as_rules(suggested))

    assert problems(load(path), backed_up.full.schema_) == []


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
