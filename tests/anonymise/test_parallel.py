import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from etna_pipelines.anonymise.parallel import in_order


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_results_come_in_the_order_of_their_items(pool: ThreadPoolExecutor) -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(10)
        if item == 1:
            second_is_done.set()
        return item * item

    assert list(in_order(pool, work, range(5), 2)) == [0, 1, 4, 9, 16]


def test_no_more_is_read_ahead_than_the_workers_need(pool: ThreadPoolExecutor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(pool, lambda item: item, items(), 2)
    assert next(results) == 0
    assert taken == [0, 1, 2]
    assert next(results) == 1
    assert taken == [0, 1, 2, 3]


def test_a_failure_is_raised_in_its_turn_and_ends_the_work(pool: ThreadPoolExecutor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(pool, lambda item: 1 // (3 - item), items(), 2)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert taken == [0, 1, 2, 3, 4, 5]
