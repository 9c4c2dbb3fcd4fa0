"""The strip engine: a full snapshot's archive to a stripped one, file by file, in this process.

What is done with each file is in stripping.py; fan_out.py does the same with parts, on as many machines as there are.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic

from etna_pipelines.anonymise.blocks import Counts
from etna_pipelines.anonymise.outcome import Outcome, Place
from etna_pipelines.anonymise.plan.plan import Plan
from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.rules.rules import Rules
from etna_pipelines.anonymise.stripping import Stripping
from etna_pipelines.errors import StoreError
from etna_pipelines.fault_points import FaultPoint, reached
from etna_pipelines.keys import key_id
from etna_pipelines.progress import Progress, silent
from etna_pipelines.snapshots.manifest import ArchiveFile, Manifest, MaskedColumn, RulesUsed, new_id
from etna_pipelines.snapshots.pieces import Piece
from etna_pipelines.stores.store import Store


@dataclass
class Stripped:
    """A finished stripped archive that nothing proves yet: its draft manifest, and what the proof needs to know."""

    draft: Manifest
    originals: Originals
    unchanged: dict[Place, tuple[int, int]]
    """Per identifying column, and per column of which no value changed: values that their mask left as they were, of
    how many."""


def strip(
    full: Manifest, store: Store, rules: Rules, *, masking_key: bytes, workers: int = 2, progress: Progress = silent
) -> Stripped:
    """Strip a full snapshot into the store, unpublished. What was written is removed again if anything fails.

    Raises RulesError before any data is read; SnapshotDamaged, ArchiveMalformed, StoreError.
    """
    started = monotonic()
    draft = begun(full, rules, masking_key)
    with Stripping(full, store, rules, draft, masking_key=masking_key, workers=workers, progress=progress) as work:
        contents = work.contents()
        try:
            work.read_first([Piece.whole(file) for file in work.files() if work.is_read_first(file)])
            work.prepare()
            work.write_contents(contents)
            for file in work.files():
                work.strip(Piece.whole(file))
        except BaseException:
            with suppress(StoreError):  # what can't be deleted now has no manifest, so it is no snapshot
                store.delete([item.key for item in store.list(f"{draft.prefix}/")])
            raise
        reached(FaultPoint.STRIP_FINISHED)
        files = {made.file.name: made.file for made in work.outcome.pieces}
        return finished(draft, work.plan, files, work.outcome, monotonic() - started)


def begun(full: Manifest, rules: Rules, masking_key: bytes) -> Manifest:
    """The draft of a new stripped snapshot: what is known of it before it is made."""
    used = RulesUsed(
        files=rules.files,
        digest=rules.digest,
        key_id=key_id(masking_key),
        faker=version("faker"),
    )
    return full.model_copy(update={"id": new_id(), "kind": "stripped", "parent": full.id, "hmac": "", "rules": used})


def finished(begun: Manifest, plan: Plan, made: dict[str, ArchiveFile], outcome: Outcome, seconds: float) -> Stripped:
    """The draft, when the files of its archive, by name, are in the store."""
    files = [made[file.name] for file in begun.files if file.name in made]
    emptied = [name for name, table in plan.tables.items() if table.empty]
    rows = {file.table: file.rows for file in files if file.table}
    schema = plan.left_out.schema(begun.schema_)
    tables = [
        table.model_copy(update={"rows": 0 if table.qualified in emptied else rows.get(table.qualified, table.rows)})
        for table in schema.tables
    ]
    draft = begun.model_copy(
        update={
            "created": datetime.now(UTC),
            "seconds": round(seconds, 3),
            "schema_": schema.model_copy(update={"tables": tables}),
            "files": files,
            "masked": [
                MaskedColumn(
                    table=name,
                    column=planned.column.name,
                    mask=planned.spec.shown,
                    values=outcome.counts.get((name, planned.column.name), Counts()).values,
                )
                for name, table in plan.tables.items()
                for planned in table.columns
            ],
            "emptied": emptied,
            "skipped": plan.left_out.names,
            "unlisted": plan.unlisted,
        }
    )
    return Stripped(draft, outcome.originals, outcome.unchanged(plan))
