"""An environment's database and its application: two assets, the first made by the steps of a push, which the run's
timeline shows. What is handed on is the push, under way or done: never data."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from etna_pipelines.defs import metadata
from etna_pipelines.defs.errors import canceled_if_overtaken, told_to_dagster
from etna_pipelines.defs.resources import Etna

if TYPE_CHECKING:
    from etna_pipelines.environments.push import Begun
    from etna_pipelines.push_steps import PushSteps

GROUP = "etna"
FEATURES = dg.DynamicPartitionsDefinition(name="feature_environments")
"""One partition for each feature environment, named as it is."""


class Which(dg.Config):
    """What a push can be told."""

    snapshot: str = Field("", description="The id of a snapshot; the newest one where nothing is said.")
    version: str = Field("", description="Of the application that it is for; else the environment's own.")


@dg.config_mapping
def which(config: Which) -> Mapping[str, Any]:
    """What the asset is told is for its first step."""
    return {"preflight": {"config": {"snapshot": config.snapshot, "version": config.version}}}


def database(environment: str, snapshot: str, description: str) -> dg.AssetsDefinition:
    """`<environment>_database`, made of the newest snapshot that the asset `snapshot` published.

    A run is resumed from whichever step failed: where a failure dropped the new database, the step fills it anew."""
    pool = _pool(environment)

    @dg.op(name=f"{environment}_preflight", pool=pool, ins={"published": dg.In(dg.Nothing)})
    def preflight(context: dg.OpExecutionContext, config: Which, etna: Etna) -> str:
        """Every reason not to push is found before anything is made."""
        with canceled_if_overtaken(context), told_to_dagster():
            if context.has_partition_key:
                etna.feature_steps().look_for(context.partition_key)
            steps, name = etna.push_steps(), _name(environment, context)
            begun = steps.begin(name, steps.snapshot(name, config.snapshot), config.version)
            if context.has_partition_key:  # a run that somebody starts in a terminal may be before the sensor
                context.instance.add_dynamic_partitions(str(FEATURES.name), [context.partition_key])
            return begun.model_dump_json()

    def step(name: str, does: "Callable[[PushSteps, Begun], None]", description: str) -> dg.OpDefinition:
        @dg.op(name=f"{environment}_{name}", pool=pool, description=description)
        def made(context: dg.OpExecutionContext, etna: Etna, begun: str) -> str:
            from etna_pipelines.environments.push import Begun

            with canceled_if_overtaken(context), told_to_dagster():
                does(etna.push_steps(), Begun.model_validate_json(begun))
            return begun

        return made

    @dg.op(name=f"{environment}_swap", pool=pool)
    def swap(context: dg.OpExecutionContext, etna: Etna, begun: str) -> dg.Output[str]:
        """The new database takes the place of the live one, and is asked whether it serves."""
        from etna_pipelines.environments.push import Begun

        with canceled_if_overtaken(context), told_to_dagster():
            steps = etna.push_steps()
            push = steps.swap_in(Begun.model_validate_json(begun))
            return dg.Output(
                push.model_dump_json(),
                metadata=metadata.of_push(push, steps.environment(push.environment).database.label),
                data_version=dg.DataVersion(push.snapshot or push.id),
            )

    between = {
        "restore": step(
            "restore",
            lambda steps, begun: steps.fill(begun),
            "The snapshot goes into a new database beside the live one.",
        ),
        "verify": step(
            "verify",
            lambda steps, begun: steps.check(begun),
            "The new database has the tables, rows, keys and indexes that the snapshot's manifest names.",
        ),
        "fix_ups": step(
            "fix_ups",
            lambda steps, begun: steps.fix_up(begun),
            "The new database becomes the environment's own: hosts, tokens, superuser, migrations.",
        ),
    }

    @dg.graph_asset(
        name=f"{environment}_database",
        ins={"published": dg.AssetIn(snapshot, dagster_type=dg.Nothing)},
        config=which,
        partitions_def=_partitions(environment),
        group_name=GROUP,
        kinds={"postgres"},
        description=description,
    )
    def made(published: None) -> str:
        begun = preflight.alias("preflight")(published)
        for name, each in between.items():
            begun = each.alias(name)(begun)
        done: str = swap.alias("swap")(begun)
        return done

    return made


def application(environment: str) -> dg.AssetsDefinition:
    """`<environment>_redeploy`: what follows `<environment>_database`."""

    @dg.asset(
        name=f"{environment}_redeploy",
        ins={"pushed": dg.AssetIn(f"{environment}_database")},
        partitions_def=_partitions(environment),
        pool=_pool(environment),
        group_name=GROUP,
        kinds={"application"},
        description="The application, redeployed once for the push. Failed, it is retried alone.",
    )
    def redeployed(context: dg.AssetExecutionContext, etna: Etna, pushed: str) -> dg.Output[None]:
        from etna_pipelines.environments.history import Push

        with canceled_if_overtaken(context), told_to_dagster():
            push = Push.model_validate_json(pushed)
            described = metadata.of_redeploy(push, etna.push_steps().redeploy(push))
            return dg.Output(None, metadata=described, data_version=dg.DataVersion(push.id))

    return redeployed


def _name(environment: str, context: dg.OpExecutionContext) -> str:
    return f"test/{context.partition_key}" if environment == "test" else environment


def _partitions(environment: str) -> dg.PartitionsDefinition[str] | None:
    return FEATURES if environment == "test" else None


def _pool(environment: str) -> str | None:
    """Feature environments have databases of their own, and are made at the same time."""
    return None if environment == "test" else environment
