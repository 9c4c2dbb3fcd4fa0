"""Swaps under 20 clients that read, reconnect when they are disconnected, and note how long they could not read."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg

from benchmarks.common import Result
from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.swap import swap, swap_back

SWAPS = 100
CLIENTS = 20
PAUSE = 0.01
"""Seconds between two reads of a client."""

_FORK = get_context("fork")


def _shared(value: float) -> MutableSequence[float]:
    return _FORK.RawArray("d", [value] * CLIENTS)


def measure(home: Path, megabytes: int = SWAPS) -> list[Result]:
    """`megabytes`, here, is how often it is swapped: the size of what is renamed does not matter."""
    server = EmbeddedServer(home / "postgres")
    server.ensure_running()
    try:
        live = server.database("live")
        _make(live)
        there = _swapped(live, megabytes, lambda: _swap_in_a_new_one(live))
        back = _swapped(live, megabytes, lambda: swap_back(live, "live_previous"))
        return [
            _result("swap, what 20 reconnecting clients feel", there, megabytes),
            _result("rollback, what they feel", back, megabytes),
        ]
    finally:
        server.stop()


@dataclass
class _Clients:
    """What is read, and the longest gap between two reads of one client since it was last asked for. They are a process
    of their own: as threads of this one they would hold up the swap, which real clients don't."""

    live: Database
    over: Event = field(default_factory=_FORK.Event)
    read: MutableSequence[float] = field(default_factory=lambda: _shared(time.monotonic()))
    gaps: MutableSequence[float] = field(default_factory=lambda: _shared(0))

    def run(self) -> None:
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number: int) -> None:
        while not self.over.is_set():
            try:
                with self.live.connect() as connection:
                    while not self.over.wait(PAUSE):
                        connection.execute("SELECT FROM content").fetchall()
                        now = time.monotonic()
                        self.gaps[number] = max(self.gaps[number], now - self.read[number])
                        self.read[number] = now
            except (psycopg.Error, EtnaError):
                time.sleep(PAUSE)

    def worst_gap(self) -> float:
        """In seconds, once everybody has read again."""
        asked = time.monotonic()
        while min(self.read) < asked:
            time.sleep(PAUSE)
        worst = max(self.gaps)
        self.gaps[:] = [0.0] * CLIENTS
        return worst


@contextmanager
def _reading(live: Database) -> Iterator[_Clients]:
    clients = _Clients(live)
    process = _FORK.Process(target=clients.run)
    process.start()
    try:
        yield clients
    finally:
        clients.over.set()
        process.join()


@dataclass(frozen=True)
class _Outages:
    milliseconds: list[float]
    failures: int


def _swapped(live: Database, times: int, work: Callable[[], object]) -> _Outages:
    failures, gaps = 0, []
    with _reading(live) as clients:
        for _ in range(times):
            clients.worst_gap()
            try:
                work()
            except EtnaError:
                failures += 1
            gaps.append(clients.worst_gap() * 1000)
    return _Outages(gaps, failures)


def _swap_in_a_new_one(live: Database) -> None:
    _make(live.named("live_new"))
    swap(live, "live_new", "live_previous", retired_name="live_retired")
    with live.maintenance.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS live_retired")


def _make(database: Database) -> None:
    with database.maintenance.connect() as connection:
        connection.execute(f"CREATE DATABASE {database.name}")
    with database.connect() as connection:
        connection.execute("CREATE TABLE content (id int)")


def _result(claim: str, outages: _Outages, times: int) -> Result:
    sizes = sorted(outages.milliseconds)
    p95 = statistics.quantiles(sizes, n=20, method="inclusive")[-1]
    said = f"p50 {statistics.median(sizes):.0f} ms, worst {sizes[-1]:.0f} ms; {outages.failures} of {times} failed"
    return Result(f"{claim}, p95", 250, p95, "ms", said)
