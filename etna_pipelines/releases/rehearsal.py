"""What a rehearsal of a release found, and how it reads."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from etna_pipelines.errors import ReleaseFailed, StoreError
from etna_pipelines.releases.changes import TableChange
from etna_pipelines.snapshots.manifest import Kind
from etna_pipelines.stores.store import Store

SHOWN = 15
"""Rows of each table of the page."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Migration(_Model):
    """A migration of Django's that was applied."""

    app: str
    name: str
    seconds: float
    """Since the one before it; the first one's hold the program's start."""


class Statements(_Model):
    """The statements of a kind that were seen: one that begins and ends between two looks is not."""

    what: str
    seen: int
    seconds: float
    longest: float


class Rehearsal(_Model):
    """How the migrations of a release went. It holds names and numbers, and no value of any row."""

    id: str
    version: str
    environment: str
    """Beside which it was done."""
    snapshot: str
    kind: Kind
    started: datetime
    restored: float
    """Seconds that the restore took."""
    seconds: float
    """Seconds that the migrations took."""
    failure: str | None
    """Such as `exit code 1`; None where they went through."""
    sqlstate: str | None
    """What the database refused them with, where the program says so: 23505, 42P01 ..."""
    log: str
    """Where what the program said is kept, on the machine that rehearsed. It may hold rows' values."""
    migrations: list[Migration]
    statements: list[Statements]
    tables: list[TableChange]
    bytes_before: int
    bytes_after: int
    looks: int
    """How often the database was looked at meanwhile."""

    @property
    def blocked(self) -> float:
        """The longest that an application would have waited for any one table, in seconds."""
        return max((change.held for change in self.tables if change.blocks != "nothing"), default=0.0)


def keep(rehearsal: Rehearsal, store: Store) -> None:
    """Keep it as `rehearsals/<id>.json`."""
    store.put(f"rehearsals/{rehearsal.id}.json", [rehearsal.model_dump_json(indent=1).encode()])


def read_rehearsals(store: Store) -> list[Rehearsal]:
    """Those in the store, newest first."""
    return [_read(store, item.key) for item in store.list("rehearsals/")][::-1]


def _read(store: Store, key: str) -> Rehearsal:
    try:
        return Rehearsal.model_validate_json(b"".join(store.read(key)))
    except ValidationError:
        raise StoreError(f"{store.location(key)} is no record of a rehearsal: delete it.") from None


def refuse_failed(rehearsal: Rehearsal) -> None:
    """Raise ReleaseFailed where the migrations did not go through."""
    if rehearsal.failure:
        last = rehearsal.migrations[-1] if rehearsal.migrations else None
        after = f" after {last.app}.{last.name}" if last else ""
        state = f", SQLSTATE {rehearsal.sqlstate}" if rehearsal.sqlstate else ""
        raise ReleaseFailed(
            f"The migrations of {rehearsal.version} fail on the {rehearsal.kind} snapshot {rehearsal.snapshot}{after} "
            f"({rehearsal.failure}{state}): read {rehearsal.log}, and mend them before the release goes live."
        )


def page(rehearsal: Rehearsal) -> str:
    """The rehearsal in Markdown: for the terminal, the run's page and a release's notes."""
    return "\n".join(_lines(rehearsal))


def _lines(rehearsal: Rehearsal) -> Iterator[str]:
    state = f" (SQLSTATE {rehearsal.sqlstate})" if rehearsal.sqlstate else ""
    outcome = f"**failed**, {rehearsal.failure}{state}" if rehearsal.failure else "went through"
    yield f"# Rehearsal of {rehearsal.version}"
    yield ""
    yield (
        f"Its migrations {outcome} in {rehearsal.seconds:.1f} s on the {rehearsal.kind} snapshot {rehearsal.snapshot}; "
        f"the database went from {_size(rehearsal.bytes_before)} to {_size(rehearsal.bytes_after)}."
    )
    yield (
        f"An application would have waited up to {rehearsal.blocked:.1f} s for a table."
        if rehearsal.blocked
        else f"In {rehearsal.looks:,} looks no lock was met that an application would have waited for."
    )
    if rehearsal.tables:
        yield from ("", "| table | | strongest lock | blocks | held | rows +/~/- | indexes | size |")
        yield "|---|---|---|---|--:|--:|---|--:|"
        yield from _rest([_table_row(change) for change in rehearsal.tables])
        if any(change.blocks == "nothing" and change.what not in ("", "made") for change in rehearsal.tables):
            yield from (
                "",
                "A table that was altered was locked all the same; a lock that is not shown was a short one.",
            )
    if rehearsal.migrations:
        yield from ("", "| migration | seconds |", "|---|--:|")
        slowest = sorted(rehearsal.migrations, key=lambda migration: -migration.seconds)
        yield from _rest([f"| {each.app}.{each.name} | {each.seconds:.2f} |" for each in slowest])
    if rehearsal.statements:
        yield from ("", "| statements seen | | seconds | longest |", "|---|--:|--:|--:|")
        yield from _rest(
            [
                f"| {each.what} | {each.seen} | {each.seconds:.2f} | {each.longest:.2f} |"
                for each in rehearsal.statements
            ]
        )


def _table_row(change: TableChange) -> str:
    indexes = [f"+{name}" for name in change.indexes_made] + [f"-{name}" for name in change.indexes_dropped]
    lock = f"{change.lock} | {change.blocks} | {change.held:.2f} s" if change.blocks != "nothing" else "| |"
    rows = f"{change.inserted:,}/{change.updated:,}/{change.deleted:,}"
    sizes = dict.fromkeys([_size(change.bytes_before), _size(change.bytes_after)])
    return f"| {change.table} | {change.what} | {lock} | {rows} | {', '.join(indexes)} | {' to '.join(sizes)} |"


def _rest(rows: list[str]) -> Iterator[str]:
    yield from rows[:SHOWN]
    if len(rows) > SHOWN:
        yield from ("", f"and {len(rows) - SHOWN} more")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
