"""Strip of ten tables where the rules mask one, against the rules masking all: time follows the sensitive bytes."""

from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio, stripped_away
from benchmarks.snapshots import WORKERS, published
from etna_pipelines.anonymise.rules import rules
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 500
TABLES = 10


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    tables = [(people.people(f"people{n}"), people.copy_text(megabytes // TABLES)) for n in range(TABLES)]
    full = published(store, tables)
    one, every = _masking(home, 1), _masking(home, TABLES)
    measured = ratio(
        lambda: stripped_away(full, store, one, WORKERS), lambda: stripped_away(full, store, every, WORKERS)
    )
    size = f"{sum(file.raw_bytes or 0 for file in full.files) / MB:,.0f} MB in {TABLES} tables of one size"
    return [Result("strip with 10 % of the bytes in ruled tables / with all", 0.25, measured, "x", size)]


def _masking(home: Path, count: int) -> Rules:
    """Rules that mask the first tables and keep the others."""
    kept = f"    keep: [{', '.join(people.MASKS)}]\n"
    masked = f"    columns:\n{people.columns_yaml()}"
    path = home / f"mask{count}.yaml"
    tables = "".join(f"  people{n}:\n{masked if n < count else kept}" for n in range(TABLES))
    path.write_text(f"tables:\n{tables}")
    return rules.load(path)
