import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels.permutation import permuted, siphash

KEY = bytes(range(16))
SPANS = [(0, 1 << 15), (1 << 15, 1 << 31), (1 << 31, 1 << 63)]


def test_the_round_function_is_siphash() -> None:
    """The vector of the reference implementation (vectors.h, vectors_sip64) for the message 00 01 ... 07."""
    message = np.uint64(int.from_bytes(bytes(range(8)), "little"))
    assert siphash(message, np.frombuffer(KEY, np.uint64)) == 0x93F5F5799A932462


def test_the_smallest_span_is_permuted_whole() -> None:
    numbers = np.arange(-(1 << 15), 1 << 15)
    made = permuted(numbers, KEY)
    assert sorted(made.tolist()) == numbers.tolist()
    assert (made == numbers).sum() < 20
    assert ((made < 0) == (numbers < 0)).all()
    assert (made != permuted(numbers, bytes(16))).sum() > 65_000


@given(numbers=st.lists(st.integers(-(1 << 63), (1 << 63) - 1), unique=True, max_size=50))
def test_each_number_becomes_another_of_its_sign_and_span(numbers: list[int]) -> None:
    made = permuted(np.array(numbers, np.int64), KEY).tolist()
    assert len(set(made)) == len(numbers)
    for old, new in zip(numbers, made, strict=True):
        assert (old < 0) == (new < 0)
        [span] = [span for span in SPANS if span[0] <= max(old, -1 - old) < span[1]]
        assert span[0] <= max(new, -1 - new) < span[1]
