"""`etna rules ...` on snapshots of a table and a half."""

import io
import json
import re
import sys
from pathlib import Path

import pytest

from etna_pipelines import keys
from etna_pipelines.anonymise.public import hash_of
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import column, table
from tests.anonymise.small import with_table, without_tables
from tests.commands import Etna
from tests.snapshots.samples import PASSED, draft

PERSON = table("person", column("id", "integer", not_null=True), "email", "remark", primary_key=["id"])
ROWS = [f"{number}\tperson{number}@harbour.org.uk\tring 01632 960{number}\n" for number in range(100, 200)]
RULES = """\
columns: {id: keep}
tables:
  person:
    columns:
      email: email
"""


@pytest.fixture
def store(fresh: Path) -> LocalStore:
    (fresh / "environments.yaml").write_text("rules: rules.yaml\n")
    (fresh / "rules.yaml").write_text(RULES)
    return LocalStore(fresh / ".etna" / "store")


@pytest.fixture
def full(fresh: Path, store: LocalStore) -> Manifest:
    return published(fresh, with_table(store, without_tables(draft()), PERSON, ROWS))


def published(directory: Path, snapshot: Manifest) -> Manifest:
    catalogue = Catalogue(LocalStore(directory / ".etna" / "store"), keys.kept(directory / ".etna/keys/signing.key"))
    return catalogue.publish(snapshot)


def test_check_tells_what_becomes_of_each_column_and_what_is_open(full: Manifest, etna: Etna) -> None:
    ended = etna("rules", "check")

    assert ended.code == 1
    assert [re.split(r" {2,}", line.strip()) for line in ended.out.splitlines()] == [
        ["table", "column", "type", "mask", "rule", "unique", "cost"],
        ["public.person", "id", "integer", "keep", "rules.yaml, line 1, a pattern", "preserved, needed", "nothing"],
        ["public.person", "email", "text", "email", "rules.yaml, line 5", "preserved", "hashed"],
        ["public.person", "remark", "text", "none: try `scrub`"],
    ]
    assert ended.err.startswith("1 column has no rule in rules.yaml: public.person.remark (try `scrub`).")


def test_check_for_programs_and_of_one_table(full: Manifest, etna: Etna) -> None:
    said = json.loads(etna("rules", "check", "--json", "--table", "person").out)

    assert [line["column"] for line in said["columns"]] == ["id", "email", "remark"]
    assert len(said["problems"]) == 1
    assert "has no table nobody" in etna("rules", "check", "--table", "nobody").err


def test_rules_that_fit_end_with_0(fresh: Path, full: Manifest, etna: Etna) -> None:
    (fresh / "rules.yaml").write_text("unlisted: keep\n" + RULES)

    ended = etna("rules", "check")

    assert (ended.code, ended.err) == (0, "")
    assert "rules.yaml, line 1, unlisted" in ended.out


def test_without_a_snapshot_only_the_files_are_checked(fresh: Path, store: LocalStore, etna: Etna) -> None:
    ended = etna("rules", "check")
    assert (ended.code, ended.out.count("\n")) == (0, 1)
    assert ended.out.startswith("There is no full snapshot yet: only the files were checked")
    assert etna("rules", "suggest").err.startswith(f"{fresh}/.etna/store has no full snapshot yet")

    (fresh / "rules.yaml").write_text(RULES.replace("email: email", "email: mail"))
    ended = etna("rules", "check")
    assert ended.code == 1
    assert "rules.yaml, line 5" in ended.err


def test_suggest_writes_lines_for_what_is_open_and_never_a_value(fresh: Path, full: Manifest, etna: Etna) -> None:
    ended = etna("rules", "suggest")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "tables:",
        "  person:",
        "    columns:",
        "      remark: scrub  # 100 % of 100 sampled values hold a phone number",
    ]
    assert ended.err == "1 of 1 columns may hold personal data; 0 tables had better be empty.\n"
    assert etna("rules", "suggest", "--write", "new.yaml").out == ""
    assert (fresh / "new.yaml").read_text() == ended.out
    assert etna("rules", "suggest", "--write", "new.yaml").err.startswith("new.yaml is there already: ")


def test_suggest_needs_no_rules(fresh: Path, full: Manifest, etna: Etna) -> None:
    (fresh / "rules.yaml").unlink()

    ended = etna("rules", "suggest")

    assert "      email: email  # 100 % of 100 sampled values are e-mail addresses" in ended.out.splitlines()
    assert "harbour" not in ended.out + ended.err


def test_originals_are_for_terminals(full: Manifest, etna: Etna) -> None:
    assert etna("rules", "preview", "person", "--originals").err == (
        "Originals are shown on a terminal only, and this is none: leave --originals out.\n"
    )


def test_diff_counts(fresh: Path, store: LocalStore, etna: Etna) -> None:
    ids = ["20261123T020000000000Z-aaaaaa", "20261123T030000000000Z-bbbbbb"]
    for id_, mask in zip(ids, ("email", "hash"), strict=True):
        frame = without_tables(draft(id_, "stripped", PASSED), [("public.person", "email", mask)])
        published(fresh, with_table(store, frame, PERSON, [row.replace("person", mask) for row in ROWS]))

    ended = etna("rules", "diff", *ids)

    cells = [line.split() for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert ["public.person", "email", "email", "hash"] in cells
    assert ["public.person", "100", "100", "0", "0", "100", "email", "100"] in cells
    assert etna("rules", "diff", ids[0], ids[0]).out == "They are the same.\n"
    assert "has no stripped snapshot x" in etna("rules", "diff", ids[0], "x").err


def test_schema_is_json_schema(etna: Etna) -> None:
    assert json.loads(etna("rules", "schema").out)["$schema"].startswith("https://json-schema.org/")


def test_allow_takes_the_value_from_stdin(etna: Etna, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Gwenllian Xylophonist\n"))
    assert etna("rules", "allow").out == f"{hash_of('gwenllian xylophonist')}\n"

    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert etna("rules", "allow").err.startswith("There is no value to allow")
