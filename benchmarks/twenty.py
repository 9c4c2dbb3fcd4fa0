"""One large database through all of it, on one machine: 20 GB, three fifths of it in one table.

Its steps are the nightly's and a push's, in one process as the nightly runs them. What is told of each: seconds, MB of
COPY text a second, the most memory that any one process held, the most scratch, and the longest that nobody heard
anything of it.
"""

import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.common import MB, Result
from benchmarks.embedded_home import embedded_home
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import Steps

MEGABYTES = 20_000
DISK = 3.2
"""Of the database: production, development, their snapshots, and what a server needs to write."""

EVERY = 0.5
"""Seconds between two looks at memory and scratch."""

_FIRST = "(ARRAY['Olivia', 'George', 'Amelia', 'Noah', 'Siân', 'Rhys', 'Priya', 'Owain'])[1 + g % 8]"
_LAST = "(ARRAY['Smith', 'Llewelyn', 'O''Connor', 'Khan', 'Wójcik', 'Price', 'Patel', 'Evans', 'Hughes'])[1 + g % 9]"
_EMAIL = "'person' || g % {people} || '@mail' || g % 50 || '.co.uk'"
_FILLING = (
    "substr(repeat(md5(g::text) || ' of the letters that were received ' || md5((g * 7)::text) || ' ', 5), 1, 400)"
)
_TABLES = {
    "person": (
        0.01,
        170,
        f"g AS id, 'person' || g AS username, {_FIRST} AS first_name, {_LAST} AS last_name, {_EMAIL} AS email,"
        " '07' || lpad((g % 1000000000)::text, 9, '0') AS phone, md5('token' || g) AS token",
    ),
    "letter": (
        0.6,
        700,
        f"g AS id, g % {{people}} AS person_id, {_EMAIL} AS email, timestamptz '2026-01-01' + g % 30000000 * interval"
        f" '1 second' AS received, 'From ' || {_EMAIL} || ', about ' || {_FILLING} AS body, repeat('x', 120) AS state",
    ),
    "form": (
        0.2,
        600,
        f"g AS id, jsonb_build_object('email', {_EMAIL}, 'name', {_FIRST} || ' ' || {_LAST}, 'seen', g, 'said',"
        f" {_FILLING}) AS answers",
    ),
    "page": (0.19, 500, f"g AS id, 'Page ' || g AS title, {_FILLING} AS body"),
}
"""Each with its share of the database, the bytes of a row (about), and what is selected for it."""

_RULES = """
tables:
  person:
    keep: [id]
    columns:
      username: fake(username)
      first_name: fake(first)
      last_name: fake(last)
      email: email
      phone: phone
      token: hash
  letter:
    keep: [id, person_id, received, state]
    columns: {email: email, body: scrub}
  form:
    keep: [id]
    columns:
      answers:
        mask: scrub
        $.email: email
        $.name: fake(name)
  page:
    keep: [id, title, body]
"""
Done = TypeVar("Done")


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    """About so many MB of tables. Raises OSError where they would not fit on the disk of `home`."""
    free, wanted = shutil.disk_usage(home).free, DISK * megabytes * MB
    if free < wanted:
        raise OSError(f"{home} has {free / 1e9:.0f} GB free and {wanted / 1e9:.0f} are needed: name another TMPDIR.")
    with embedded_home(home, _RULES) as settings:
        production = settings.production.database
        _told("production is made", lambda: _fill(production, megabytes))
        return _night(settings, _Watch(settings.home, production))


def _fill(database: Database, megabytes: int) -> None:
    """Two tables at a time. What is written in the transaction that made the table needs no WAL."""
    people = max(1000, int(_TABLES["person"][0] * megabytes * MB / _TABLES["person"][1]))

    def fill(name: str) -> None:
        share, row, columns = _TABLES[name]
        rows, step = int(share * megabytes * MB / row), 100_000
        selected = columns.format(people=people)
        with database.connect(autocommit=False) as connection:
            connection.execute(f"CREATE TABLE {name} AS SELECT {selected} FROM generate_series(1, 0) g".encode())
            for first in range(1, rows + 1, step):
                last = min(rows, first + step - 1)
                connection.execute(
                    f"INSERT INTO {name} SELECT {selected} FROM generate_series({first}, {last}) g".encode()
                )
                if first // step % 20 == 0:
                    print(f"  {name}: {last:,} of {rows:,} rows", flush=True)
            connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)".encode())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, sorted(_TABLES, key=lambda name: -_TABLES[name][0])))


def _night(settings: Settings, watch: "_Watch") -> list[Result]:
    steps = Steps(settings, settings.open_store(), watch)
    backup = watch.step("backup", steps.back_up, None)
    watch.step("read back", lambda: steps.check_backup(backup.id), backup)
    full = steps.publish(backup)
    made = watch.step("strip and proof", lambda: steps.strip(full.id), backup)
    stripped = steps.publish(made)
    pushes = PushSteps(settings, steps.store, watch)
    begun = pushes.begin("development", stripped)
    watch.step("restore", lambda: pushes.fill(begun), stripped)
    watch.step("count", lambda: pushes.check(begun), stripped)
    watch.step("fix-ups and swap", lambda: (pushes.fix_up(begun), pushes.swap_in(begun)), stripped)
    raw = sum(file.raw_bytes or 0 for file in full.files) / MB
    size = f"{raw:,.0f} MB in {len(_TABLES)} tables, {full.rows:,} rows; {watch.seconds:,.0f} s"
    return [
        Result("a night and a push of one large database: memory of any process", 1000, watch.memory / MB, "MB", size),
        Result("the same: scratch", 1700 + stripped.bytes / MB, watch.scratch / MB, "MB", size),
        Result("the same: longest time without progress", 10, watch.silence, "s", size),
    ]


class _Watch:
    """Looks at processes and scratch while steps are made, and listens to their ticks."""

    def __init__(self, home: Path, production: Database) -> None:
        self._scratch = home / "scratch"
        self._home = home
        self.memory = self.scratch = 0
        self.seconds = self.silence = 0.0
        self._heard = self._told = 0.0
        self._quiet = 0.0
        self._production = production

    def __call__(self, tick: Tick) -> None:
        now = time.monotonic()
        self._quiet = max(self._quiet, now - self._heard)
        self._heard = now
        if now - self._told > 30:
            self._told = now
            print(f"  {tick.stage}: {tick.done / MB:,.0f} of {tick.total / MB:,.0f} MB", flush=True)

    def step(self, name: str, work: Callable[[], Done], of: Manifest | None) -> Done:
        """Do it and print what it took."""
        over, held, most = threading.Event(), defaultdict[str, int](int), 0

        def look() -> None:
            nonlocal most
            while not over.wait(EVERY):
                for process in (ourselves, *ourselves.children(recursive=True)):
                    with suppress(psutil.Error):
                        called = "etna" if process == ourselves else process.name()
                        held[called] = max(held[called], process.memory_info().rss)
                most = max(most, _disk_use(self._scratch))

        ourselves, thread = psutil.Process(), threading.Thread(target=look, daemon=True)
        self._heard, self._quiet, began = time.monotonic(), 0.0, time.monotonic()
        thread.start()
        try:
            done = work()
        finally:
            over.set()
            thread.join()
        took, quiet = time.monotonic() - began, max(self._quiet, time.monotonic() - self._heard)
        made = of or (done if isinstance(done, Manifest) else None)
        raw = sum(file.raw_bytes or 0 for file in made.files) / MB if made else 0
        memory = ", ".join(f"{called} {size / MB:,.0f} MB" for called, size in sorted(held.items()) if called != "sh")
        print(
            f"{name}: {took:,.1f} s, {raw / took:,.0f} MB/s; memory: {memory}; scratch {most / MB:,.0f} MB; "
            f"longest silence {quiet:.1f} s; disk {_disk_use(self._home) / 1e9:,.1f} GB",
            flush=True,
        )
        self.memory, self.scratch = max(self.memory, *held.values(), 0), max(self.scratch, most)
        self.silence, self.seconds = max(self.silence, quiet), self.seconds + took
        return done


def _told(what: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    print(f"{what}: {time.monotonic() - began:,.1f} s", flush=True)


def _disk_use(directory: Path) -> int:
    """Bytes of disk that the files below take: what was given back does not count."""
    used = 0
    for where, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):
                used += os.lstat(f"{where}/{name}").st_blocks * 512
    return used
