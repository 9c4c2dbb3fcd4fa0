"""The application's versions: `YY.0M.0D.<build>`, as in 26.08.21.2215; a git tag puts a `v` before it.

The day is UTC's and the build the number of the workflow run that made it, so days repeat and builds are left out. Two
workflows that both make tags count on their own: a build alone does not order versions, the day goes first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

_VERSION = re.compile(r"v?([0-9]{2})\.([0-9]{2})\.([0-9]{2})\.(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, order=True)
class CalVer:
    """A version; ordered by day, then by build."""

    day: date
    build: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `26.08.21.2215` or `v26.08.21.2215`; None for tags of any other form, and for days that never were."""
        found = _VERSION.fullmatch(text)
        if found is None:
            return None
        year, month, day, build = map(int, found.groups())
        try:
            return cls(date(2000 + year, month, day), build)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.day:%y.%m.%d}.{self.build}"

    @property
    def tag(self) -> str:
        """The git tag; the image's is the version itself."""
        return f"v{self}"


def newest(tags: Iterable[str]) -> CalVer | None:
    """The newest version among tags; those of another form are passed over."""
    return max(filter(None, map(CalVer.parse, tags)), default=None)


def following(tags: Iterable[str], now: datetime) -> CalVer:
    """The version to make at `now` (with a time zone) where `tags` are there: of today, and newer than all of them
    even where a clock was ahead; its build is no other version's."""
    versions = list(filter(None, map(CalVer.parse, tags)))
    today = now.astimezone(UTC).date()
    return CalVer(
        max([today, *(version.day for version in versions)]),
        max((version.build for version in versions), default=0) + 1,
    )
