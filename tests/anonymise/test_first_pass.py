import pytest

from etna_pipelines.anonymise.blocks import BlockMasker, ColumnMask, column_masks, cut_block
from etna_pipelines.anonymise.first_pass import FirstPass
from etna_pipelines.anonymise.masks import MaskSpec, Tools
from etna_pipelines.anonymise.plan.planned import ColumnPlan, TablePlan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.scan import NAME, Scan
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.scrub import Scrubber
from etna_pipelines.anonymise.values import Values
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import Column
from tests.anonymise.nights import column, table


class Seen:
    """What a strip knows of one row after both passes."""

    def __init__(self, pseudonyms: Pseudonyms, ruled: list[tuple[Column, MaskSpec]], row: list[str]) -> None:
        self.identities = Identities(pseudonyms, Public())
        self.scrubber = Scrubber(pseudonyms, self.identities, Public())
        plan = TablePlan(
            table("person", *(each for each, _ in ruled)),
            False,
            [ColumnPlan(at, each, spec, "line 1") for at, (each, spec) in enumerate(ruled)],
        )
        columns: list[ColumnMask] = column_masks(plan, Tools(pseudonyms, self.scrubber))
        cut = cut_block(archive.compress("\t".join(row).encode() + b"\n"), plan)
        FirstPass(columns, self.identities).see({each.name: cut.fields.values(each.plan.position) for each in columns})
        self.scrubber.prepare()
        self.originals = Originals()
        block = BlockMasker(plan, columns, self.originals, self.identities)((0, cut))
        self.originals.remember(block.observed)
        self.written = b"".join(archive.decompress([block.member]))

    def scrubbed(self, text: str) -> str | None:
        return self.scrubber.scrub(Values.of([text])).to_list()[0]

    def finds(self, text: str) -> bool:
        return Scan(self.originals, Public()).scan(text.encode() + b"\n").hits[NAME] == 1


FIRST, LAST = MaskSpec("fake", ("first",)), MaskSpec("fake", ("last",))


@pytest.mark.parametrize(
    ("ruled", "row"),
    [
        ([(column("preferred"), FIRST), (column("first"), FIRST), (column("last"), LAST)], ["Bobbie", "Jane", "Brown"]),
        ([(column("last"), LAST), (column("born"), LAST), (column("first"), FIRST)], ["Lee", "Brown", "Jane"]),
        (
            [(column("who", "jsonb"), MaskSpec("keep", (), (("$.first", FIRST), ("$.last", LAST))))],
            ['{"last": "Brown", "first": "Jane"}'],
        ),
        (
            [(column("first"), FIRST), (column("rest", "jsonb"), MaskSpec("keep", (), (("$.last", LAST),)))],
            ["Jane", '{"last": "Brown"}'],
        ),
    ],
)
def test_whoever_a_row_names_is_scrubbed_and_looked_for(
    pseudonyms: Pseudonyms, ruled: list[tuple[Column, MaskSpec]], row: list[str]
) -> None:
    seen = Seen(pseudonyms, ruled, row)
    text = "a letter from Jane Brown"
    assert seen.finds(text)
    scrubbed = seen.scrubbed(text)
    assert scrubbed
    assert not {"Jane", "Brown"} & set(scrubbed.split())
    assert not seen.finds(scrubbed)


@pytest.mark.parametrize("type_", ["text", "citext"])
def test_a_text_calls_somebody_as_the_key_of_usernames_does(pseudonyms: Pseudonyms, type_: str) -> None:
    key = MaskSpec("fake", ("username",), unique=True)
    seen = Seen(pseudonyms, [(column("login", type_), key)], ["Quill.Doe82"])
    assert seen.scrubbed("by Quill.Doe82") == f"by {seen.written.decode().strip()}"
