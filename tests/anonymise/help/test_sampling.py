"""Samples of a table whose file was cut into many members."""

import polars as pl
import pytest

from etna_pipelines.anonymise.help.sampling import blocks, first, spread
from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.anonymise.nights import table
from tests.anonymise.small import with_table, without_tables
from tests.snapshots.samples import draft

PERSON = table("person", "id", "remark")
ROWS = [f"{number}\t" + ("\\N\n" if number % 2 else "a\\tb\n") for number in range(1000)]


@pytest.fixture
def snapshot(store: LocalStore) -> Manifest:
    """A thousand rows in ten members, and pg_dump's terminator in an eleventh."""
    return with_table(store, without_tables(draft()), PERSON, ROWS)


def test_a_sample_is_spread_over_the_table(store: LocalStore, snapshot: Manifest) -> None:
    sample = spread(snapshot, store, PERSON, rows=40)

    assert sample.columns == ["id", "remark"]
    assert sample["id"].to_list() == [str(begin + row * 10) for begin in (0, 300, 600, 900) for row in range(10)]
    assert set(sample["remark"]) == {"a\tb"}


def test_the_first_rows_are_the_first(store: LocalStore, snapshot: Manifest) -> None:
    sample = first(snapshot, store, PERSON, rows=102)

    assert sample["id"].to_list() == [str(number) for number in range(102)]
    assert sample["remark"].to_list()[:3] == ["a\tb", None, "a\tb"]
    assert first(snapshot, store, PERSON, rows=5000).height == 1000


def test_all_rows_come_in_blocks(store: LocalStore, snapshot: Manifest) -> None:
    read = pl.concat(blocks(snapshot, store, PERSON, ["remark"]))

    assert (read.columns, read.height) == (["remark"], 1000)


def test_an_empty_table_has_an_empty_sample(store: LocalStore) -> None:
    sample = spread(with_table(store, without_tables(draft()), PERSON, []), store, PERSON)

    assert (sample.columns, sample.height) == (["id", "remark"], 0)


def test_what_does_not_fit_is_named_without_its_values(store: LocalStore) -> None:
    with pytest.raises(ArchiveMalformed, match=r"^Table public\.person: ") as problem:
        spread(with_table(store, without_tables(draft()), PERSON, ["1\tsecret\tx\n"]), store, PERSON)
    assert "secret" not in str(problem.value)

    with pytest.raises(SnapshotDamaged, match=r"no file of table public\.other"):
        first(draft(), store, table("other", "id"), 1)
