import threading

from etna_pipelines.postgres.restoring import Restoring, watching
from etna_pipelines.postgres.schema import Connection
from etna_pipelines.postgres.server import Database
from etna_pipelines.progress import Tick
from etna_pipelines.snapshots.manifest import ArchiveFile
from tests.snapshots.samples import draft

LISTING = """;
10; 1259 16390 TABLE public t owner
3; 0 16390 TABLE DATA public t owner
4; 0 16391 TABLE DATA public u owner
20; 2606 16400 CONSTRAINT public t t_pkey owner
21; 1259 16401 INDEX public t_index owner
"""


def restoring(ticks: list[Tick]) -> Restoring:
    files = [
        ArchiveFile(name=f"{number}.dat.gz", bytes=10, raw_bytes=100, sha256="", table=f"public.{table}", rows=1)
        for number, table in ((3, "t"), (4, "u"))
    ]
    return Restoring(draft().model_copy(update={"files": files}), LISTING, lambda tick: ticks.append(tick))


def test_tables_are_told_of_by_bytes_and_then_indexes_by_number() -> None:
    ticks: list[Tick] = []
    heard = restoring(ticks)
    for line in (
        'pg_restore: processing data for table "public.t"',
        "pg_restore: finished item 3 TABLE DATA t",
        "pg_restore: finished item 4 TABLE DATA u",
        "pg_restore: finished item 20 CONSTRAINT t t_pkey",
        "pg_restore: finished item 21 INDEX t_index",
    ):
        heard.listen(line)
    assert ticks == [
        Tick("restore", 0, 200, 0, 2),
        Tick("restore", 100, 200, 1, 2),
        Tick("restore", 200, 200, 2, 2),
        Tick("index", 0, 0, 0, 2, "keys and indexes"),
        Tick("index", 0, 0, 1, 2, "keys and indexes"),
        Tick("index", 0, 0, 2, 2, "keys and indexes"),
    ]


def test_what_is_copied_of_a_large_table_counts_before_it_is_in(database: Database) -> None:
    ticks: list[Tick] = []
    heard = restoring(ticks)
    looked = threading.Event()

    def look(connection: Connection) -> None:
        heard.look(connection)
        if ticks[-1].done:
            looked.set()

    with database.connect() as connection, watching(database, look, every=0.05):
        connection.execute("CREATE TABLE t (name text)")
        with connection.cursor().copy("COPY t FROM STDIN") as copy:
            while not looked.is_set():
                copy.write(b"some text\n" * 10_000)
    assert 0 < ticks[-1].done <= 200
    assert [tick.done for tick in ticks] == sorted(tick.done for tick in ticks)


def test_who_cannot_look_does_not_stop_the_work(database: Database) -> None:
    with watching(database.named("nowhere"), restoring([]).look, every=0.01):
        pass
