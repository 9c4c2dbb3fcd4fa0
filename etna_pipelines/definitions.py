"""Everything that Dagster loads."""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # an output's data version: nothing for people to act on


@dg.definitions
def defs() -> dg.Definitions:
    """The assets of the design's picture, the jobs that make them, and what starts those."""
    from etna_pipelines.defs.assets import ASSETS
    from etna_pipelines.defs.console import console
    from etna_pipelines.defs.jobs import JOBS, nightly_schedule
    from etna_pipelines.defs.resources import Etna

    return dg.Definitions(
        assets=ASSETS,
        jobs=JOBS,
        schedules=[nightly_schedule],
        resources={"etna": Etna()},
        loggers={"console": console},
        executor=dg.in_process_executor,
    )
