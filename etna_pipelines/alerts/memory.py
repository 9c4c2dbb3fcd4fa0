"""What is not well, and who was told of it. It outlives the process: every post is noted as soon as it has arrived."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from etna_pipelines.alerts.trouble import Trouble

AGAIN = timedelta(days=1)
"""A trouble that is still met is told once in this time."""
FORGOTTEN = timedelta(days=30)
"""After this time a trouble that nothing was heard of any more, neither good nor bad, is given up."""


class Known(BaseModel):
    """A trouble, and when each channel was told of it."""

    trouble: Trouble
    told: dict[str, datetime] = {}
    over: datetime | None = None
    """When it ended: those who were told of it are still to be told that."""
    says: str = ""
    """How it ended."""

    def due(self, channel: str, now: datetime) -> bool:
        told = self.told.get(channel)
        if told is None:
            return self.over is None
        if self.over:
            return True
        return self.trouble.seen > told and now - told >= AGAIN


class Memory(BaseModel):
    """The troubles by their keys. What ends before anybody was told of it is never told."""

    troubles: dict[str, Known] = {}
    looked: datetime | None = None
    """Until when the ends of runs were looked at."""
    good_night: datetime | None = None
    """When the last good night ended."""
    beaten: datetime | None = None
    """The good night that the heartbeat was last sent for."""

    @classmethod
    def read(cls, kept: str | None) -> "Memory":
        """What `model_dump_json` wrote. Begins anew where there is nothing, or what another version wrote: to be told
        twice is better than never."""
        try:
            return cls.model_validate_json(kept) if kept else cls()
        except ValidationError:
            return cls()

    def knows(self, key: str, seen: datetime) -> bool:
        """Whether a trouble that was seen then is noted already."""
        known = self.troubles.get(key)
        return known is not None and known.over is None and known.trouble.seen >= seen

    def meet(self, trouble: Trouble) -> None:
        """Note a trouble, new or met again. One that is known, and not over, began when it did."""
        known = self.troubles.setdefault(trouble.key, Known(trouble=trouble))
        since = trouble.since if known.over else min(trouble.since, known.trouble.since)
        known.trouble = trouble.model_copy(update={"since": since})
        known.over = None

    def end(self, key: str, at: datetime, says: str) -> None:
        """Note that it is well again."""
        if (known := self.troubles.get(key)) and known.over is None:
            known.over, known.says = at, says

    def due(self, channel: str, now: datetime) -> list[Known]:
        """What a channel is to be told now, the oldest first."""
        found = [known for known in self.troubles.values() if known.due(channel, now)]
        return sorted(found, key=lambda known: known.trouble.since)

    def note(self, channel: str, said: Iterable[Known], now: datetime) -> None:
        """A channel was told."""
        for known in said:
            if known.over:
                known.told.pop(channel, None)
            else:
                known.told[channel] = now

    def tidy(self, channels: Collection[str], now: datetime) -> None:
        """Forget channels that are no more, ends that everybody knows of, and what nothing was heard of for a month."""
        for key, known in list(self.troubles.items()):
            known.told = {channel: told for channel, told in known.told.items() if channel in channels}
            if (known.over and not known.told) or now - known.trouble.seen > FORGOTTEN:
                del self.troubles[key]
