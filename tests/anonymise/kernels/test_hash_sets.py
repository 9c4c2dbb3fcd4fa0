import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels.hash_sets import HashSet, distinct, index, known


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=5)), st.integers(0, 2**64 - 1))
def test_a_set_of_hashes_is_a_set(added: list[list[int]], other: int) -> None:
    hashes = HashSet()
    for each in added:
        hashes.add(np.array(each, np.uint64))
    everything = sorted({number for each in added for number in each})
    assert hashes.sorted().tolist() == everything
    assert len(hashes) == len(everything)
    assert all(known(*index(hashes.sorted()), np.uint64(number)) for number in everything)
    assert known(*index(hashes.sorted()), np.uint64(other)) == (other in everything)


def test_distinct_hashes() -> None:
    assert distinct(np.array([3, 1, 3, 0, 2**64 - 1, 0], np.uint64)).tolist() == [0, 1, 3, 2**64 - 1]
    assert distinct(np.array([], np.uint64)).tolist() == []


def test_of_more_than_a_set_may_hold_a_fair_share_is_kept_whatever_the_order() -> None:
    hashes = np.random.default_rng(7).integers(0, 2**64, 10_000, np.uint64)
    forwards, backwards = HashSet(most=1_000), HashSet(most=1_000)

    for part in np.split(hashes, 10):
        forwards.add(part)
    for part in reversed(np.split(hashes, 10)):
        backwards.add(part)

    kept = forwards.sorted()
    assert len(kept) <= 1_000
    assert kept.tolist() == backwards.sorted().tolist()
    assert forwards.share == 1 / 16
    assert 0.8 < len(kept) / (len(hashes) * forwards.share) < 1.2
    assert set(kept.tolist()) <= set(hashes.tolist())


def test_what_a_set_can_hold_it_holds_whole() -> None:
    hashes = HashSet(most=1_000)

    hashes.add(np.arange(1_000, dtype=np.uint64))

    assert (len(hashes), hashes.share) == (1_000, 1.0)
