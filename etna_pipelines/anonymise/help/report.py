"""The proof as a page for people who answer for data protection: one HTML file that needs nothing besides itself.

It is made from manifests alone, so it can be made again at any time, and holds no value of any row.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.filesize import decimal

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import holds_no_text
from etna_pipelines.snapshots import archive
from etna_pipelines.snapshots.manifest import Column, Manifest, Scanned, Table

_TEMPLATE = "report.html"
_IN_WORDS = {
    "set": "one fixed value",
    "pick": "one of a few values",
    "map": "what a list says for it",
    "copy": "what another column of its row has become",
}
"""Masks that the rules' README explains by their arguments, in words of their own."""

_NAMING_ARGUMENTS = ("fake", "each", "shift", "round", "noise", "mask")
"""Masks whose arguments say how; what stands in other brackets may be values, which have no place here."""


@dataclass(frozen=True)
class Masked:
    """A column that was changed."""

    column: str
    mask: str
    values: int


@dataclass(frozen=True)
class MaskedTable:
    """A table of which columns were changed; `share` of all changed values, in per cent of the largest table's."""

    name: str
    values: int
    share: float
    columns: list[Masked]


@dataclass(frozen=True)
class Gone:
    """A table of which no row is in the snapshot, with what it held, where the full snapshot still tells."""

    name: str
    how: str
    rows: int | None
    bytes: int | None


@dataclass(frozen=True)
class Share:
    """What became of some bytes of production, uncompressed."""

    name: str
    bytes: int
    percent: float


@dataclass(frozen=True)
class Kept:
    """Text that was kept in a table, which the rules decided column by column."""

    table: str
    columns: list[str]
    unlisted: list[str]


def page(stripped: Manifest, full: Manifest | None = None) -> str:
    """The page of a stripped snapshot; the full one that it was made of tells what was left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(count="{:,}".format, size=decimal)
    return environment.get_template(_TEMPLATE).render(
        snapshot=stripped,
        proof=stripped.proof,
        masked=[table for table in _masked(stripped) if table.values],
        unused=[table for table in _masked(stripped) if not table.values],
        becomes=_becomes(stripped),
        values=sum(column.values for column in stripped.masked),
        gone=_gone(stripped, full),
        shares=_shares(stripped, full),
        kept=list(_kept(stripped)),
        harmless=sorted(_harmless(stripped).items(), key=lambda item: -item[1]),
        scanned=_scanned(stripped),
    )


def _masked(stripped: Manifest) -> list[MaskedTable]:
    values: Counter[str] = Counter()
    columns: dict[str, list[Masked]] = {}
    for column in stripped.masked:
        values[column.table] += column.values
        columns.setdefault(column.table, []).append(Masked(column.column, _shown(column.mask), column.values))
    most = max(values.values(), default=0) or 1
    return [MaskedTable(name, count, 100 * count / most, columns[name]) for name, count in values.most_common()]


def _shown(mask: str) -> str:
    """A mask as it may be shown."""
    name = mask.partition("(")[0]
    return mask if name in _NAMING_ARGUMENTS else name


def _becomes(stripped: Manifest) -> dict[str, str]:
    """What each mask that was used makes of a value, the most used first."""
    used: Counter[str] = Counter()
    for column in stripped.masked:
        used[_shown(column.mask)] += column.values
    return {mask: _in_words(mask) for mask, _ in used.most_common()}


def _in_words(mask: str) -> str:
    name, _, argument = mask.removesuffix(")").partition("(")
    if name == "fake":
        return f"an invented {argument.replace('_', ' ')}{' name' if argument in ('first', 'last') else ''}"
    if name in _IN_WORDS:
        return _IN_WORDS[name]
    kind = masks.KINDS.get(name)
    if kind is None:  # another version made the snapshot
        return "what its name says"
    return next((becomes for _, becomes in kind.examples), name).partition(";")[0].replace("`", "")


def _gone(stripped: Manifest, full: Manifest | None) -> list[Gone]:
    before = {file.table: file for file in full.files if file.table} if full else {}
    how = dict.fromkeys(stripped.emptied, "emptied") | dict.fromkeys(stripped.skipped, "left out")
    found = [
        Gone(name, said, file.rows if (file := before.get(name)) else None, file.raw_bytes if file else None)
        for name, said in how.items()
    ]
    return sorted(found, key=lambda gone: (-(gone.bytes or 0), gone.name))


def _shares(stripped: Manifest, full: Manifest | None) -> list[Share]:
    masked = {column.table for column in stripped.masked}
    sizes: Counter[str] = Counter()
    for file in stripped.files:
        if file.table and file.table not in stripped.emptied:
            sizes["tables with masked columns" if file.table in masked else "tables kept as they are"] += (
                file.raw_bytes or 0
            )
    if full:
        sizes["tables emptied or left out"] = sum(gone.bytes or 0 for gone in _gone(stripped, full))
    total = sizes.total() or 1
    return [Share(name, size, 100 * size / total) for name, size in sizes.most_common()]


def _left_columns(stripped: Manifest) -> Iterator[tuple[Table, Column]]:
    """Columns that no mask changed, of tables whose rows are there."""
    masked = {(column.table, column.column) for column in stripped.masked}
    for table in stripped.schema_.tables:
        if table.qualified not in stripped.emptied:
            yield from ((table, column) for column in table.copied if (table.qualified, column.name) not in masked)


def _kept(stripped: Manifest) -> Iterator[Kept]:
    columns: dict[str, list[str]] = {}
    for table, column in _left_columns(stripped):
        if not holds_no_text(column) and not column.labels:
            columns.setdefault(table.qualified, []).append(column.name)
    for name, kept in columns.items():
        yield Kept(name, kept, [column for column in kept if f"{name}.{column}" in stripped.unlisted])


def _harmless(stripped: Manifest) -> Counter[str]:
    """How many columns were kept whose values can't name anybody, by type."""
    return Counter(
        "a choice from a list" if column.labels else column.type.partition("(")[0]
        for _, column in _left_columns(stripped)
        if holds_no_text(column) or column.labels
    )


def _scanned(stripped: Manifest) -> list[Scanned]:
    """What the proof read, the largest first, without tables that hold no row."""
    scanned = stripped.proof.scanned if stripped.proof else []
    return sorted((each for each in scanned if each.bytes > len(archive.EMPTY)), key=lambda each: -each.bytes)
