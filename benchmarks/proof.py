"""How fast the proof reads text in which nothing is suspicious, on one core, with the decompression told apart."""

from pathlib import Path

from benchmarks import people, revisions
from benchmarks.common import MB, Result, seconds
from benchmarks.snapshots import published, table
from etna_pipelines.anonymise import engine
from etna_pipelines.anonymise.proof.proof import prove
from etna_pipelines.anonymise.rules import rules
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.stores.local import LocalStore

MEGABYTES = 300

RULES = f"""
tables:
  people:
    columns:
{people.columns_yaml()}
  page:
    keep: [id, title, body]
"""


def measure(home: Path, megabytes: int = MEGABYTES) -> list[Result]:
    store = LocalStore(home / "store")
    pages = table("page", {"id": "bigint", "title": "text", "body": "text"})
    known = [people.lines(1), archive.TERMINATOR]
    full = published(store, [(people.people("people"), known), (pages, revisions.pages(megabytes))])
    path = home / "proof.yaml"
    path.write_text(RULES)
    stripped = engine.strip(full, store, rules.load(path), masking_key=bytes(32))
    public = rules.load(path).public

    def decompressed() -> None:
        for file in stripped.draft.files:
            chunks = checked(store, stripped.draft, file)
            for _ in archive.decompress(chunks) if file.table else chunks:
                pass

    prove(stripped, store, public, workers=1)  # the first one compiles
    both, alone = [min(seconds(work) for _ in range(3)) for work in (
        lambda: prove(stripped, store, public, workers=1), decompressed)]  # fmt: skip
    raw = sum(file.raw_bytes or 0 for file in stripped.draft.files) / MB
    size = f"{raw:,.0f} MB of pages; {raw / both:,.0f} MB/s with reading and decompressing them ({raw / alone:,.0f})"
    return [Result("proof, of raw text on one core", 300, raw / (both - alone), "MB/s", size, at_least=True)]
