"""Work in threads with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from etna_pipelines.anonymise.memory import give_back

Item = TypeVar("Item")
Result = TypeVar("Result")

_GIVEN_BACK_EVERY = 32
"""Items: blocks of some 5 MB."""


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """`pool.map` that reads ahead no further than the workers need, so that memory is bounded; now and then what
    was freed goes back to the system."""
    waiting: deque[Future[Result]] = deque()
    try:
        for number, item in enumerate(items, start=1):
            if number % _GIVEN_BACK_EVERY == 0:
                give_back()
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
