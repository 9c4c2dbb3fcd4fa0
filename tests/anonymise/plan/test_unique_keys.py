import pytest

from etna_pipelines.anonymise.plan.unique_keys import folded, is_unique, keys, made_from, names
from etna_pipelines.snapshots.manifest import Column
from tests.anonymise.nights import table


@pytest.mark.parametrize(
    ("part", "column"),
    [
        ("lower(email)", "email"),
        ("lower((email)::text)", "email"),
        ("upper(btrim((email)::text))", "email"),
        ('lower(("E mail")::character varying(20))', "E mail"),
        ("email", "email"),
        ("left(email, 4)", "left(email, 4)"),
        ("lower((a || b))", "a || b"),
    ],
)
def test_a_part_without_regard_to_case_is_its_column(part: str, column: str) -> None:
    assert folded(part) == column


@pytest.mark.parametrize(
    ("sql", "named"),
    [("email", True), ("lower(email)", True), ('"email"', True), ("emails", False), ("my_email", False), ("e", False)],
)
def test_which_column_sql_names(sql: str, named: bool) -> None:
    assert names(sql, "email") is named


def test_a_generated_column_stands_as_what_it_is_made_of() -> None:
    made = Column(name="short", type="text", generated=True, default='lower("E mail")')
    person = table("person", "id", "E mail", "note", made, primary_key=["id"], uniques=[["short", "note"]])
    assert keys(person) == [["id"], ['lower("E mail")', "note"]]
    assert [is_unique(person, name) for name in ("id", "E mail", "note", "short")] == [True, True, True, False]
    assert made_from(person, "E mail") == ["short"]
    assert made_from(person, "note") == []
