"""Which rows stay, on graphs that hypothesis draws."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.snapshots.subset_keys import NOTHING, Reference, References
from etna_pipelines.snapshots.subset_rows import Choice, closure

TABLES = ["a", "b", "c", "d"]


@dataclass(frozen=True)
class Graph:
    sizes: dict[str, int]
    references: References
    chosen: dict[str, list[int]]

    def closed(self, *, follow: bool = False, children: int = 10, whole: tuple[str, ...] = ()) -> dict[str, Choice]:
        chosen = {table: np.array(rows, np.int64) for table, rows in self.chosen.items() if table not in whole}
        return closure(self.references, self.sizes, whole, chosen, follow_children=follow, children=children)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Tables that refer to each other and themselves, in circles too, and some rows that are chosen of two of them."""
    sizes = {table: draw(st.integers(0, 12)) for table in TABLES}
    references = []
    for _ in range(draw(st.integers(0, 8))):
        child, parent = draw(st.sampled_from(TABLES)), draw(st.sampled_from(TABLES))
        extends = child != parent and draw(st.booleans())
        if extends:  # a primary key: no two rows refer to the same one
            rows = draw(st.permutations(range(sizes[parent])))[: sizes[child]]
            rows += [NOTHING] * (sizes[child] - len(rows))
        else:
            size = sizes[child]
            rows = draw(st.lists(st.integers(NOTHING, sizes[parent] - 1), min_size=size, max_size=size))
        references.append(Reference(child, parent, np.array(rows, np.int64), extends))
    ranks = {table: np.array(draw(st.permutations(range(rows))), np.uint64) for table, rows in sizes.items()}
    chosen = {table: [row for row in range(sizes[table]) if draw(st.booleans())] for table in ("a", "b")}
    return Graph(sizes, References(references, ranks), chosen)


@given(graphs(), st.booleans(), st.integers(1, 3), st.sampled_from([(), ("c",)]))
def test_what_kept_rows_refer_to_is_kept(graph: Graph, follow: bool, children: int, whole: tuple[str, ...]) -> None:
    kept = graph.closed(follow=follow, children=children, whole=whole)

    for reference in graph.references.all:
        needed = reference.rows[kept[reference.child]]
        assert kept[reference.parent][needed[needed != NOTHING]].all()
    assert all(kept[table][rows].all() for table, rows in graph.chosen.items())
    assert all(kept[table].all() for table in whole)


@given(graphs())
def test_a_row_is_kept_where_something_needs_it_and_nowhere_else(graph: Graph) -> None:
    """Found once more, row by row; two rows that are one thing in two tables need each other."""
    kept = {(table, row) for table, rows in graph.chosen.items() for row in rows}
    before = None
    while kept != before:
        before = set(kept)
        for each in graph.references.all:
            for child, parent in enumerate(each.rows.tolist()):
                if parent != NOTHING and (each.child, child) in kept:
                    kept.add((each.parent, parent))
                if parent != NOTHING and each.extends and (each.parent, parent) in kept:
                    kept.add((each.child, child))

    found = graph.closed()

    assert {(table, row) for table, rows in found.items() for row in np.flatnonzero(rows).tolist()} == kept


@given(graphs(), st.booleans())
def test_the_order_of_keys_does_not_matter(graph: Graph, follow: bool) -> None:
    backwards = Graph(graph.sizes, References(graph.references.all[::-1], graph.references.ranks), graph.chosen)
    there, back = graph.closed(follow=follow, children=2), backwards.closed(follow=follow, children=2)
    assert all((there[table] == back[table]).all() for table in graph.sizes)


def test_of_the_rows_that_refer_to_a_chosen_one_so_many_come_along() -> None:
    ranks = {"a": np.zeros(3, np.uint64), "c": np.array([5, 9, 1, 7, 3, 2], np.uint64), "d": np.zeros(6, np.uint64)}
    to_a = Reference("c", "a", np.array([0, 0, 0, 1, 0, NOTHING]))
    to_c = Reference("d", "c", np.array([0, 1, 2, 3, 4, 5]))
    back = Reference("a", "c", np.array([NOTHING, NOTHING, 4]))
    references = References([to_a, to_c, back], ranks)
    graph = Graph({"a": 3, "c": 6, "d": 6}, references, {"a": [0]})

    kept = graph.closed(follow=True, children=2)

    assert np.flatnonzero(kept["c"]).tolist() == [2, 4]  # of the lowest ranks
    assert np.flatnonzero(kept["d"]).tolist() == [2, 4]  # and what refers to those
    assert np.flatnonzero(kept["a"]).tolist() == [0]  # of a root, no more than was asked for
    assert not graph.closed(children=2)["c"].any()


def test_what_refers_to_a_row_that_is_only_needed_stays_behind() -> None:
    to_b = Reference("a", "b", np.array([0]))
    of_b = Reference("c", "b", np.array([0, 0]))
    references = References([to_b, of_b], {"a": np.zeros(1, np.uint64), "c": np.zeros(2, np.uint64)})

    kept = Graph({"a": 1, "b": 1, "c": 2}, references, {"a": [0]}).closed(follow=True)

    assert (kept["b"].tolist(), kept["c"].tolist()) == ([True], [False, False])


def test_a_chain_of_any_length_is_followed() -> None:
    length = 3000
    chain = Reference("a", "a", np.arange(length) - 1)
    references = References([chain], {"a": np.zeros(length, np.uint64)})
    assert Graph({"a": length}, references, {"a": [length - 1]}).closed()["a"].all()
