"""Strip of one table by one worker, against two: a table's members are worked on side by side."""

from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio, stripped_away
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 300


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    full = people.snapshot(store, megabytes)
    rules = people.masking_rules(home)
    measured = ratio(lambda: stripped_away(full, store, rules, 1), lambda: stripped_away(full, store, rules, 2))
    size = f"{sum(file.raw_bytes or 0 for file in full.files) / MB:,.0f} MB in one table"
    return [Result("strip by one worker / by two", 1.7, measured, "x", size, at_least=True)]
