"""What environments.yaml says under `nightly:`."""

from zoneinfo import available_timezones

from pydantic import Field, field_validator

from etna_pipelines.strict_model import StrictModel


class NightlySpec(StrictModel):
    """When the nightly run starts: `at` by the clocks of `timezone`, in winter and in summer."""

    at: str = Field(default="02:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    timezone: str = "Europe/London"

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("must be a name of the time zone database, such as `Europe/London` or `UTC`.")
        return name

    @property
    def cron(self) -> str:
        """As cron writes it: minute, hour, every day."""
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} * * *"
