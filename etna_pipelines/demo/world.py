"""What every table of the demo is filled from: its people, its clock, and the ids that the migrations gave."""

import random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from etna_pipelines.demo.people import Person, people

TODAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The demo's now: a fixed one, so that two machines make the same rows."""

Row = Mapping[str, object]
Table = tuple[str, Iterable[Row]]
"""A table's name and its rows, which all name the same columns in the same order."""


@dataclass(frozen=True)
class World:
    """`content_types` are ids by `app.model`; `examples` are pages by model as Wagtail itself serialises them."""

    scale: float
    content_types: Mapping[str, int]
    examples: Mapping[str, Mapping[str, object]]

    @cached_property
    def users(self) -> list[Person]:
        return [person for person in people(self.scale) if not person.gone]

    @cached_property
    def gone(self) -> list[Person]:
        return [person for person in people(self.scale) if person.gone]

    def user(self, number: int) -> Person:
        """Somebody with an account, the same one for the same number."""
        return self.users[number * 7 % len(self.users)]

    def count(self, at_scale_1: int) -> int:
        return max(10, round(at_scale_1 * self.scale))


def moment(number: int) -> datetime:
    """A point in time: the greater the number, the longer ago."""
    return TODAY - timedelta(minutes=17 * number, microseconds=number)


def make_uuid(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)
