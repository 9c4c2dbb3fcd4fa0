"""CHECK constraints on masked columns."""

from pathlib import Path

import pytest

from etna_pipelines.anonymise.plan.checks import is_about_absence
from etna_pipelines.snapshots.manifest import Check
from tests.anonymise.linting import found, person
from tests.anonymise.nights import column, table

ONE_OF = "CHECK (((email)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))"


@pytest.mark.parametrize(
    ("sql", "mask", "fits"),
    [
        ("CHECK ((email <> ''::text))", "hash", True),
        ("CHECK (((email)::text <> ''::text))", "email", True),
        ("CHECK ((email IS NOT NULL))", "hash", True),
        ("CHECK ((email <> ''::text))", "set()", False),
        ("CHECK ((email <> ''::text))", "null", True),
        ("CHECK ((length(email) < 9))", "hash", False),
        ("CHECK ((length(email) < 9))", "set(x)", True),
        ("CHECK ((char_length((email)::text) <= 3))", "pick(a, abcd)", False),
        ("CHECK ((char_length((email)::text) <= 3))", "pick(a, abc)", True),
        (ONE_OF, "set(a)", True),
        (ONE_OF, "set(c)", False),
        ("CHECK ((email ~ '^[a-z]+$'::text))", "shuffle", True),
        ("CHECK ((email ~ '^[a-z]+$'::text))", "scrub", False),
        ("CHECK (((email IS NOT NULL) OR (name IS NOT NULL)))", "null", False),
        ("CHECK ((email > name))", "null", True),
        ("CHECK ((is_valid(email)))", "set(x)", False),
        ("CHECK ((VALUE ~ '@'::text))", "set(a@b)", True),
        ("CHECK ((VALUE ~ '@'::text))", "hash", False),
        ("CHECK (((email)::text ~~ '%@%'::text))", "set(a@b)", True),
        ("CHECK (((email)::text ~~ '%@%'::text))", "set(ab)", False),
    ],
)  # fmt: skip
def test_a_check_is_surely_met_or_the_mask_is_refused(tmp_path: Path, sql: str, mask: str, fits: bool) -> None:
    over = ["email", "name"] if "name" in sql else ["email"]
    checked = person(checks=[Check(name="well_formed", sql=sql, columns=over)])
    problem = found(tmp_path, f'email: "{mask}"', checked)
    assert problem == "" if fits else "what CHECK constraint well_formed refuses" in problem
    assert not found(tmp_path, f'email: {{mask: "{mask}", checked: true}}', checked)


@pytest.mark.parametrize(("sql", "fits"), [("CHECK (staff)", True), ("CHECK ((NOT staff))", False)])
def test_a_constant_is_tried_on_the_check_as_it_would_be_read(tmp_path: Path, sql: str, fits: bool) -> None:
    staff = table("person", column("staff", "boolean")).model_copy(
        update={"checks": [Check(name="c", sql=sql, columns=["staff"])]}
    )
    for value in ("t", "true"):
        assert (found(tmp_path, f"staff: set({value})", staff) == "") is fits


def test_a_check_on_other_columns_is_no_matter(tmp_path: Path) -> None:
    assert not found(tmp_path, "email: hash", person(checks=[Check(name="c", sql="CHECK (id > 0)", columns=["id"])]))


@pytest.mark.parametrize(
    ("sql", "only_that"),
    [
        ("(email IS NOT NULL)", True),
        ("((email)::text <> ''::text)", True),
        ("((a > 1) AND (email IS NULL))", True),
        ("((a > 1) AND (b < 2))", True),
        ('("E mail" IS NULL)', True),
        ("((email IS NULL) OR (a > 1))", False),
        ("(email = ''::text)", False),
        ("((email IS NOT NULL) AND (length(email) > 3))", False),
    ],
)
def test_sql_that_only_asks_whether_there_is_a_value(sql: str, only_that: bool) -> None:
    assert is_about_absence(sql, "E mail" if "E mail" in sql else "email") is only_that
