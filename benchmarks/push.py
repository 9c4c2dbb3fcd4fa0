"""A push, all of it, against stock `pg_restore -j2` of the same archive into a new database of the same server."""

from pathlib import Path

from benchmarks.common import MB, Result, ratio
from benchmarks.site import TABLES, Site, site
from etna_pipelines.postgres.programs import find, run

MEGABYTES = 2500


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    with site(home / "etna", megabytes) as made:
        return [_compared(made)]


def _compared(made: Site) -> Result:
    server = made.settings.embedded_server
    archive = Path(made.steps.store.location(made.snapshot.archive_key("toc.dat"))).parent

    def ours() -> None:
        made.steps.push("development", made.snapshot)

    def stock() -> None:
        server.create_database("stock")
        pg_restore = find("pg_restore", int(server.version.split(".")[0]))
        run(pg_restore, ["-j2", "--dbname=stock", "--no-password", str(archive)], server.database("stock"))
        server.drop_database("stock")

    measured = ratio(ours, stock)
    raw = sum(file.raw_bytes or 0 for file in made.snapshot.files)
    size = f"{raw / MB:,.0f} MB in {TABLES} tables with two indexes each"
    return Result("push / stock `pg_restore -j2` of the same archive", 1.1, measured, "x", size)
