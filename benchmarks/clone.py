"""A feature environment, from the begin of its push to its database answering: a clone of last night's template."""

import shutil
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common import MB, Result, seconds
from benchmarks.site import Site, site

MEGABYTES = 725
"""Of COPY text: 1 GB of database."""
ROUNDS = 5


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    results = [_measured(home / "copied", megabytes, "a feature environment ready", 2)]
    if shutil.which("mkfs.xfs"):
        with _shared_blocks(home, megabytes) as directory:
            results.append(
                _measured(directory / "shared", megabytes, "the same where the file system shares blocks", 1)
            )
    return results


def _measured(home: Path, megabytes: int, claim: str, target: float) -> Result:
    with site(home, megabytes) as made:
        made.steps.make_template(made.snapshot)
        measured = statistics.median(_ready(made, f"branch-{number}") for number in range(ROUNDS))
        database = made.steps.environment("test/branch-0").database
        with database.connect() as connection:
            [(size, version)] = connection.execute(
                "SELECT pg_database_size(current_database()), current_setting('server_version')"
            ).fetchall()
    return Result(claim, target, measured, "s", f"{size / MB:,.0f} MB, PostgreSQL {version}")


def _ready(made: Site, branch: str) -> float:
    environment = made.feature(branch)
    return seconds(lambda: made.steps.push(environment, made.snapshot))


@contextmanager
def _shared_blocks(home: Path, megabytes: int) -> Iterator[Path]:
    """A directory on xfs, in a file that is mounted: for root, on Linux."""
    image, directory = home / "xfs", home / "mounted"
    with image.open("wb") as file:
        file.truncate(max(12 * megabytes, 4000) * MB)
    _run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
    directory.mkdir()
    _run("mount", "-o", "loop", str(image), str(directory))
    try:
        yield directory
    finally:
        _run("umount", str(directory))
        image.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
