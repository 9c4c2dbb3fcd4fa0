"""What the rules make of a table's first rows, by the strip itself."""

from collections.abc import Iterator

import pytest

from etna_pipelines.anonymise.help.preview import Preview, preview
from etna_pipelines.errors import RulesError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import KEY, Night, written_rules

PEOPLE = """
    CREATE TABLE person (id int PRIMARY KEY, first text, last text, email text);
    INSERT INTO person
    SELECT i, 'Gwenllian', 'Xylophonist' || i, 'g' || i || '@harbour.org.uk' FROM generate_series(1, 100) i;
    CREATE TABLE note (id int PRIMARY KEY, body text);
    INSERT INTO note SELECT i, 'ask Gwenllian Xylophonist' || i FROM generate_series(1, 100) i;
"""
RULES = """
tables:
  person: {keep: [id], columns: {first: fake(first), last: fake(last), email: email}}
  note: {keep: [id], columns: {body: scrub}}
"""


@pytest.fixture(scope="module")
def night(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    directory = tmp_path_factory.mktemp("preview")
    server.create_database("preview")
    night = Night(server.database("preview"), LocalStore(directory / "store"), directory)
    night.execute(PEOPLE)
    yield night
    server.drop_database("preview")


@pytest.fixture(scope="module")
def full(night: Night) -> Manifest:
    return night.backup()


def previewed(night: Night, full: Manifest, table: str, rows: int, rules: str = RULES) -> Preview:
    found = full.schema_.table(table)
    assert found
    parsed = written_rules(night.tmp_path, rules)
    return preview(full, night.store, parsed, found, rows, masking_key=KEY)


def stored(night: Night) -> list[str]:
    return sorted(str(path) for path in night.tmp_path.rglob("*") if path.name != "rules.yaml")


def test_the_first_rows_come_out_as_the_strip_makes_them(night: Night, full: Manifest) -> None:
    before = stored(night)

    found = previewed(night, full, "public.person", 3)

    assert found.masks == {"first": "fake(first)", "last": "fake(last)", "email": "email"}
    assert found.before["email"].to_list() == ["g1@harbour.org.uk", "g2@harbour.org.uk", "g3@harbour.org.uk"]
    assert stored(night) == before
    stripped = night.stripped(RULES, full).draft
    lines = [line.split("\t") for line in night.lines(stripped, "public.person")[:3]]
    assert [list(row) for row in found.after.iter_rows()] == lines


def test_scrub_knows_the_people_of_other_tables(night: Night, full: Manifest) -> None:
    [(before, after)] = previewed(night, full, "public.note", 1).rows()

    assert before["body"] == "ask Gwenllian Xylophonist1"
    assert after["body"] and after["body"].startswith("ask ")
    assert "Xylophonist" not in after["body"]


def test_a_table_without_rows_left_has_no_preview(night: Night, full: Manifest) -> None:
    emptied = "tables: {person: {keep: [id, first, last, email]}, note: {data: empty}}"

    with pytest.raises(RulesError, match=r"^public\.note is `data: empty`: none of its rows is left\.$"):
        previewed(night, full, "public.note", 1, emptied)


def test_rows_that_the_rules_leave_out_have_nothing_beside_them(night: Night, full: Manifest) -> None:
    odd = RULES.replace("note: {", 'note: {rows: "id % 2 = 1", ')

    rows = list(previewed(night, full, "public.note", 4, odd).rows())

    assert [(before, after["id"]) for before, after in rows] == [({}, "1"), ({}, "3")]
