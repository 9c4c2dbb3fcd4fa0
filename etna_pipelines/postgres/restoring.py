"""How far a restore is: what pg_restore says, and meanwhile what the server says of a large table or index."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from etna_pipelines.errors import EtnaError
from etna_pipelines.postgres.schema import Connection
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Progress, Tick
from etna_pipelines.snapshots.manifest import Manifest

SECONDS = 2.0
"""Between two looks at the server."""

_FINISHED = re.compile(r"finished item (\d+) (TABLE DATA|CONSTRAINT|INDEX|FK CONSTRAINT) ")
_INDEX = re.compile(r"^\d+; \d+ \d+ (CONSTRAINT|INDEX|FK CONSTRAINT) ", re.MULTILINE)

# Bytes as COPY reads them: of the archive's text. Those of others are hidden, and of a session that just ended gone.
_COPIED = (
    "SELECT coalesce(sum(bytes_processed), 0)::bigint FROM pg_stat_progress_copy WHERE datname = current_database()"
)


class Restoring:
    """Tells progress: first of tables, by bytes; then of the keys and indexes, by their number."""

    def __init__(self, manifest: Manifest, listing: str, progress: Progress) -> None:
        """`listing` is what `pg_restore --list` says of the archive."""
        self._progress = progress
        self._lock = threading.Lock()
        self._sizes = {file.name.split(".")[0]: file.raw_bytes or file.bytes for file in manifest.files if file.table}
        self._total = sum(self._sizes.values())
        self._indexes = len(_INDEX.findall(listing))
        self._done = self._told = self._tables_done = self._indexes_done = 0
        self._tick()

    def listen(self, line: str) -> None:
        """What pg_restore says."""
        if finished := _FINISHED.search(line):
            with self._lock:
                if finished[2] == "TABLE DATA":
                    self._done += self._sizes.get(finished[1], 0)
                    self._tables_done += 1
                else:
                    self._indexes_done += 1
                self._tick()

    def look(self, connection: Connection) -> None:
        """Ask the server for what is under way."""
        [(copied,)] = connection.execute(_COPIED).fetchall()
        with self._lock:
            self._tick(copied)

    def _tick(self, copied: int = 0) -> None:
        """Nothing goes back: a table that was just finished may be told of by neither."""
        if self._tables_done < len(self._sizes):
            self._told = max(self._told, min(self._total, self._done + copied))
            self._progress(Tick("restore", self._told, self._total, self._tables_done, len(self._sizes)))
            return
        if self._told < self._total:
            self._told = self._total
            self._progress(Tick("restore", self._total, self._total, self._tables_done, len(self._sizes)))
        if self._indexes:
            self._progress(Tick("index", tables_done=self._indexes_done, tables=self._indexes, what="keys and indexes"))


@contextmanager
def watching(database: Database, look: Callable[[Connection], None], every: float = SECONDS) -> Iterator[None]:
    """Look at a server every few seconds, in a thread, as long as the block runs. What goes wrong there says nothing
    about the work."""
    over = threading.Event()

    def watch() -> None:
        with suppress(psycopg.Error, EtnaError), database.connect() as connection:
            while not over.wait(every):
                look(connection)

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
