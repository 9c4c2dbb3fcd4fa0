import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.blocks import BlockMasker, ColumnMask, Cut, cut_block, numbered
from etna_pipelines.anonymise.masks import Mask
from etna_pipelines.anonymise.plan.planned import ColumnPlan, TablePlan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.rules.conditions import condition
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.values import Values
from etna_pipelines.errors import ArchiveMalformed, EtnaError, RulesError, ValueMalformed
from etna_pipelines.snapshots import archive
from tests.anonymise.nights import KEY, table

PERSON = table("person", "id", "first", "last")
BLOCK = rb"1	Ann	Lee" b"\n" rb"2	\N	Ng\tWu" b"\n" rb"3	Bo	" b"\n"


def plan(*columns: str, mask: str = "hash") -> TablePlan:
    chosen = [(at, column) for at, column in enumerate(PERSON.copied) if column.name in columns]
    return TablePlan(PERSON, False, [ColumnPlan(at, each, masks.parse(mask), "line 1") for at, each in chosen])


def masked(plan: TablePlan, mask: Mask, first: int = 0) -> tuple[bytes, dict[str, int]]:
    """The block with its planned columns changed by a mask, and how many values each was for."""
    identities = Identities(Pseudonyms(KEY), Public())
    columns = [ColumnMask(each, mask) for each in plan.columns]
    block = BlockMasker(plan, columns, Originals(), identities)((first, cut_block(archive.compress(BLOCK), plan)))
    raw = b"".join(archive.decompress([block.member]))
    assert (block.raw_bytes, block.lines) == (len(raw), raw.count(b"\n"))
    return raw, {each.name: counts.values for each, counts in zip(columns, block.counts, strict=True)}


def numbers(values: Values, rows: Rows) -> Values:
    """Where each row stands in its table."""
    return Values.of([str(rows.first + row) for row in range(len(rows))])


def test_a_mask_knows_where_its_rows_stand_and_what_the_others_hold() -> None:
    def beside(values: Values, rows: Rows) -> Values:
        return rows.original("last").then(rows.masked("id"), b"/")

    assert (
        masked(plan("first"), numbers, first=7)[0] == rb"1	7	Lee"
        b"\n"
        rb"2	8	Ng\tWu"
        b"\n"
        rb"3	9	"
        b"\n"
    )
    assert (
        masked(plan("first"), beside)[0] == rb"1	Lee/1	Lee"
        b"\n"
        rb"2	Ng\tWu/2	Ng\tWu"
        b"\n"
        rb"3	/3	"
        b"\n"
    )


def test_a_mask_that_asks_for_a_masked_column_gets_it_masked_in_any_order() -> None:
    def mask(values: Values, rows: Rows) -> Values:
        asked = values.to_list()[0] == "1"
        return rows.masked("last") if asked else Values.repeated("x", len(values))

    assert masked(plan("id", "last"), mask)[0] == rb"x	Ann	x" b"\n" rb"x	\N	x" b"\n" rb"x	Bo	x" b"\n"


def test_where_a_rule_does_not_hold_the_original_stays_and_is_not_counted() -> None:
    ruled = plan("last")
    [column] = ruled.columns
    ruled = dataclasses.replace(
        ruled, columns=[dataclasses.replace(column, condition=condition("first = 'Ann'", PERSON))]
    )
    raw, counts = masked(ruled, numbers)
    assert raw == rb"1	Ann	0" b"\n" rb"2	\N	Ng\tWu" b"\n" rb"3	Bo	" b"\n"
    assert counts == {"last": 1}


def test_rows_that_do_not_stay_are_gone_from_the_block_and_counted_by_those_behind_them() -> None:
    ruled = dataclasses.replace(plan("first"), rows=condition("id <> '2'", PERSON))
    assert masked(ruled, numbers)[0] == rb"1	0	Lee" b"\n" rb"3	2	" b"\n"


def refused(mask: Mask) -> EtnaError:
    with pytest.raises(EtnaError) as raised:
        masked(plan("last"), mask, first=100)
    assert "Lee" not in str(raised.value)
    return raised.value


def test_what_is_wrong_with_a_value_is_told_with_table_column_and_row_and_never_the_value() -> None:
    def malformed(values: Values, rows: Rows) -> Values:
        raise ValueMalformed(1, "is not JSON")

    def broken(values: Values, rows: Rows) -> Values:
        raise KeyError(values.to_list()[0])

    def short(values: Values, rows: Rows) -> Values:
        return values.at(np.array([0]))

    assert str(refused(malformed)).startswith("Table public.person, column last, row 102: it is not JSON; ")
    failed = refused(broken)
    assert isinstance(failed, ArchiveMalformed)
    assert "column last, rows from 101 on: `hash` failed with KeyError" in str(failed)
    assert isinstance(refused(short), RulesError)
    assert "`hash` made 1 values of 3" in str(refused(short))


def test_blocks_are_numbered_and_a_malformed_row_is_the_table_s() -> None:
    cuts = [cut_block(archive.compress(BLOCK), plan("id"))] * 2

    def blocks() -> Iterator[Cut]:
        yield from cuts
        yield cut_block(archive.compress(b"1\tsecret\n"), plan("id"))

    found = numbered(blocks(), "public.person")
    assert [next(found)[0], next(found)[0]] == [0, 3]
    with pytest.raises(ArchiveMalformed, match=r"^Table public.person, row 7: it has not 3 columns; take a new backup"):
        next(found)


def test_the_terminator_stands_whole_behind_the_last_rows() -> None:
    assert cut_block(archive.compress(BLOCK + archive.TERMINATOR), plan("id")).terminator == archive.TERMINATOR
    alone = cut_block(archive.compress(archive.TERMINATOR), plan("id"))
    assert (len(alone), alone.terminator) == (0, archive.TERMINATOR)
