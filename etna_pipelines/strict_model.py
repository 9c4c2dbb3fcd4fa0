"""What is read from a settings file: nothing unknown, nothing converted, nothing changed afterwards."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A section of a settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
