"""Strip and proof shared out to one, two and four of Celery's workers: processes that share a store and a Redis.

The time is the run's own, from its first step to its last: with all that sharing out costs. Whatever the number, the
archive has to be byte for byte what one process makes. Wants redis-server; four workers want four processors.
"""

import hashlib
import json
import secrets
import shutil
from pathlib import Path

import dagster as dg

from benchmarks import people
from benchmarks.common import MB, Result, seconds
from etna_pipelines.anonymise import engine
from etna_pipelines.anonymise.proof import proof
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.stores.local import LocalStore
from tests.flows.cluster import Cluster, history_of, redis

MEGABYTES = 1_000
WORKERS = (1, 2, 4)
PART = "16MB"
KEY = bytes(32)
"""Makes the pseudonyms here; another one signs."""


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    if not shutil.which("redis-server"):
        return []
    store = LocalStore(home / "store")
    full = people.snapshot(store, megabytes)
    alone, by_threads = _in_one_process(home, store, full)
    server = EmbeddedServer(home / "server")
    server.ensure_running()
    try:
        taken = {workers: _by_workers(home, server, store, full, workers, alone) for workers in WORKERS}
    finally:
        server.stop()
    raw = sum(file.raw_bytes or 0 for file in full.files) / MB
    size = f"{raw:,.0f} MB in one table, parts of {PART}; one process with 2 threads {by_threads:.0f} s"
    return [
        Result(
            f"strip and proof by one Celery worker / by {'two' if workers == 2 else 'four'}",
            1.5,
            taken[1] / taken[workers],
            "x",
            f"{size}; {taken[1]:.0f} s, {taken[workers]:.0f} s",
            at_least=True,
        )
        for workers in WORKERS[1:]
    ]


def _in_one_process(home: Path, store: LocalStore, full: Manifest) -> tuple[dict[str, str], float]:
    """The digests of what one process makes, and how long that takes."""
    rules = people.masking_rules(home)
    made: list[engine.Stripped] = []

    def both() -> None:
        made.append(engine.strip(full, store, rules, masking_key=KEY))
        proof.refuse_failed(proof.prove(made[-1], store, rules.public))

    both()  # the first one compiles
    took = seconds(both)
    for each in made:
        store.delete([item.key for item in store.list(f"{each.draft.prefix}/")])
    return {file.name: file.sha256 for file in made[0].draft.files}, took


def _by_workers(
    home: Path, server: EmbeddedServer, store: LocalStore, full: Manifest, count: int, alone: dict[str, str]
) -> float:
    """Seconds of a run by so many workers, each of them of one process and one thread."""
    history = server.database(f"dagster_{count}")
    server.create_database(history.name)
    settings: dict[str, object] = {
        "store": str(home / "store"),
        "rules": "rules.yaml",
        "growing": {"executor": "celery", "part": PART},
    }
    signing_key = secrets.token_bytes(32)
    resigned = full.model_copy(update={"hmac": ""})
    store.delete([f"{full.prefix}/manifest.json"])
    Catalogue(store, signing_key).publish(resigned)
    store.put("steps/assets/full_snapshot", [json.dumps(full.id).encode()])
    with redis() as broker:
        variables = {
            "ETNA_BROKER_URL": broker,
            "ETNA_DAGSTER_STORAGE_URL": history_of(history),
            "ETNA_MASKING_KEY": KEY.hex(),
            "ETNA_SIGNING_KEY": signing_key.hex(),
        }
        root = home / f"by-{count}"
        root.mkdir()
        cluster = Cluster(root, settings, (home / "people.yaml").read_text(), variables)
        try:
            cluster.worker("steps", "--steps")
            for number in range(count):
                cluster.worker(f"worker{number}", "--at-once", "1")
            cluster.materialise("stripped_snapshot")
            cluster.done()
            took = _run_seconds(cluster)
        finally:
            cluster.stop()
    made = Catalogue(store, signing_key).newest("stripped")
    assert made
    assert {file.name: file.sha256 for file in made.files} == alone
    stored = hashlib.sha256(b"".join(store.read(made.archive_key("1.dat.gz")))).hexdigest()
    assert stored == alone["1.dat.gz"]
    store.delete([item.key for item in store.list(f"{made.prefix}/")])
    return took


def _run_seconds(cluster: Cluster) -> float:
    """From when the run's process began with its steps to when the last had ended."""
    with cluster.history() as history:
        [record] = history.get_run_records()
    assert record.start_time
    assert record.end_time
    assert record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
    return record.end_time - record.start_time
