"""What a strip knows of its work once it is done: made piece by piece, wherever that was, and added up in any order."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from etna_pipelines.anonymise.blocks import Block, Counts
from etna_pipelines.anonymise.masks import identifies
from etna_pipelines.anonymise.plan.plan import Plan, TablePlan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.snapshots.manifest import ArchiveFile
from etna_pipelines.snapshots.pieces import Piece

_SAID = "said"

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

    def handed_over(self) -> dict[str, bytes]:
        """All of it, for another worker's `take`."""
        made = [piece.model_dump(mode="json") for piece in self.pieces]
        counts = [[*place, each.values, each.filled, each.unchanged] for place, each in self.counts.items()]
        hashes = self.originals.kept()
        bits = {name: bits for name, (_, bits) in hashes.items()}
        said = json.dumps({"pieces": made, "counts": counts, "bits": bits}).encode()
        return {_SAID: said} | {name: each.tobytes() for name, (each, _) in hashes.items()}

    def take(self, handed_over: Mapping[str, bytes]) -> None:
        """What another worker brings of the same strip."""
        said = json.loads(handed_over[_SAID])
        self.pieces += [StrippedPiece.model_validate(each) for each in said["pieces"]]
        for table, column, *counts in said["counts"]:
            self.counts[table, column].add(Counts(*counts))
        for name, bits in said["bits"].items():
            self.originals.take(name, np.frombuffer(handed_over[name], np.uint64), bits)

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
