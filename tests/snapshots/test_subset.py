"""Subsets of snapshots: rows before, rows after, restored on a real server, and no foreign key broken."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from psycopg import sql

from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged, StoreError, SubsetError
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.restore import fetch_archive, restore, verify
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.snapshots.subset import choose, make_subset
from etna_pipelines.snapshots.subset_rows import Choice
from etna_pipelines.snapshots.subset_spec import Subset
from etna_pipelines.stores.local import LocalStore
from tests.snapshots.samples import PASSED

KEY = b"signing key"

SCHEMA = """
CREATE TABLE kind (id int PRIMARY KEY, name text);
INSERT INTO kind SELECT i, 'kind ' || i FROM generate_series(1, 30) i;

CREATE TABLE person (id int PRIMARY KEY, manager int REFERENCES person, name text);
INSERT INTO person SELECT i, nullif(i / 2, 0), E'tab\\t' || i FROM generate_series(1, 2000) i;

CREATE TABLE page (id int PRIMARY KEY, kind int NOT NULL REFERENCES kind, owner int REFERENCES person, latest bigint,
                   path text COLLATE "C", depth int, numchild int);
CREATE TABLE revision (id bigint PRIMARY KEY, page int NOT NULL REFERENCES page DEFERRABLE INITIALLY DEFERRED);
INSERT INTO page SELECT i, 1 + i % 30, i, 3 * i, '0001' || CASE WHEN i > 1 THEN lpad(i::text, 4, '0') ELSE '' END,
                        CASE WHEN i > 1 THEN 2 ELSE 1 END, 0 FROM generate_series(1, 1500) i;
INSERT INTO revision SELECT i, 1 + (i - 1) / 3 FROM generate_series(1, 4500) i;
ALTER TABLE page ADD FOREIGN KEY (latest) REFERENCES revision DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE blog_page (page_ptr int PRIMARY KEY REFERENCES page, body text);
INSERT INTO blog_page SELECT i, repeat('x', i % 7) FROM generate_series(1, 1500, 2) i;

CREATE TABLE site (id int PRIMARY KEY, root int REFERENCES page);
INSERT INTO site VALUES (1, 700), (2, 1);

CREATE TABLE place (country char(3), code numeric(8, 2), name text, PRIMARY KEY (country, code));
INSERT INTO place SELECT 'gb', i / 4.0, 'place ' || i FROM generate_series(1, 1200) i;
CREATE TABLE visit (person int REFERENCES person, country char(5), code numeric,
                    FOREIGN KEY (country, code) REFERENCES place);
INSERT INTO visit SELECT 1 + i % 2000, CASE WHEN i % 3 > 0 THEN 'gb' END, (1 + i % 1200) / 4.0
FROM generate_series(1, 6000) i;

CREATE TABLE event (id int, at date, owner int REFERENCES person, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
INSERT INTO event SELECT i, date '2010-01-01' + i, i FROM generate_series(1, 2000) i;
INSERT INTO event SELECT i, date '2020-01-01' + i, i FROM generate_series(1, 1200) i;
CREATE TABLE seat (id int, event int, at date, FOREIGN KEY (event, at) REFERENCES event) PARTITION BY HASH (id);
CREATE TABLE seat_0 PARTITION OF seat FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE seat_1 PARTITION OF seat FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO seat SELECT row_number() OVER (), id, at FROM event;

CREATE TABLE log (at int, said text);
INSERT INTO log SELECT i, 'said ' || i FROM generate_series(1, 1100) i;
CREATE TABLE "Odd ""name" ("^x$" int PRIMARY KEY, "*" int REFERENCES "Odd ""name");
INSERT INTO "Odd ""name" SELECT i, i FROM generate_series(1, 50) i;
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 3);
CREATE SEQUENCE counter;
SELECT setval('counter', 4711);

CREATE TABLE tag (id int PRIMARY KEY);
INSERT INTO tag SELECT generate_series(1, 30);
CREATE TABLE unchecked (tag int);
INSERT INTO unchecked VALUES (7), (999);
ALTER TABLE unchecked ADD CONSTRAINT to_tag FOREIGN KEY (tag) REFERENCES tag NOT VALID;
CREATE TABLE span (length interval PRIMARY KEY);
INSERT INTO span VALUES ('1 month');
CREATE TABLE stay (length interval REFERENCES span);
INSERT INTO stay VALUES ('30 days');
CREATE TABLE source (id int PRIMARY KEY);
CREATE TABLE made (id int, copied int GENERATED ALWAYS AS (id) STORED REFERENCES source);
INSERT INTO source VALUES (1);
INSERT INTO made VALUES (1);
"""


def random_graph() -> str:
    """Tables that refer to each other and to themselves, in circles too, with NULLs."""
    dice = random.Random(7)
    rows = {f"graph.t{number}": dice.randrange(60) for number in range(9)}
    keys = [(dice.choice(list(rows)), dice.choice(list(rows)), f"k{number}") for number in range(16)]
    statements = ["CREATE SCHEMA graph", "CREATE TABLE graph.empty (id int)"]
    for table, count in rows.items():
        own = [(column, parent) for child, parent, column in keys if child == table]
        columns = "".join(f", {column} int" for column, _ in own)
        statements.append(f"CREATE TABLE {table} (id int PRIMARY KEY{columns})")
        for row in range(count):
            others = [rows[parent] if dice.random() < 0.7 else 0 for _, parent in own]
            values = [str(dice.randrange(count)) if count else "NULL" for count in others]
            statements.append(f"INSERT INTO {table} VALUES ({', '.join([str(row), *values])})")
    for child, parent, column in keys:
        statements.append(f"ALTER TABLE {child} ADD FOREIGN KEY ({column}) REFERENCES {parent}")
    return ";".join(statements)


@dataclass(frozen=True, repr=False)
class Bench:
    """A database, its snapshot that passes for a stripped one, and a place to restore subsets to."""

    source: Database
    target: Database
    store: LocalStore
    whole: Manifest
    scratch: Path

    def subset(self, said: str, **more: object) -> Manifest:
        return make_subset(self.whole, self.store, asked(said, **more))

    def restored(self, manifest: Manifest) -> None:
        """Restore with every constraint, and count."""
        with self.target.maintenance.connect() as connection:
            name = sql.Identifier(self.target.name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        restore(fetch_archive(manifest, self.store, self.scratch), manifest, self.target)
        verify(manifest, self.target)

    def value(self, query: str) -> object:
        with self.target.connect() as connection:
            [(value,)] = connection.execute(query).fetchall()
        return value

    def lines(self, manifest: Manifest, table: str) -> list[bytes]:
        """A table's rows as they stand in the archive."""
        [file] = [file for file in manifest.files if file.table == table]
        raw = b"".join(archive.decompress(self.store.read(manifest.archive_key(file.name))))
        return raw.removesuffix(archive.TERMINATOR).splitlines()


def asked(said: str, **more: object) -> Subset:
    return Subset.model_validate(Subset.parse(said).model_dump() | more)


def rows(manifest: Manifest) -> dict[str, int]:
    return {table.qualified.removeprefix("public."): table.rows or 0 for table in manifest.schema_.tables}


@pytest.fixture(scope="module")
def bench(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("subset")
    source, target = server.database("subset_source"), server.database("subset_target")
    server.create_database(source.name)
    with source.connect() as connection:
        connection.execute(SCHEMA)
        connection.execute(random_graph())
    store = LocalStore(directory / "store")
    full = backup(source, store, environment="production", scratch=directory / "scratch")
    stripped = full.model_copy(update={"kind": "stripped", "parent": full.id, "proof": PASSED})
    for file in full.files:
        store.copy(full.archive_key(file.name), stripped.archive_key(file.name))
    yield Bench(source, target, store, Catalogue(store, KEY).publish(stripped), directory)
    for database in (source, target):
        server.drop_database(database.name)


@pytest.fixture(scope="module")
def known_partners(bench: Bench) -> dict[tuple[str, str], NDArray[np.int64]]:
    """For each foreign key the rows that refer to each other, found once more from the lines themselves."""

    def values(table: str, columns: list[str]) -> list[tuple[object, ...]]:
        known = bench.whole.schema_.table(table)
        assert known
        positions = [[column.name for column in known.copied].index(column) for column in columns]
        return [tuple(plain(line.split(b"\t")[at]) for at in positions) for line in bench.lines(bench.whole, table)]

    def plain(field: bytes) -> object:
        try:
            return Decimal(field.decode())
        except InvalidOperation:
            return field.rstrip()

    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for key in bench.whole.schema_.foreign_keys:
        if key.table == "public.made":
            continue
        numbers = {value: row for row, value in enumerate(values(key.references, key.referenced_columns))}
        children = enumerate(values(key.table, key.columns))
        pairs = [(row, numbers[value]) for row, value in children if value in numbers]
        found.setdefault((key.table, key.references), []).extend(pairs)
    return {key: np.array(pairs, np.int64).reshape(-1, 2) for key, pairs in found.items()}


def test_rows_and_what_they_refer_to(bench: Bench) -> None:
    made = bench.subset("page=5%, visit=30")
    bench.restored(made)

    before, after = rows(bench.whole), rows(made)
    assert after["visit"] == 30 < before["visit"]
    # 75 pages, the first one, which is above all others, and 700, the root of a site
    assert after["page"] in (75, 76, 77)
    assert (
        bench.value("SELECT count(*) FROM page WHERE depth > 1 AND left(path, 4) NOT IN (SELECT path FROM page)") == 0
    )
    assert bench.value("SELECT array_agg(id ORDER BY id) FROM page WHERE id IN (1, 700)") == [1, 700]
    # a row in two tables is one thing; each page needs its newest revision, which needs that page
    assert after["blog_page"] == bench.value("SELECT count(*) FROM page WHERE id % 2 = 1")
    assert after["revision"] >= after["page"] and after["revision"] < 3 * after["page"]
    # owners and visitors with all their managers; places that were visited
    assert bench.value("SELECT count(*) FROM person WHERE id = 1") == 1
    assert 0 < after["person"] < before["person"]
    assert 0 < after["place"] <= 30
    # what nothing needs
    assert after["event_old"] == after["event_new"] == after["seat_0"] == after["seat_1"] == 0
    # lookup tables, small ones, and those that have nothing to do with it
    untouched = ["kind", "site", "log", "nothing", 'Odd "name', *(f"graph.t{number}" for number in range(9))]
    assert {table: after[table] for table in untouched} == {table: before[table] for table in untouched}
    assert bench.value("SELECT last_value FROM counter") == 4711


def test_rows_and_what_refers_to_them(bench: Bench) -> None:
    made = bench.subset("person=40", follow="both", children=2)
    bench.restored(made)

    after = rows(made)
    chosen = after["visit"] // 2  # each person has three visits
    assert 40 <= after["person"] < 400
    assert chosen == 40
    assert bench.value("SELECT max(count) FROM (SELECT count(*) FROM visit GROUP BY person) counted") == 2
    assert bench.value("SELECT max(count) FROM (SELECT count(*) FROM seat GROUP BY event, at) counted") == 1
    assert after["seat_0"] + after["seat_1"] == after["event_old"] + after["event_new"] >= 40
    assert after["page"] >= bench.value("SELECT count(*) FROM page WHERE owner IN (SELECT person FROM visit)") > 0


def test_a_partitioned_table_is_a_root_as_a_whole(bench: Bench) -> None:
    made = bench.subset("event=10%")

    after = rows(made)
    assert after["event_old"] + after["event_new"] == 320
    assert after["event_old"] > after["event_new"] > 0


@pytest.mark.parametrize("table", ['Odd "name', "nothing", "graph.t1"])
def test_any_table_can_be_a_root(bench: Bench, table: str) -> None:
    made = rows(bench.subset(f"{table}=1"))
    assert 1 <= made[table] < rows(bench.whole)[table]


def test_lines_stay_as_they_were_and_other_files_are_the_same(bench: Bench) -> None:
    made = bench.subset("person=100")

    before = {file.name: file for file in bench.whole.files}
    assert made.part
    for file in made.files:
        if file.table in made.part.rows:
            kept = iter(bench.lines(bench.whole, file.table))
            lines = bench.lines(made, file.table)
            assert len(lines) == file.rows < made.part.rows[file.table]
            assert all(line in kept for line in lines)  # in their order
        else:
            assert file == before[file.name]
    [visit] = [file for file in made.files if file.table == "public.visit"]
    assert b"".join(archive.decompress(bench.store.read(made.archive_key(visit.name)))) == archive.EMPTY


def test_the_same_rows_every_time_and_a_fair_choice_of_them(bench: Bench) -> None:
    first, again = (
        make_subset(bench.whole, bench.store, asked("person=200", follow="both"), workers=workers) for workers in (1, 3)
    )
    assert first.id != again.id
    assert first.files == again.files

    ranked = choose(bench.whole, bench.store, asked("graph.t0=1, visit=600"))["public.visit"]
    tenths = [int(part.sum()) for part in np.array_split(ranked, 10)]
    assert sum(tenths) == 600
    assert all(35 <= tenth <= 90 for tenth in tenths)

    fewer, more = (choose(bench.whole, bench.store, asked(f"visit={count}"))["public.visit"] for count in (50, 60))
    assert (fewer <= more).all()


def test_what_has_nothing_to_do_with_a_root(bench: Bench) -> None:
    after = rows(bench.subset("person=10", rest="empty"))
    assert after["log"] == 0
    assert after["kind"] == 30


def test_lookup_tables_and_small_ones(bench: Bench) -> None:
    after = rows(bench.subset("page=10", lookup=10, small=0))
    assert 0 < after["kind"] <= 10
    assert after["site"] == 0


def test_two_tables_that_hold_one_thing_lose_rows_together(bench: Bench) -> None:
    after = rows(bench.subset("blog_page=2%", lookup=5000))
    assert 15 <= after["blog_page"] <= after["page"] <= 19


def test_it_is_a_stripped_snapshot_and_says_of_what(bench: Bench) -> None:
    catalogue = Catalogue(bench.store, KEY)
    asked_for = asked("person=10")
    draft = make_subset(bench.whole, bench.store, asked_for)
    catalogue.read_back(draft)
    made = catalogue.publish(draft)

    assert (made.kind, made.parent, made.proof and made.proof.of) == ("stripped", bench.whole.id, bench.whole.id)
    assert made.part and made.part.subset == asked_for
    assert made.part.rows["public.person"] == 2000
    assert catalogue.read("stripped", made.id) == made
    assert catalogue.newest("stripped") == bench.whole
    assert catalogue.newest_subset(asked_for.digest(bench.whole.id)) == made
    assert catalogue.newest_subset(asked_for.digest("another")) is None

    with pytest.raises(SubsetError, match="is no whole stripped one with a passed proof"):
        make_subset(made, bench.store, asked_for)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("persona=1", r"rows of public\.persona, which snapshot .* does not have: correct the name"),
        ("archive.person=1", r"rows of archive\.person, which snapshot"),
        ("seat_2=1", r"rows of public\.seat_2, which"),
        ("graph.empty=1", r"rows of graph\.empty, and it has none: choose other roots"),
        ("span=1", r"1 rows of public\.stay refer by length to rows that public\.span does not seem to have: choose"),
        ("source=1", r"public\.made\.copied is generated and part of a foreign key"),
    ],
)
def test_what_can_not_be_made(bench: Bench, said: str, problem: str) -> None:
    with pytest.raises(SubsetError, match=problem):
        bench.subset(said)


def test_a_root_that_the_rules_have_no_rows_of(bench: Bench) -> None:
    for field in ("emptied", "skipped"):
        whole = bench.whole.model_copy(update={field: ["public.gone"]})
        with pytest.raises(SubsetError, match=r"rows of public\.gone, and the rules keep none: choose other roots"):
            choose(whole, bench.store, asked("gone=1"))


def test_a_key_that_its_source_never_checked_may_be_broken(bench: Bench) -> None:
    bench.restored(bench.subset("tag=10"))
    assert bench.value("SELECT count(*) FROM tag WHERE id = 7") == 1
    assert bench.value("SELECT count(*) FROM unchecked") == 2


def test_where_it_fails_nothing_stays(bench: Bench, tmp_path: Path) -> None:
    class Full(LocalStore):
        def put(self, key: str, chunks: Iterable[bytes]) -> int:
            raise StoreError("full")

    before = list(bench.store.list(""))
    with pytest.raises(StoreError, match="full"):
        make_subset(bench.whole, Full(bench.scratch / "store"), asked("person=10"))
    assert list(bench.store.list("")) == before


@pytest.mark.parametrize(
    ("table", "count", "problem"),
    [
        ("person", 2001, r"^Table public\.person, row 2,001: it has not 3 columns; strip again"),
        ("tag", 31, r"^Table public\.tag, row 31: it holds a backslash that COPY does not write; strip again"),
        ("nothing", 7, r"^Table public\.nothing has not the rows that its manifest says"),
        ("visit", 5999, r"^Table public\.visit has not the rows that its manifest says: strip again"),
    ],
)
def test_a_snapshot_that_is_not_as_its_manifest_says(bench: Bench, table: str, count: int, problem: str) -> None:
    wrong = [
        file.model_copy(update={"rows": count}) if file.table == f"public.{table}" else file
        for file in bench.whole.files
    ]
    with pytest.raises((ArchiveMalformed, SnapshotDamaged), match=problem):
        make_subset(bench.whole.model_copy(update={"files": wrong}), bench.store, asked("person=10, tag=10, nothing=1"))


def test_a_key_that_is_not_as_its_manifest_says(bench: Bench) -> None:
    wrong = bench.whole.model_dump_json(by_alias=True).replace("character(5)", "integer")
    with pytest.raises(ArchiveMalformed) as told:
        make_subset(Manifest.model_validate_json(wrong), bench.store, asked("person=10, place=10"))
    assert str(told.value) == "Table public.visit: a key of integers holds something else; strip again."


@settings(max_examples=40)
@given(st.data())
def test_no_foreign_key_is_broken_whatever_is_asked(
    bench: Bench, known_partners: dict[tuple[str, str], NDArray[np.int64]], data: st.DataObject
) -> None:
    tables = [table.qualified for table in bench.whole.schema_.tables if (table.rows or 0) > 1]
    amounts = st.one_of(st.integers(1, 100).map(str), st.integers(1, 100).map(lambda share: f"{share}%"))
    subset = Subset(
        roots=data.draw(st.dictionaries(st.sampled_from(tables), amounts, min_size=1, max_size=3)),
        follow=data.draw(st.sampled_from(["parents", "both"])),
        children=data.draw(st.integers(1, 5)),
        rest=data.draw(st.sampled_from(["keep", "empty"])),
        lookup=data.draw(st.sampled_from([1, 20, 1000])),
        small=data.draw(st.sampled_from([0, 20])),
    )
    choices = choose(bench.whole, bench.store, subset)

    def staying(table: str) -> Choice:
        return choices.get(table, np.ones(rows(bench.whole)[table.removeprefix("public.")], np.bool_))

    for (child, parent), partners in known_partners.items():
        assert (staying(parent)[partners[:, 1]] >= staying(child)[partners[:, 0]]).all(), f"{child} to {parent}"
