"""Which rows a subset keeps: the chosen ones, and whatever hangs on them, until nothing more does.

Every step only adds rows and depends on nothing but the rows it adds to, so the order of the steps does not matter and
the same snapshot always gives the same subset.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from etna_pipelines.snapshots.subset_keys import NOTHING, Ranks, Reference, References, RowNumbers

Choice = npt.NDArray[np.bool_]

KEPT, FOLLOWED = 1, 2
"""A row may be kept because another needs it, or be one that what refers to it comes along with."""


def closure(
    references: References,
    sizes: Mapping[str, int],
    whole: Collection[str],
    chosen: Mapping[str, RowNumbers],
    *,
    follow_children: bool,
    children: int,
) -> dict[str, Choice]:
    """By table which of its rows stay: all of `whole`, the `chosen` ones, and what they need.

    `sizes` are the rows of every table that may lose some. With `follow_children` at most `children` rows by foreign
    key that refer to a chosen row come along, with those that refer to them, and so on; never into tables of `chosen`,
    as of these so many rows stay as were asked for.
    """
    return _Closure(references, sizes, set(chosen), follow_children, children).run(whole, chosen)


class _Closure:
    def __init__(
        self, references: References, sizes: Mapping[str, int], roots: set[str], follow_children: bool, children: int
    ) -> None:
        self._levels = {table: np.zeros(rows, np.int8) for table, rows in sizes.items()}
        self._up: dict[str, list[Reference]] = defaultdict(list)
        self._down: dict[str, list[_Children]] = defaultdict(list)
        for reference in references.all:
            self._up[reference.child].append(reference)
            if reference.extends or (follow_children and reference.child not in roots):
                ranks = references.ranks[reference.child]
                self._down[reference.parent].append(_Children(reference, ranks, children))
        self._waiting: deque[tuple[str, RowNumbers, int]] = deque()

    def run(self, whole: Collection[str], chosen: Mapping[str, RowNumbers]) -> dict[str, Choice]:
        for table in whole:
            self._raise(table, np.arange(len(self._levels[table])), KEPT)
        for table, rows in chosen.items():
            self._raise(table, rows, FOLLOWED)
        while self._waiting:
            self._follow(*self._waiting.popleft())
        return {table: levels >= KEPT for table, levels in self._levels.items()}

    def _follow(self, table: str, rows: RowNumbers, level: int) -> None:
        for reference in self._up[table]:
            self._raise(reference.parent, reference.rows[rows], level if reference.extends else KEPT)
        for children in self._down[table]:
            if children.reference.extends or level == FOLLOWED:
                self._raise(children.reference.child, children.of(rows), level)

    def _raise(self, table: str, rows: RowNumbers, level: int) -> None:
        levels = self._levels[table]
        rows = np.unique(rows[rows != NOTHING])
        fresh = rows[levels[rows] < level]
        if len(fresh):
            levels[fresh] = level
            self._waiting.append((table, fresh, level))


@dataclass(frozen=True)
class _Children:
    """The rows that refer to a row, at most so many: those of the lowest ranks."""

    reference: Reference
    ranks: Ranks
    most: int

    def of(self, parents: RowNumbers) -> RowNumbers:
        """The rows that refer to any of `parents`."""
        sorted_parents, rows = self._by_parent
        first, last = (np.searchsorted(sorted_parents, parents, side) for side in ("left", "right"))
        counts = last - first
        within: RowNumbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found: RowNumbers = rows[np.repeat(first, counts) + within]
        return found

    @cached_property
    def _by_parent(self) -> tuple[RowNumbers, RowNumbers]:
        """The parents of the rows that come along, in order, and the rows."""
        parents = self.reference.rows
        rows = np.lexsort((self.ranks, parents))
        rows = rows[parents[rows] != NOTHING]
        parents = parents[rows]
        place_among_siblings = np.arange(len(rows)) - np.searchsorted(parents, parents)
        eligible = place_among_siblings < self.most
        return parents[eligible], rows[eligible]
