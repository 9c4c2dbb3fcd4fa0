"""`uv run python -m benchmarks`: measure every claim, and write the table and the plot of benchmarks/README.md anew."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    backup,
    clone,
    cluster,
    demo,
    listing,
    load,
    memory,
    plot,
    proof,
    push,
    reconcile,
    revisions,
    ruled,
    sealing,
    sensitive,
    swap,
    tables,
    twenty,
    workers,
)
from benchmarks.common import Result

Measure = Callable[..., Iterable[Result]]

BENCHMARKS: dict[str, Measure] = {
    "load": load.measure,
    "listing": listing.measure,
    "ruled": ruled.measure,
    "revisions": revisions.measure,
    "sensitive": sensitive.measure,
    "workers": workers.measure,
    "cluster": cluster.measure,
    "proof": proof.measure,
    "memory": memory.measure,
    "sealing": sealing.measure,
    "backup": backup.measure,
    "clone": clone.measure,
    "push": push.measure,
    "swap": swap.measure,
    "reconcile": reconcile.measure,
    "demo": demo.measure,
    "tables": tables.measure,
    "twenty": twenty.measure,
}
NOT_UNASKED = ("twenty",)
"""An hour, and 65 GB of disk."""

README = Path(__file__).with_name("README.md")
MEASURED = Path(__file__).with_name("measured.json")
PLOT = Path(__file__).with_name("measured.svg")
MARK = "<!-- written by `python -m benchmarks` -->"


def main() -> int:
    arguments = _arguments()
    results: list[Result] = []
    for name in arguments.only or [name for name in BENCHMARKS if name not in NOT_UNASKED]:
        with tempfile.TemporaryDirectory(prefix=f"etna-{name}-") as home:
            sized = {} if arguments.size is None else {"megabytes": arguments.size}
            for result in BENCHMARKS[name](Path(home), **sized):
                print(result.row(), flush=True)
                results.append(result)
                if arguments.size is None:
                    _write(result)
    return 0 if all(result.holds for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="these; the table keeps its other lines")
    parser.add_argument("--size", type=int, metavar="MB", help="this much data instead, without writing the table")
    return parser.parse_args()


def _write(result: Result) -> None:
    """Put a result in the place of the one of the same claim."""
    known = {each["claim"]: Result(**each) for each in json.loads(MEASURED.read_text())} if MEASURED.exists() else {}
    known[result.claim] = result
    results = list(known.values())
    MEASURED.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")
    above = README.read_text().partition(MARK)[0]
    cores = len(os.sched_getaffinity(0))
    note = f"{datetime.now(UTC):%d %B %Y}, {cores} cores, {platform.machine()}, Python {platform.python_version()}."
    head = "| Claim | Target | Measured | Holds | Size |\n|---|---|---|---|---|"
    README.write_text(
        f"{above}{MARK}\n\n{head}\n"
        + "\n".join(each.row() for each in results)
        + f"\n\n![Measured against target]({PLOT.name})\n\n{note}\n"
    )
    PLOT.write_text(plot.svg(results))


if __name__ == "__main__":
    sys.exit(main())
