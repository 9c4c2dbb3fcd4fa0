"""Strip of a table with ten masked columns of thirteen, against decompressing and recompressing it."""

from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio, stripped_away
from benchmarks.snapshots import WORKERS, recompressed
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 500


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    full = people.snapshot(store, megabytes)
    rules = people.masking_rules(home)
    [file] = [file for file in full.files if file.table]
    measured = ratio(lambda: stripped_away(full, store, rules, WORKERS), lambda: recompressed(store, full, file))
    size = f"{(file.raw_bytes or 0) / MB:,.0f} MB, {file.rows:,} rows, {WORKERS} workers"
    return [Result("strip of ten masked columns of thirteen / decompress + recompress", 2, measured, "x", size)]
