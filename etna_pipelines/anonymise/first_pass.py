"""The first pass: columns that are read before anything is masked.

scrub has to know the people that any table names, in whichever order the tables come; a mask that is Collecting has to
know all values of its column. Only those columns are read, from all rows, and nothing is written.
"""

from collections import defaultdict

from etna_pipelines.anonymise.blocks import ColumnMask
from etna_pipelines.anonymise.masks.kind import Collecting
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.scrub.named import Named, pairs
from etna_pipelines.anonymise.values import Values

NAMING = ("first", "last", "name", "username", "email")
"""Kinds of originals by which scrub knows people."""


class FirstPass:
    """What is read of one table's columns, and who is told of it, block by block and from one thread."""

    def __init__(self, columns: list[ColumnMask], identities: Identities | None) -> None:
        """`identities` are told who is named, where there are any to tell."""
        self._identities = identities
        self._naming = [each for each in columns if identities is not None and each.identifies in NAMING]
        self._inside = [each for each in columns if identities is not None and each.kinds_inside.intersection(NAMING)]
        self._collecting = [(each, each.mask) for each in columns if isinstance(each.mask, Collecting)]

    @property
    def columns(self) -> list[ColumnMask]:
        """The columns to be read."""
        collecting = [column for column, _mask in self._collecting]
        wanted = [*self._naming, *self._inside, *collecting]
        return [column for place, column in enumerate(wanted) if column not in wanted[:place]]

    def see(self, values: dict[str, Values]) -> None:
        """A block's values by column."""
        for column, mask in self._collecting:
            mask.collect(values[column.name])
        if self._identities is not None:
            self._identify(self._identities, values)

    def _identify(self, identities: Identities, values: dict[str, Values]) -> None:
        """Which first and last name of a row belong together no rule tells: all may."""
        named = defaultdict[str, list[Named]](list)
        for column in self._naming:
            kind = "exact" if column.is_exact else column.identifies or ""
            named[kind].append(Named.of(values[column.name]))
        for column in self._inside:
            for kind, inside in column.inside(values[column.name]):
                named[kind].append(inside)
        for firsts, lasts in pairs(named["first"], named["last"]):
            identities.add_names(firsts.series(), lasts.series())
        for last in named["last"]:
            identities.add_surnames(last.values.series())
        for names in named["name"]:
            identities.add_full_names(names.values.series())
        for usernames in named["username"]:
            identities.add_usernames(usernames.values.series())
        for usernames in named["exact"]:
            identities.add_usernames(usernames.values.series(), exact=True)
        for emails in named["email"]:
            identities.add_usernames(identities.handles(emails.values.series()))
