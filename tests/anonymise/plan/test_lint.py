"""Rules that could never work on a schema are told before any data is read."""

from pathlib import Path

import pytest

from etna_pipelines.anonymise.plan.plan import problems
from etna_pipelines.snapshots.manifest import Check, Column, PartialKey
from tests.anonymise.linting import found, person
from tests.anonymise.nights import column, schema, table, written_rules


@pytest.mark.parametrize(
    ("uniques", "columns", "why"),
    [
        ([["name"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["name", "site"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["lower((name)::text)"]], "name: fake(name)", "`fake(name)` can give two rows the same value"),
        ([["upper(btrim(email))"]], "email: email", ""),
        ([["email"]], "email: email", ""),
        ([["name", "site"], ["site"]], "name: fake(name)", ""),
        ([["name", "id"]], "name: fake(name)", ""),
        ([["name", "site"], ["site"]], "name: fake(name), site: set(1)", "`fake(name)` can give two rows"),
        ([["left(email, 4)"]], "email: email", "may make two rows equal in the unique index on left(email, 4)"),
        ([["left(email, 4)"]], "email: null", ""),
        ([["COALESCE(email, ''::text)"]], "email: null", "equal in the unique index on COALESCE"),
        ([["email"]], "email: {mask: hash, unless: \"email LIKE '%@a.example'\"}", ""),
        ([["site"]], "site: {mask: shuffle, unless: id < 9}", "may make what another row keeps"),
    ],
)
def test_what_is_unique_stays_unique(tmp_path: Path, uniques: list[list[str]], columns: str, why: str) -> None:
    problem = found(tmp_path, columns, person(*uniques))
    assert why in problem
    assert bool(why) == bool(problem)


def test_a_key_of_some_rows_keeps_no_others_apart(tmp_path: Path) -> None:
    some = [PartialKey(columns=["site"], where="(email IS NULL)")]
    assert not found(tmp_path, "name: fake(name)", person(["name", "site"], ["site"]))
    assert "can give two rows" in found(tmp_path, "name: fake(name)", person(["name", "site"], ["site"], partial=some))


def test_null_equals_null_in_some_unique_indexes(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: null", person(["email"]))
    assert "NULLS NOT DISTINCT" in found(tmp_path, "email: null", person(["email"], nulls_equal=[["email"]]))


@pytest.mark.parametrize(
    ("predicate", "mask", "fits"),
    [
        ("(email IS NOT NULL)", "hash", True),
        ("((email)::text <> ''::text)", "hash", True),
        ("((email IS NOT NULL) AND (site > 1))", "hash", True),
        ("(email IS NOT NULL)", "null", True),
        ("(email IS NULL)", "null", False),
        ("(email IS NOT NULL)", "set(x)", False),
        ("(email ~~ 'a%'::text)", "hash", False),
        ("(lower(email) = name)", "hash", False),
        ("(emails IS NULL)", "null", True),
        ("(NOT ((site > 1) AND (email IS NOT NULL)))", "null", False),
    ],
)
def test_rows_that_an_index_is_not_about_stay_out_of_it(tmp_path: Path, predicate: str, mask: str, fits: bool) -> None:
    problem = found(
        tmp_path, f"email: {mask}", person(["site"], partial=[PartialKey(columns=["site"], where=predicate)])
    )
    assert problem == "" if fits else f"those with {predicate}: keep the column" in problem


def test_what_excludes_and_what_divides_is_not_masked(tmp_path: Path) -> None:
    excluding = person(exclusions=[["lower(name)", "site"]])
    assert "may make rows collide in an exclusion constraint" in found(tmp_path, "name: hash", excluding)
    assert not found(tmp_path, "name: null, email: hash", excluding)
    for key in (["email"], ["lower(email)"]):
        assert "out of its partition" in found(tmp_path, "email: null", person(partition_key=key))
    assert not found(tmp_path, "email: null", person(partition_key=["site"]))


def test_what_a_mask_reads_is_there_and_leads_somewhere(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: hash, name: copy(email)", person())
    assert "`copy(emial)` reads `emial`, which the table lacks: did you mean `email`?" in found(
        tmp_path, "name: copy(emial)", person()
    )
    circle = found(tmp_path, "email: copy(name), name: copy(email)", person())
    assert circle.count("copies in a circle") == 2


def test_a_copy_fits_as_if_its_source_s_mask_stood_there(tmp_path: Path) -> None:
    needed = person().model_copy(update={"columns": [*person().columns, column("called", not_null=True)]})

    assert "copies text into integer" in found(tmp_path, "name: fake(name), site: copy(name)", person())
    assert "may copy NULL into a NOT NULL column" in found(tmp_path, "email: email, called: copy(email)", needed)
    assert "which can give two rows the same value" in found(
        tmp_path, "name: fake(first), email: copy(name)", person(["email"])
    )
    assert not found(tmp_path, "name: token, email: copy(name)", person(["email"]))


def test_a_locale_without_values_of_a_kind_is_refused(tmp_path: Path) -> None:
    assert "has no values in locale he_IL" in found(tmp_path, "name: {mask: fake(county), locale: he_IL}", person())
    assert not found(tmp_path, "name: {mask: fake(city), locale: he_IL}", person())


def test_a_generated_column_is_masked_by_what_it_is_made_of(tmp_path: Path) -> None:
    size = Column(name="short", type="text", generated=True, default="lower((email)::text)")
    made = table("person", "email", size, uniques=[["short"]])
    assert "can give two rows the same value" in found(tmp_path, "email: fake(word)", made)
    assert not found(tmp_path, "email: email, short: hash", made)
    short = Check(name="short", sql="CHECK ((length(short) < 9))", columns=["short"])
    assert "CHECK constraint short" in found(tmp_path, "email: email", made.model_copy(update={"checks": [short]}))
    some = PartialKey(columns=["short"], where="(short ~~ 'a%'::text)")
    assert "those with (short" in found(tmp_path, "email: email", made.model_copy(update={"partial": [some]}))
    own = written_rules(tmp_path, "tables: {person: {keep: [email], columns: {short: hash}}}")
    assert "it is made from other columns whenever a row is stored" in " ".join(problems(own, schema(made)))
