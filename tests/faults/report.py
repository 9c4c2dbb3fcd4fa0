"""What the run of all faults found, as docs/faults.md: written once all of them were tried.

The workers of `pytest -n` hand over what they found to the process that started them (see conftest.py)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.world import Combination

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
COLUMNS = (Combination(15, "local"), Combination(15, "S3"), Combination(18, "local"), Combination(18, "S3"))
STAGES = ("kill", "backup", "store", "strip", "verify", "push", "swap", "redeploy", "sensors", "retention", "bad input")

INTRODUCTION = """\
# What faults do

Written by `pytest -n 2 -m long tests/faults`, which injects each fault for real and then sees that

1. no partial snapshot is listed,
2. the environment serves what it served before, or the new snapshot whole,
3. the run ended, or was tried again to its end, with one sentence that names what, where and what to do, and no output
   holds a row's value or a secret,
4. the next run succeeds by itself,
5. nothing is left running, and nothing is left of a run that ended by itself but the draft of a backup, to go on with;
   of one that was killed, nothing once the next one has ended and the store was swept as for what is two days old,
6. a redeploy was asked for once, and only after a verified swap: with the same key again only where it was not known
   what became of the first order, with another only where that had failed.

**Held** says that all six did; a dash that the fault does not exist there.
"""

results: list["Row"] = []
"""What this process found, or its workers did."""


@dataclass
class Row:
    """A fault, on one combination."""

    combination: str
    stage: str
    fault: str
    meant_for: list[str]
    said: str = ""
    held: bool = False

    @classmethod
    @contextmanager
    def of(cls, combination: Combination, stage: str, fault: str, on: Sequence[Combination]) -> Iterator["Row"]:
        """Kept however the block ends: held, unless it raises. Where the fault can't be injected, and the test is
        skipped, none is."""
        row = cls(str(combination), stage, fault, [str(each) for each in on])
        try:
            yield row
        except pytest.skip.Exception:
            raise
        except BaseException:
            results.append(row)
            raise
        row.held = True
        results.append(row)


def page(rows: Iterable[Row]) -> str:
    """The report."""
    faults: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        faults.setdefault((row.stage, row.fault), {})[row.combination] = row
    ordered = sorted(faults.items(), key=lambda item: STAGES.index(item[0][0]))
    all_rows = [row for _, found in ordered for row in found.values()]
    violated = sum(not row.held for row in all_rows)
    lines = [
        INTRODUCTION,
        f"{len(ordered)} faults, {len(all_rows)} times in all: {len(all_rows) - violated} held, {violated} did not.\n",
        "| Stage | Fault | What a user sees | " + " | ".join(str(each).replace("-", ", ") for each in COLUMNS) + " |",
        "|---|---|---|" + "---|" * len(COLUMNS),
    ]
    for (stage, fault), found in ordered:
        said = next((row.said for each in reversed(COLUMNS) if (row := found.get(str(each))) and row.said), "")
        lines.append(f"| {stage} | {fault} | {_shown(said)} | {' | '.join(_cell(found, each) for each in COLUMNS)} |")
    return "\n".join(lines) + "\n"


def _cell(found: dict[str, Row], combination: Combination) -> str:
    row = found.get(str(combination))
    if row is None:
        return "–" if str(combination) not in next(iter(found.values())).meant_for else "not tried"
    return "held" if row.held else "**not held**"


def _shown(said: str) -> str:
    """Without what changes from run to run: addresses, directories, ids, names of a world."""
    said = re.sub(r"/[\w./-]*/(store|home|tmp)(?=[/.: ])", r"\1", said)
    said = re.sub(r"/[\w./-]*/(?=(rules\.yaml|fix_up\.sql|redeploys|said-))", "", said)
    said = re.sub(r"s3://faults-\w+/etna", "s3://bucket/etna", said)
    said = re.sub(r"(https?://)?127\.0\.0\.1:\d+", "host:port", said)
    said = re.sub(r"\d{8}[Tt]\d{12}[Zz]-\w{6}", "<id>", said)
    said = re.sub(r"\bw\d+_", "etna_", said)
    return said.replace("|", "\\|").replace("<id>", "*id*")
