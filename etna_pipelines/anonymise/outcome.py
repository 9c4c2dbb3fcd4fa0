"""What a strip knows of its work once it is done: made piece by piece, wherever that was, and added up in any order."""

from collections import defaultdict
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.blocks import Block, Counts
from etna_pipelines.anonymise.masks import identifies
from etna_pipelines.anonymise.plan.plan import Plan, TablePlan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.snapshots.manifest import ArchiveFile
from etna_pipelines.snapshots.pieces import Piece

Place = tuple[str, str]
"""A table, as `schema.table`, and a column of it."""


class StrippedPiece(BaseModel):
    """A piece of the full snapshot, and what became of it: of a whole file its entry in the new manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    piece: Piece
    file: ArchiveFile


@dataclass
class Outcome:
    """What has been written, how many values were masked, and what the proof will look for."""

    originals: Originals
    pieces: list[StrippedPiece] = field(default_factory=list)
    counts: defaultdict[Place, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def observe(self, plan: TablePlan, block: Block) -> None:
        for planned, counts in zip(plan.columns, block.counts, strict=False):
            self.counts[plan.table.qualified, planned.column.name].add(counts)
        self.originals.remember(block.observed)

    def add(self, other: "Outcome") -> None:
        """What another worker brings of the same strip."""
        self.originals.merge(other.originals)
        self.pieces += other.pieces
        for place, counts in other.counts.items():
            self.counts[place].add(counts)

    def unchanged(self, plan: Plan) -> dict[Place, tuple[int, int]]:
        """Per identifying column, and per column of which no value changed, the values that their mask left as they
        were, of how many: of a mask that hides nobody, which may by chance leave a value, only where it left all."""
        identifying = {
            (name, planned.column.name)
            for name, table in plan.tables.items()
            for planned in table.columns
            if identifies(planned.spec)
        }
        return {
            place: (counts.unchanged, counts.values)
            for place, counts in self.counts.items()
            if place in identifying or counts.unchanged == counts.filled
        }
