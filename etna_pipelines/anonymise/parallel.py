"""Work in threads with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

from etna_pipelines.anonymise.memory import give_back

Item = TypeVar("Item")
Result = TypeVar("Result")

_HELD_ITEMS, _HELD_SECONDS = 32, 5.0
"""After how many blocks of some 5 MB, or after how long (slow ones make more small things), memory is given back."""


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """`pool.map` that reads ahead no further than the workers need, so that memory is bounded; now and then what
    was freed goes back to the system."""
    waiting: deque[Future[Result]] = deque()
    try:
        held_since, held = monotonic(), 0
        for item in items:
            if held == _HELD_ITEMS or monotonic() - held_since > _HELD_SECONDS:
                give_back()
                held_since, held = monotonic(), 0
            held += 1
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
