"""A snapshot in small, for tests that need no database."""

import hashlib
from datetime import UTC, datetime

from etna_pipelines.snapshots.manifest import (
    ArchiveFile,
    Column,
    DatabaseSchema,
    Finding,
    Kind,
    Manifest,
    MaskedColumn,
    Proof,
    RulesUsed,
    Source,
    Table,
)
from etna_pipelines.stores.store import Store

FILES = {"toc.dat": b"contents", "3.dat.gz": b"rows"}
PASSED = Proof(passed=True, scanned_bytes=12, scanned_files=2, originals=3)
FAILED = Proof(
    passed=False,
    scanned_bytes=12,
    scanned_files=2,
    originals=3,
    findings=[Finding(table="public.t", column="email", kind="original e-mail", count=1)],
)


def draft(id_: str = "20261123T020000000000Z-aaaaaa", kind: Kind = "full", proof: Proof | None = None) -> Manifest:
    return Manifest(
        id=id_,
        kind=kind,
        parent=None if kind == "full" else "20261122T020000000000Z-ffffff",
        created=datetime(2026, 11, 23, 2, tzinfo=UTC),
        seconds=1.5,
        source=Source(
            environment="production", database="etna", system_identifier="7", server_version="18.6", encoding="UTF8"
        ),
        versions={"pg_dump": "18.6"},
        schema=DatabaseSchema(
            tables=[Table(oid=5, schema_name="public", name="t", columns=[Column(name="email", type="text")], rows=2)]
        ),
        files=[
            ArchiveFile(
                name=name,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                table="public.t" if name.endswith(".gz") else None,
                rows=2 if name.endswith(".gz") else None,
            )
            for name, data in FILES.items()
        ],
        rules=None if kind == "full" else RulesUsed(files=["rules.yaml"], digest="d", key_id="k"),
        masked=[] if kind == "full" else [MaskedColumn(table="public.t", column="email", mask="email", values=2)],
        proof=proof,
    )


def stored(store: Store, manifest: Manifest) -> Manifest:
    """The manifest, with its archive's files in the store."""
    for name, data in FILES.items():
        store.put(manifest.archive_key(name), [data])
    return manifest
