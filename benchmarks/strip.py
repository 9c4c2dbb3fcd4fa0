"""Strip of a table with ten masked columns of thirteen, against decompressing and recompressing it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import people
from benchmarks.common import MB, Result, ratio
from etna_pipelines.anonymise import engine
from etna_pipelines.anonymise.parallel import in_order
from etna_pipelines.snapshots import archive
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 500
WORKERS = 2


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    full = people.snapshot(store, megabytes)
    rules = people.masking_rules(home)
    [table] = [file for file in full.files if file.table]

    def members() -> Iterator[bytes]:
        stored = b"".join(store.read(full.archive_key(table.name)))
        start = 0
        for length in table.members:
            yield stored[start : start + length]
            start += length

    def recompressed() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            store.put("recompressed", in_order(pool, _recompress, members(), WORKERS))

    def stripped() -> None:
        draft = engine.strip(full, store, rules, masking_key=bytes(32), workers=WORKERS).draft
        store.delete([item.key for item in store.list(f"{draft.prefix}/")])

    size = f"{(table.raw_bytes or 0) / MB:,.0f} MB, {table.rows:,} rows, {WORKERS} workers"
    claim = "strip of ten masked columns of thirteen / decompress + recompress"
    return [Result(claim, 3, ratio(stripped, recompressed), "x", size)]


def _recompress(member: bytes) -> bytes:
    return archive.compress(b"".join(archive.decompress([member])))
