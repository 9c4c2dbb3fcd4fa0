"""What differs between two stripped snapshots, as counts."""

import pytest

from etna_pipelines.anonymise.help.differences import Change, Differences, TableDifference, compare
from etna_pipelines.snapshots.manifest import Manifest, RulesUsed
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import table
from tests.anonymise.small import with_table, without_tables
from tests.snapshots.samples import draft

PERSON = table("person", "id", "email", "town", primary_key=["id"])
NOTE = table("note", "body", "at")

A = without_tables(
    draft("20261123T020000000000Z-aaaaaa", "stripped"),
    [("public.person", "email", "email"), ("public.person", "town", "null"), ("public.gone", "x", "hash")],
)
B = without_tables(draft("20261123T030000000000Z-bbbbbb", "stripped"), [("public.person", "email", "hash")])


def people(count: int, email: str = "p{}@example.com", town: str = "\\N") -> list[str]:
    return [f"{number}\t{email.format(number)}\t{town}\n" for number in range(count)]


def compared(store: LocalStore, before: list[str], after: list[str], most: int = 1000) -> Differences:
    return compare(with_table(store, A, PERSON, before), with_table(store, B, PERSON, after), store, most)


def test_values_are_compared_by_key_and_masks_by_name(store: LocalStore) -> None:
    found = compared(store, people(250), [*reversed(people(249, "{}", "Bala")), "900\tx\tBala\n"])

    assert found.changes == [
        Change("public.person", "email", "email", "hash"),
        Change("public.person", "town", "null", "keep"),
    ]
    assert found.tables == [
        TableDifference("public.person", (250, 250), only=(1, 1), compared=249, columns={"email": 249, "town": 249})
    ]
    assert found.same_key and found.same_source


def test_what_is_the_same_is_left_out(store: LocalStore) -> None:
    assert compared(store, people(250), people(250)).tables == []
    assert compared(store, people(250), [*people(250, town="\\N")[:249], "249\tp249@example.com\tBala\n"]).tables == [
        TableDifference("public.person", (250, 250), compared=250, columns={"town": 1})
    ]


def test_without_a_key_rows_are_compared_in_their_order(store: LocalStore) -> None:
    before = with_table(store, A, NOTE, [f"text {number}\t{number}\n" for number in range(150)])
    after = with_table(store, B, NOTE, [f"text {number}\t{-number}\n" for number in range(140)])

    assert compare(before, after, store).tables == [
        TableDifference("public.note", (150, 140), only=(10, 0), compared=140, columns={"at": 139})
    ]


def test_of_a_large_table_the_same_rows_are_sampled_on_both_sides(store: LocalStore) -> None:
    [found] = compared(store, people(1000), people(1000, town="Bala"), most=250).tables

    assert found.share == 1 / 4
    assert 150 < found.compared < 350
    assert found.only == (0, 0)
    assert found.columns == {"town": found.compared}


def test_a_table_that_is_emptied_is_one_change(store: LocalStore) -> None:
    before = with_table(store, A, PERSON, people(3))
    after = with_table(store, B.model_copy(update={"emptied": ["public.person"], "masked": []}), PERSON, [])

    found = compare(before, after, store)

    assert found.changes == [Change("public.person", "*", "keep", "empty")]
    assert found.tables == [TableDifference("public.person", (3, 0))]


@pytest.mark.parametrize(
    ("changed", "same_key", "same_source"),
    [
        ({"rules": RulesUsed(files=["rules.yaml"], digest="d", key_id="other")}, False, True),
        ({"parent": "20261124T020000000000Z-ffffff"}, True, False),
    ],
)
def test_another_key_or_night_explains_much(
    store: LocalStore, changed: dict[str, object], same_key: bool, same_source: bool
) -> None:
    after: Manifest = with_table(store, B, PERSON, people(1)).model_copy(update=changed)

    found = compare(with_table(store, A, PERSON, people(1)), after, store)

    assert (found.same_key, found.same_source) == (same_key, same_source)
