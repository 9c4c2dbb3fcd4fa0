"""Many small tables: what each of them costs, when there are ten times as many."""

from pathlib import Path

from benchmarks.common import Result, seconds
from benchmarks.embedded_home import embedded_home
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import Steps

FEW, MANY = 1000, 10_000
ROWS = 2
BATCH = 200

RULES = """
columns:
  id: keep
  email: email
  last_name: fake(last)
  note: scrub
"""


def measure(home: Path, megabytes: int = 0) -> list[Result]:
    """`megabytes` is the number of tables here."""
    many = megabytes or MANY
    small_flow(home / "warm", 10)  # what is compiled at first is no table's
    few_took = sum(small_flow(home / "few", FEW).values())
    took = small_flow(home / "many", many)
    told = ", ".join(f"{step} {seconds_:.0f} s" for step, seconds_ in took.items())
    ratio = sum(took.values()) / many / (few_took / FEW)
    return [Result(f"a table of {many:,} / a table of {FEW:,}, in a night and a push", 1.5, ratio, "x", told)]


def small_flow(home: Path, tables: int) -> dict[str, float]:
    """A production of so many tables through the nightly's steps and a push: seconds of each. Raises AssertionError
    where the last of them does not serve as many."""
    with embedded_home(home, RULES) as settings:
        fill(settings.production.database, tables)
        took = _flow(settings)
        with settings.environment("development").database.connect() as connection:
            [(served,)] = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]+$'").fetchall()
            assert served == tables
        return took


def fill(database: Database, tables: int) -> None:
    """Tables of ROWS rows, each with a primary key."""
    columns = "id int PRIMARY KEY, email varchar(80), last_name varchar(40), note varchar(120)"
    with database.connect() as connection:
        for first in range(0, tables, BATCH):
            made = []
            for number in range(first, min(tables, first + BATCH)):
                address = f"person{number}@mail.co.uk"
                values = f"(1, '{address}', 'Smith', 'write to {address}'), (2, 'other{address}', 'Jones', 'none')"
                made.append(f"CREATE TABLE t{number} ({columns}); INSERT INTO t{number} VALUES {values}")
            connection.execute("; ".join(made).encode())


def _flow(settings: Settings) -> dict[str, float]:
    steps, took = Steps(settings, settings.open_store()), dict[str, float]()
    pushes = PushSteps(settings, steps.store)
    manifests: list[Manifest] = []
    took["backup"] = seconds(lambda: manifests.append(steps.back_up()))
    took["read back"] = seconds(lambda: manifests.append(steps.publish(steps.check_backup(manifests[-1].id))))
    took["strip and proof"] = seconds(lambda: manifests.append(steps.publish(steps.strip(manifests[-1].id))))
    took["push"] = seconds(lambda: pushes.push("development", manifests[-1]))
    return took
