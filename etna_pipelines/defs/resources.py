"""What assets ask Dagster for: the steps of a night, over the configured store."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from etna_pipelines.fan_out_steps import FanOutSteps
    from etna_pipelines.feature_steps import FeatureSteps
    from etna_pipelines.integrity_steps import IntegritySteps
    from etna_pipelines.progress import Progress
    from etna_pipelines.push_steps import PushSteps
    from etna_pipelines.release_steps import ReleaseSteps
    from etna_pipelines.retention_steps import RetentionSteps
    from etna_pipelines.settings import Settings
    from etna_pipelines.steps import Steps
    from etna_pipelines.stores.store import Store


class Etna(dg.ConfigurableResource):  # type: ignore[type-arg]
    """environments.yaml and its secrets, read anew by each step: nothing of them stands in Dagster's own tables."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        from etna_pipelines.defs.lost_runs import note_host

        if context.instance and context.run:
            note_host(context.instance, context.run)

    def settings(self) -> "Settings":
        from etna_pipelines import settings

        return settings.load()

    def steps(self) -> "Steps":
        from etna_pipelines.steps import Steps  # what a step needs is imported when one runs: definitions load at once

        return Steps(*_work())

    def fan_out_steps(self) -> "FanOutSteps":
        from etna_pipelines.fan_out_steps import FanOutSteps

        return FanOutSteps(*_work())

    def push_steps(self) -> "PushSteps":
        from etna_pipelines.push_steps import PushSteps

        return PushSteps(*_work())

    def feature_steps(self) -> "FeatureSteps":
        from etna_pipelines.feature_steps import FeatureSteps

        return FeatureSteps(*_work())

    def integrity_steps(self) -> "IntegritySteps":
        from etna_pipelines.integrity_steps import IntegritySteps

        return IntegritySteps(*_work())

    def retention_steps(self) -> "RetentionSteps":
        from etna_pipelines.retention_steps import RetentionSteps

        return RetentionSteps.of(self.settings())

    def release_steps(self) -> "ReleaseSteps":
        from etna_pipelines.release_steps import ReleaseSteps

        return ReleaseSteps(*_work())


def _work() -> "tuple[Settings, Store, Progress]":
    from etna_pipelines import settings
    from etna_pipelines.bars import Lines
    from etna_pipelines.progress import listener, silent

    configured, listening = settings.load(), listener()
    progress = Lines(dg.get_dagster_logger().info) if listening is silent else listening
    return configured, configured.open_store(), progress
