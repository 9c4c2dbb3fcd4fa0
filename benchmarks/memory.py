"""Peak memory of the strip and the proof of one table, read from the kernel when a process of its own is done."""

import subprocess
import sys
from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 10_000

_CHILD = """
import sys
from pathlib import Path
from benchmarks import people
from etna_pipelines.anonymise import engine
from etna_pipelines.anonymise.proof import proof
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.stores.local import LocalStore
home = Path(sys.argv[1])
store, rules = LocalStore(home / "store"), people.masking_rules(home)
full = Catalogue(store, bytes(32)).newest("full")
stripped = engine.strip(full, store, rules, masking_key=bytes(32))
proof.refuse_failed(proof.prove(stripped, store, rules.public))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    full = people.snapshot(LocalStore(home / "store"), megabytes)
    [table] = [file for file in full.files if file.table]
    child = subprocess.run([sys.executable, "-c", _CHILD, str(home)], check=True, stdout=subprocess.PIPE, text=True)
    size = f"{(table.raw_bytes or 0) / MB:,.0f} MB, {table.rows:,} rows"
    return [Result("peak memory of strip and proof of one table", 1000, int(child.stdout) * 1024 / MB, "MB", size)]
