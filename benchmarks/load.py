"""How long Dagster waits for the definitions to load, in a fresh process."""

import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.common import Result, seconds

_LOAD = [sys.executable, "-c", "import etna_pipelines.definitions"]


def measure(home: Path, megabytes: int = 0) -> list[Result]:  # noqa: ARG001
    def load() -> None:
        subprocess.run(_LOAD, check=True, capture_output=True)

    load()  # the first one compiles
    return [Result("definitions load", 2, statistics.median(seconds(load) for _ in range(5)), "s", "a fresh process")]
