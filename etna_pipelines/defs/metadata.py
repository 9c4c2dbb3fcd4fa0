"""What a materialisation says of itself in the UI."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from etna_pipelines.environments.history import Push
    from etna_pipelines.redeploy.redeployer import Redeployed
    from etna_pipelines.snapshots.manifest import Manifest, Proof

Metadata = Mapping[str, dg.MetadataValue | str | int | float]


def of_snapshot(manifest: "Manifest", location: str) -> Metadata:
    """Id, size, duration, and every table with its rows and masked values."""
    described: dict[str, dg.MetadataValue | str | int | float] = {
        "snapshot": manifest.id,
        "location": location,
        "seconds": manifest.seconds,
        "bytes": manifest.bytes,
        "raw bytes": sum(file.raw_bytes or 0 for file in manifest.files),
        "dagster/row_count": manifest.rows,
        "tables": _tables(manifest),
        "source": f"{manifest.source.database}, PostgreSQL {manifest.source.server_version}",
    }
    if manifest.parent:
        described["stripped from"] = manifest.parent
    if manifest.rules:
        described |= {
            "rules": ", ".join(manifest.rules.files),
            "rules digest": manifest.rules.digest,
            "key id": manifest.rules.key_id,
            "masked values": sum(column.values for column in manifest.masked),
        }
    return described


def of_changes(changes: Sequence[str] | None) -> Metadata:
    """The schema's changes since the snapshot before."""
    if changes is None:
        return {"schema changes": "the first snapshot"}
    return {"schema changes": dg.MetadataValue.md("\n".join(f"- {change}" for change in changes) or "none")}


def of_proof(proof: "Proof", page: Path) -> Metadata:
    """What was looked for, where it was found, and the page that tells all of it."""
    return {
        "page": dg.MetadataValue.path(page),
        "originals looked for": proof.originals,
        "by kind": dg.MetadataValue.json(proof.kinds),
        "share of all originals": proof.share,
        "names that are pseudonyms too": proof.ambiguous,
        "scanned bytes": proof.scanned_bytes,
        "scanned files": proof.scanned_files,
        "encodings undone": ", ".join(proof.encodings),
        "allowed": dg.MetadataValue.json(proof.allowed),
        "findings": dg.MetadataValue.table(
            records=[dg.TableRecord(finding.model_dump()) for finding in proof.findings],
            schema=_schema(table="string", column="string", kind="string", count="int"),
        ),
    }


def of_push(push: "Push", database: str) -> Metadata:
    """What is served now, and for how long nobody could connect."""
    return {
        "database": database,
        "snapshot": push.snapshot or "",
        "push": push.id,
        "seconds": round(push.seconds, 3),
        "outage in seconds": round(push.outage, 3),
        "dagster/row_count": push.rows,
        "kept for a rollback": push.previous or "nothing: there was no database before",
    }


def of_redeploy(push: "Push", done: "Redeployed | None") -> Metadata:
    """Which version serves now; of an application that is nobody's to redeploy, that."""
    if done is None:
        return {"push": push.id, "not redeployed": "environments.yaml names no way to"}
    return {"push": push.id, "version": done.version or "unknown", "seconds": round(done.seconds, 3)}


def _tables(manifest: "Manifest") -> dg.TableMetadataValue:
    masked: Counter[str] = Counter()
    for column in manifest.masked:
        masked[column.table] += column.values
    stored = {file.table: file for file in manifest.files if file.table}
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "table": table,
                    "rows": file.rows or 0,
                    "bytes": file.bytes,
                    "masked values": masked[table],
                    "emptied": table in manifest.emptied,
                }
            )
            for table, file in sorted(stored.items(), key=lambda item: -item[1].bytes)
        ],
        schema=_schema(table="string", rows="int", bytes="int", **{"masked values": "int", "emptied": "bool"}),
    )


def _schema(**columns: str) -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(name, type=kind) for name, kind in columns.items()])
