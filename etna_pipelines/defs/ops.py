"""What is done beside the assets, a job each."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.errors import canceled_if_overtaken, told_to_dagster
from etna_pipelines.defs.resources import Etna


class Version(dg.Config):
    """A version of the application."""

    version: str = Field(description="Such as 26.08.21.2215.")


class NextVersion(dg.Config):
    """The version of a release that is to be made."""

    version: str = Field("", description="The next one by the calendar where nothing is said.")


@dg.op
def remove(context: dg.OpExecutionContext, etna: Etna) -> None:
    """Drop a feature environment's databases. Its partition goes last: until then the run can be repeated."""
    name = context.partition_key
    with canceled_if_overtaken(context), told_to_dagster():
        removed = etna.feature_steps().remove(name)
    context.log.info(f"Dropped: {', '.join(removed.databases) or 'nothing, it had no database'}.")
    context.instance.delete_dynamic_partition(str(FEATURES.name), name)


@dg.op(pool="staging", out=dg.Out(str, is_required=False))
def expire(context: dg.OpExecutionContext, etna: Etna) -> Iterator[dg.Output[str]]:
    """Replace a full copy that staging has had for too long by a stripped one; hands on what is to be redeployed."""
    with told_to_dagster():
        steps = etna.push_steps()
        done = steps.expire("staging")
        context.log.info(
            f"Staging serves {done.snapshot}." if done else "Staging serves no full copy that has expired."
        )
        # Not `done`: the run that did it may have been killed, or its redeploy have failed.
        if waiting := steps.not_redeployed("staging"):
            yield dg.Output(waiting.model_dump_json())


@dg.op(pool="staging")
def redeploy_expired(etna: Etna, pushed: str) -> None:
    """Redeploy staging for the data that it has now. Failed, it is retried alone."""
    from etna_pipelines.environments.history import Push

    with told_to_dagster():
        etna.push_steps().redeploy(Push.model_validate_json(pushed))


@dg.op(pool="staging")
def redeploy_at(context: dg.OpExecutionContext, config: Version, etna: Etna) -> None:
    """Redeploy staging at a version, with the data that it has."""
    with told_to_dagster():
        done = etna.push_steps().redeploy_last("staging", config.version)
    context.log.info(f"Staging runs {done.version}." if done else "environments.yaml names no way to redeploy staging.")


@dg.op
def create(context: dg.OpExecutionContext, config: NextVersion, etna: Etna) -> None:
    """Make the tag of the next release."""
    with told_to_dagster():
        version = etna.release_steps().create_release(config.version)
    context.add_output_metadata({"version": version})


@dg.op(pool="staging")
def rehearse(context: dg.OpExecutionContext, config: Version, etna: Etna) -> None:
    """Run a release's migrations on a copy beside staging, and tell what they did and how long they held what."""
    from etna_pipelines.releases.rehearsal import page, refuse_failed

    with told_to_dagster():
        rehearsal = etna.release_steps().rehearse(config.version)
        context.log_event(
            dg.AssetObservation("staging_database", metadata={"rehearsal": dg.MetadataValue.md(page(rehearsal))})
        )
        refuse_failed(rehearsal)
