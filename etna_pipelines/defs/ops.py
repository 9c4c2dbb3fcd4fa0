"""What is done beside the assets, one op a job."""

import dagster as dg

from etna_pipelines.defs.databases import FEATURES
from etna_pipelines.defs.errors import canceled_if_overtaken, told_to_dagster
from etna_pipelines.defs.resources import Etna


@dg.op
def remove(context: dg.OpExecutionContext, etna: Etna) -> None:
    """A feature environment's databases are dropped. Its partition goes last: until then the run can be repeated."""
    name = context.partition_key
    with canceled_if_overtaken(context), told_to_dagster():
        removed = etna.feature_steps().remove(name)
    context.log.info(f"Dropped: {', '.join(removed.databases) or 'nothing, there was no database'}.")
    context.instance.delete_dynamic_partition(str(FEATURES.name), name)
