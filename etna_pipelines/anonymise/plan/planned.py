"""What a plan is made of: what becomes of each table and of each column that changes."""

from dataclasses import dataclass
from functools import cached_property

from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.masks.inside import within
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.rules.conditions import Condition
from etna_pipelines.snapshots.leaving_out import LeftOut
from etna_pipelines.snapshots.manifest import Column, Table


@dataclass(frozen=True)
class ColumnPlan:
    """A column that is changed: where it stands in the table's file, and its mask."""

    position: int
    column: Column
    spec: MaskSpec
    origin: str
    condition: Condition | None = None
    """Where it does not hold, the original stays."""
    checked: bool = False
    """Whether the rule's author answers for the CHECK constraints on it."""


@dataclass(frozen=True)
class TablePlan:
    """What becomes of a table: emptied, left out, changed in `columns`, or passed as it is where there are none."""

    table: Table
    empty: bool
    columns: list[ColumnPlan]
    rows: Condition | None = None
    """Where it does not hold, the row goes."""
    skip: bool = False

    @cached_property
    def masked(self) -> dict[str, ColumnPlan]:
        """The columns that change, by name."""
        return {planned.column.name: planned for planned in self.columns}

    @property
    def loses_rows(self) -> bool:
        return self.empty or self.skip or self.rows is not None

    @property
    def keeps_none(self) -> bool:
        """Whether no row of it is in the stripped archive."""
        return self.empty or self.skip or self.table.rows == 0


@dataclass(frozen=True)
class Plan:
    tables: dict[str, TablePlan]
    public: Public
    unlisted: list[str]
    """Columns that no rule names and that stay as they are, because the rules say so: `schema.table.column`."""
    left_out: LeftOut

    @property
    def scrubs(self) -> bool:
        return any(
            spec.name == "scrub"
            for table in self.tables.values()
            for column in table.columns
            for spec in within(column.spec)
        )
