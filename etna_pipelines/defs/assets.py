"""The design's picture, one asset an arrow's end. A value handed on is a snapshot's id or a push: never data."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from etna_pipelines.defs import metadata
from etna_pipelines.defs.databases import GROUP, application, database
from etna_pipelines.defs.errors import told_to_dagster
from etna_pipelines.defs.resources import Etna
from etna_pipelines.errors import SnapshotDamaged

if TYPE_CHECKING:
    from etna_pipelines.snapshots.manifest import Manifest

INTEGRITY, PROOF = "integrity", "proof"
NIGHTLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))
"""A night, and two hours for a slow one. It goes by what Dagster saw; the checks `freshness` ask the store itself."""

PROOF_CHECK = dg.AssetCheckSpec(
    PROOF,
    asset="stripped_snapshot",
    blocking=True,
    description="The finished archive was read back whole and holds none of the originals.",
)

production_database = dg.AssetSpec(
    "production_database",
    group_name=GROUP,
    kinds={"postgres"},
    description="The live database. It is read, by a role that can do nothing else, and never written to.",
)


@dg.asset(group_name=GROUP, deps=[production_database], pool="production", kinds={"postgres"})
def production_backup(etna: Etna) -> dg.Output[str]:
    """One moment of production, dumped into the store by the stock pg_dump. Nothing lists it yet."""
    with told_to_dagster():
        steps = etna.steps()
        draft = steps.back_up()
        return _snapshot(draft, metadata.of_snapshot(draft, steps.store.location(draft.prefix)))


@dg.asset(
    group_name=GROUP,
    freshness_policy=NIGHTLY,
    pool="store",
    kinds={"archive"},
    check_specs=[
        dg.AssetCheckSpec(
            INTEGRITY,
            asset="full_snapshot",
            blocking=True,
            description="Every stored file was read back: its size and SHA-256 are those of what was dumped.",
        )
    ],
)
def full_snapshot(etna: Etna, production_backup: str) -> Iterator[dg.AssetCheckResult | dg.Output[str]]:
    """The backup, read back and published with a signed manifest. Holds real people's data."""
    from etna_pipelines.snapshots.changes import schema_changes

    with told_to_dagster():
        steps = etna.steps()
        before = next(steps.catalogue.trusted("full"), None)
        try:
            draft = steps.check_backup(production_backup)
        except SnapshotDamaged as problem:
            yield dg.AssetCheckResult(passed=False, check_name=INTEGRITY, metadata={"problem": str(problem)})
            raise
        yield dg.AssetCheckResult(passed=True, check_name=INTEGRITY, metadata={"files": len(draft.files)})
        full = steps.publish(draft)
        changes = schema_changes(before.schema_, full.schema_) if before else None
        described = {**metadata.of_snapshot(full, steps.store.location(full.prefix)), **metadata.of_changes(changes)}
        yield _snapshot(full, described)


@dg.asset(
    group_name=GROUP,
    freshness_policy=NIGHTLY,
    pool="strip",
    kinds={"archive"},
    check_specs=[PROOF_CHECK],
)
def stripped_snapshot(etna: Etna, full_snapshot: str) -> Iterator[dg.AssetCheckResult | dg.Output[str]]:
    """The full snapshot with sensitive data replaced as the rules say, proven clean, and only then published."""
    with told_to_dagster():
        steps = etna.steps()
        draft = steps.strip(full_snapshot)
        if draft.proof:
            described = metadata.of_proof(draft.proof, steps.report(draft))
            yield dg.AssetCheckResult(passed=draft.proof.passed, check_name=PROOF, metadata=described)
        stripped = steps.publish(draft)  # raises where the proof failed, before anything is recorded or listed
        yield _snapshot(stripped, metadata.of_snapshot(stripped, steps.store.location(stripped.prefix)))


staging_database = database(
    "staging",
    "full_snapshot",
    "A full snapshot, when somebody asks for it: the one environment that may hold real people's data.",
)


@dg.asset(
    group_name=GROUP,
    pool="templates",
    kinds={"postgres"},
    deps=[stripped_snapshot],
    output_required=False,
    op_tags={"dagster/priority": "-1"},  # after development, for which people wait
)
def test_template(context: dg.AssetExecutionContext, etna: Etna) -> Iterator[dg.Output[str]]:
    """The newest stripped snapshot, restored once: feature environments are cloned from it."""
    with told_to_dagster():
        steps = etna.push_steps()
        if "test" not in steps.settings.sections:
            context.log.info("environments.yaml has no `test`: there are no feature environments.")
            return
        snapshot = steps.newest("stripped")
        if template := steps.make_template(snapshot):
            described = {"database": template.name, "snapshot": snapshot.id}
            yield dg.Output(template.name, metadata=described, data_version=dg.DataVersion(snapshot.id))


development_database = database("development", "stripped_snapshot", "The newest stripped snapshot, every night.")
test_database = database(
    "test",
    "test_template",
    "A feature environment's own clone of the newest stripped snapshot: made with its branch, and gone with it.",
)
local_database = database("local", "stripped_snapshot", "A developer's own copy of the newest stripped snapshot.")

staging_redeploy, development_redeploy = application("staging"), application("development")
test_redeploy, local_redeploy = application("test"), application("local")


def _snapshot(manifest: "Manifest", described: metadata.Metadata) -> dg.Output[str]:
    return dg.Output(manifest.id, metadata=described, data_version=dg.DataVersion(manifest.id))


ASSETS: list[dg.AssetsDefinition | dg.AssetSpec] = [
    production_database,
    production_backup,
    full_snapshot,
    stripped_snapshot,
    staging_database,
    staging_redeploy,
    development_database,
    development_redeploy,
    test_template,
    test_database,
    test_redeploy,
    local_database,
    local_redeploy,
]
