"""Rows: what a mask may look at besides its own column."""

from typing import Protocol

from etna_pipelines.anonymise.values import Values


class Rows(Protocol):
    """The rows of the block that is being masked."""

    @property
    def first(self) -> int:
        """How many rows of the table stand before this block: equal for every block size and number of workers."""

    def __len__(self) -> int: ...

    def original(self, column: str) -> Values:
        """Another column of these rows as production has it."""

    def masked(self, column: str) -> Values:
        """Another column of these rows as it will be written."""
