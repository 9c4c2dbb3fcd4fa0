"""How it is made sure that snapshots can be relied on, as environments.yaml says under `integrity`."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from etna_pipelines.strict_model import StrictModel

ON_EMBEDDED = "embedded"
NOWHERE = ""


def _server(said: object) -> str:
    if said is False:
        return NOWHERE
    if isinstance(said, str) and (said == ON_EMBEDDED or said.startswith(("postgresql://", "postgres://"))):
        return said
    raise ValueError(f"must be `{ON_EMBEDDED}`, a URL such as `postgresql://user@host:5432/postgres`, or `false`.")


class IntegritySpec(StrictModel):
    """When snapshots are read again, and where they are restored to see that they can be."""

    weeks: int = Field(default=4, ge=1, le=52)
    """Within how many weeks every snapshot in the store is read again, whole."""
    drill: Annotated[str, BeforeValidator(_server)] = ON_EMBEDDED
    """The server on which each night's full snapshot is restored, and dropped; empty (`false` in the file): nowhere."""
