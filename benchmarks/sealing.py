"""Encrypted archives: how fast a core encrypts and decrypts, what a strip's reads and writes cost more, a slice
out of a large file, and the memory that a large file takes."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio, stripped_away
from etna_pipelines.stores import age
from etna_pipelines.stores.age_keys import Identity
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.sealed import SealedStore

MEGABYTES = 1_000
SLICE = 16 * MB
KEY = "full/1/archive/1.dat.gz"
STRIPPED = 50
"""MB of COPY text that are stripped."""

OURS, OTHER = Identity(bytes(32)), Identity(bytes(range(32)))
BLOCK = bytes(range(256)) * 4096

_CHILD = """
import sys
from pathlib import Path
from etna_pipelines.stores.local import LocalStore
from benchmarks.sealing import KEY, peak, sealed, stream
plain = LocalStore(Path(sys.argv[1]))
store = sealed(plain) if sys.argv[2] == "sealed" else plain
store.put(KEY, stream(int(sys.argv[3])))
for _ in store.read(KEY):
    pass
print(peak())
"""


def measure(home: Path, megabytes: int = MEGABYTES) -> Iterator[Result]:
    size = f"{megabytes:,} MB"
    encrypting, decrypting = _of_a_core(megabytes)
    yield Result("encrypting to two recipients, on one core", 400, encrypting, "MB/s", size, at_least=True)
    yield Result("decrypting, on one core", 400, decrypting, "MB/s", size, at_least=True)

    store = sealed(LocalStore(home / "store"))
    store.put(KEY, stream(megabytes))
    _drained(store.read(KEY, 0, 1))
    measured = ratio(
        lambda: _drained(store.read(KEY, megabytes * MB - SLICE, SLICE)),
        lambda: _drained(store.read(KEY, 0, SLICE)),
        rounds=9,
    )
    yield Result("16 MB out of the end of an encrypted file / of its beginning", 1.5, measured, "x", size)

    more = _peak(home / "memory", "sealed", megabytes) - _peak(home / "memory", "plain", megabytes)
    yield Result("memory that an encrypted file takes more than a plain one", 50, max(more, 0) / MB, "MB", size)
    yield _strip(home, min(megabytes, STRIPPED))


def sealed(store: LocalStore) -> SealedStore:
    """Everything in it is encrypted to two recipients."""
    return SealedStore(store, lambda _: [OURS.recipient, OTHER.recipient], [OURS])


def stream(megabytes: int) -> Iterator[bytes]:
    """As many MB, in blocks of one MiB."""
    left = megabytes * MB
    while left > 0:
        yield BLOCK[:left]
        left -= len(BLOCK)


def peak() -> int:
    """Bytes of memory that this process took at most."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) * 1024


def _of_a_core(megabytes: int) -> tuple[float, float]:
    """MB/s of CPU time, encrypting and decrypting a stream as it passes."""
    spent = {"in": 0.0, "out": 0.0}

    def timed(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
        while True:
            began = time.process_time()
            chunk = next(chunks, None)
            spent[where] += time.process_time() - began
            if chunk is None:
                return
            yield chunk

    encrypted = timed(age.encrypt(stream(megabytes), [OURS.recipient, OTHER.recipient]), "in")
    _drained(timed(age.decrypt(encrypted, [OURS]), "out"))
    return megabytes / spent["in"], megabytes / (spent["out"] - spent["in"])


def _strip(home: Path, megabytes: int) -> Result:
    plain = LocalStore(home / "plain")
    encrypted = sealed(LocalStore(home / "encrypted"))
    full, rules = people.snapshot(plain, megabytes), people.masking_rules(home)
    for file in full.files:
        encrypted.put(full.archive_key(file.name), plain.read(full.archive_key(file.name)))
    measured = ratio(
        lambda: stripped_away(full, encrypted, rules, 2), lambda: stripped_away(full, plain, rules, 2), rounds=3
    )
    size = f"{sum(file.raw_bytes or 0 for file in full.files) / MB:,.0f} MB in one table"
    return Result("strip of an encrypted snapshot into one / of a plain one", 1.1, measured, "x", size)


def _peak(home: Path, how: str, megabytes: int) -> int:
    command = [sys.executable, "-c", _CHILD, str(home), how, str(megabytes)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _drained(chunks: Iterable[bytes]) -> None:
    for _ in chunks:
        pass
