"""Everything that Dagster loads."""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # an output's data version: nothing for people to act on


@dg.definitions
def defs() -> dg.Definitions:
    """The assets of the design's picture, the jobs that make them, and what starts those."""
    from etna_pipelines.core_dumps import forbid_core_dumps
    from etna_pipelines.defs import growing, jobs
    from etna_pipelines.defs.alerts import alerts
    from etna_pipelines.defs.checks import CHECKS, freshness
    from etna_pipelines.defs.console import console
    from etna_pipelines.defs.resources import Etna
    from etna_pipelines.defs.retention import prune, prune_after_nightly
    from etna_pipelines.defs.sensors import SENSORS
    from etna_pipelines.defs.upkeep import drill, verify_store, verify_store_schedule

    forbid_core_dumps()  # whatever process runs steps comes by here
    grown = growing.configured()
    return dg.Definitions(
        assets=growing.assets(grown),
        asset_checks=[*CHECKS, drill],
        jobs=[
            jobs.nightly,
            jobs.refresh_staging,
            jobs.redeploy_staging,
            jobs.expire_staging,
            jobs.refresh_test,
            jobs.remove_test,
            jobs.pull_local,
            jobs.create_release,
            jobs.rehearse_release,
            verify_store,
            prune,
        ],
        schedules=[jobs.nightly_schedule(jobs.configured_nightly()), verify_store_schedule],
        sensors=[*SENSORS, prune_after_nightly, freshness, alerts],
        resources={"etna": Etna(), **growing.resources(grown)},
        loggers={"console": console},
        executor=growing.executor(grown),
    )
