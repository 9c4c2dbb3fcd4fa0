"""What goes on in spite of a run that failed: what its environment serves, as the store remembers it."""

from collections.abc import Mapping

from etna_pipelines.alerts.trouble import moment
from etna_pipelines.environments import history
from etna_pipelines.errors import EtnaError
from etna_pipelines.settings import Settings
from etna_pipelines.snapshots.manifest import time_of

ENVIRONMENTS: Mapping[str, str] = {
    "nightly": "development",
    "refresh_staging": "staging",
    "redeploy_staging": "staging",
    "expire_staging": "staging",
    "rehearse_release": "staging",
    "refresh_test": "test",
    "pull_local": "local",
}
"""Which environment a job is for; `test` stands for that of the run's partition."""


def still_works(settings: Settings, job: str, partition: str | None = None) -> str:
    """One sentence; empty where a job is for no environment. Asks the store, no database."""
    environment = ENVIRONMENTS.get(job)
    if environment is None or environment not in settings.sections:
        return ""
    if environment == "test":
        if not partition:
            return ""
        environment = f"test/{partition}"
    try:
        last = history.last(settings.records(environment, settings.open_store()), environment)
    except EtnaError:
        return f"what {environment} serves is not known, as the store cannot be read"
    if last is None:
        return f"nothing was ever pushed to {environment}"
    taken = time_of(last.push.snapshot or "")
    data = f"the data of {moment(taken)}" if taken else "the data that it had"
    return f"{environment} serves {data}, since {moment(last.push.started)}"
