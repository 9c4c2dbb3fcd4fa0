"""Who is named in the rows of a block: first names and last names that stand in one row are somebody's together."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from etna_pipelines.anonymise.values import Choice, Numbers, Values

NEAR = 8
"""Where a row has more first names and more last names than this, each goes with so many before and behind it."""


class Named(NamedTuple):
    """Names, and the row that each is in, in order; a document may hold many."""

    rows: Numbers
    values: Values

    @classmethod
    def of(cls, values: Values, chosen: Choice | None = None) -> "Named":
        """A column's, of the chosen rows."""
        rows = np.arange(len(values)) if chosen is None else np.flatnonzero(chosen)
        return cls(rows, values if chosen is None else values.at(chosen))


def pairs(firsts: Iterable[Named], lasts: Iterable[Named]) -> Iterator[tuple[Values, Values]]:
    """Every first name with every last name of its row, where neither is empty."""
    for first, last in product(firsts, lasts):
        one, two = _joined(first.rows, last.rows)
        ones, twos = first.values.at(one), last.values.at(two)
        both = ones.filled & twos.filled
        yield ones.at(both), twos.at(both)


def _joined(one: Numbers, two: Numbers) -> tuple[Numbers, Numbers]:
    """Positions in two lists of rows, each in order, that hold the same row."""
    if np.array_equal(one, two) and np.all(one[1:] > one[:-1]):
        return np.arange(len(one)), np.arange(len(two))
    begin, end = np.searchsorted(two, one, "left"), np.searchsorted(two, one, "right")
    mine = np.searchsorted(one, one, "left")
    many = (np.searchsorted(one, one, "right") - mine > NEAR) & (end - begin > NEAR)
    same = begin + np.arange(len(one)) - mine  # as far in its row as the first name is
    begin = np.where(many, np.clip(same - NEAR, begin, end), begin)
    end = np.where(many, np.clip(same + NEAR + 1, begin, end), end)
    counts = end - begin
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(one)), counts), np.repeat(begin, counts) + within
