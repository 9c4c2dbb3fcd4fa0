"""How long snapshots stay, as environments.yaml says under `retention`."""

from pydantic import Field

from etna_pipelines.strict_model import StrictModel


class Keep(StrictModel):
    """How many nights, weeks and months have a snapshot that stays: counted are those that have one."""

    nights: int = Field(default=7, ge=0)
    weeks: int = Field(default=4, ge=0)
    months: int = Field(default=3, ge=0)


class KeepStripped(Keep):
    """The same, and how long subsets stay: they can be made again for as long as what they are a part of is there."""

    subsets: int = Field(default=7, ge=0)
    """Days, counted back from the newest snapshot."""


class RetentionSpec(StrictModel):
    """What stays of full and of stripped snapshots. The newest two sound ones of each kind always do."""

    full: Keep = Keep()
    stripped: KeepStripped = KeepStripped()
    grace: int = Field(default=24, ge=1)
    """Hours for which a snapshot is not listed any more and can still be read by those at work with it."""
    automatic: bool = True
    """Whether the job `prune` follows each night that succeeded."""
    pruner_profile: str | None = None
    """The profile in AWS's configuration by which is deleted; without it, by whatever else is used."""
