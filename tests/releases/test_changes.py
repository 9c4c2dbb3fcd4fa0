from etna_pipelines.releases.changes import TableState, changes
from etna_pipelines.releases.watching import Lock

LONG, SHORT = Lock("ACCESS EXCLUSIVE", 2.0), Lock("SHARE", 0.1)


def state(name: str, file: int = 1, shape: int = 1, rows: int = 0, indexes: tuple[str, ...] = ()) -> TableState:
    return TableState(name, file, shape, 8192, rows, rows, rows, list(indexes))


def test_what_became_of_each_table() -> None:
    before = {
        1: state("a"),
        2: state("b", indexes=("b_old", "b_pkey")),
        3: state("c"),
        4: state("d"),
        5: state("quiet", rows=9),
        6: state("read"),
    }
    after = {
        1: state("a", file=2),
        2: state("b", indexes=("b_new", "b_pkey")),
        4: state("d_renamed", file=2, shape=2, rows=3),
        5: state("quiet", rows=9),
        6: state("read"),
        7: state("made"),
    }
    found = changes(before, after, {2: SHORT, 4: LONG, 6: Lock("ROW SHARE", 9.0), 7: LONG})
    assert [(each.table, each.what, each.blocks, each.held) for each in found] == [
        ("d_renamed", "renamed from d, altered, rewritten", "reads and writes", 2.0),
        ("b", "", "writes", 0.1),
        ("a", "rewritten", "nothing", 0.0),
        ("c", "dropped", "nothing", 0.0),
        ("made", "made", "nothing", 0.0),  # nobody waits for a table that was not there
    ]
    assert (found[0].inserted, found[0].updated, found[0].deleted) == (3, 3, 3)
    assert (found[1].indexes_made, found[1].indexes_dropped) == (["b_new"], ["b_old"])


def test_a_lock_alone_is_told_where_somebody_waits_for_it() -> None:
    tables = {1: state("a"), 2: state("b")}
    found = changes(tables, tables, {1: LONG, 2: Lock("ROW EXCLUSIVE", 5.0)})
    assert [each.table for each in found] == ["a"]
