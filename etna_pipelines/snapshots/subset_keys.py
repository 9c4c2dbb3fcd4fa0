"""Which row refers to which: the keys of an archive's tables, read and joined without a database.

Only key columns are read, and of them only row numbers stay: 8 bytes a row and foreign key.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from etna_pipelines.anonymise.kernels import copytext
from etna_pipelines.errors import ArchiveMalformed, SnapshotDamaged, SubsetError, ValueMalformed
from etna_pipelines.snapshots import archive, toc
from etna_pipelines.snapshots.catalogue import checked
from etna_pipelines.snapshots.manifest import ArchiveFile, Column, ForeignKey, Manifest
from etna_pipelines.stores.store import Store

RowNumbers = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.uint64]

NOTHING = -1
SEED = 20261123
"""Of the order in which rows are chosen: with another one other rows would be."""

NEWLINE = 10

_WORD = r'"(?:[^"]|"")+"|[^\s."]+'
_NAME = rf"(?:{_WORD})\.(?:{_WORD})"
_ATTACHED = re.compile(rf"ALTER TABLE ONLY (?P<whole>{_NAME}) ATTACH PARTITION (?P<part>{_NAME}) ")

_INTEGERS = ("smallint", "integer", "bigint")


@dataclass(frozen=True)
class Reference:
    """A foreign key, row by row."""

    child: str
    parent: str
    rows: RowNumbers
    """For each row of `child` the number of the row of `parent` that it refers to, or NOTHING."""
    extends: bool = False
    """Whether the key is the child's primary key: then a row and the one that it refers to are one thing in two tables
    (Django's multi-table inheritance)."""


@dataclass(frozen=True)
class Keys:
    """What is known of a table's rows: their key columns, named by position, and their ranks."""

    columns: pl.DataFrame
    ranks: Ranks


@dataclass(frozen=True)
class References:
    """How the rows of some tables hang together."""

    all: list[Reference]
    ranks: dict[str, Ranks]
    """By table a number for each row, in whose order rows are chosen. It depends on the primary key (or, without one,
    on the whole row) alone: the same rows are chosen every night."""


def read_references(
    snapshot: Manifest, store: Store, tables: Collection[str], keys: Collection[ForeignKey], workers: int
) -> References:
    """Follow `keys` row by row; `tables` are read besides those that the keys join.

    Raises SubsetError for a key that can't be followed; SnapshotDamaged, ArchiveMalformed, StoreError.
    """
    wanted: dict[str, set[str]] = {table: set() for table in tables}
    for key in keys:
        wanted.setdefault(key.table, set()).update(key.columns)
        wanted.setdefault(key.references, set()).update(key.referenced_columns)
    reader = _Reader(snapshot, store)
    trees = {table: columns for table in tables if (columns := reader.tree_columns(table))}
    for table, columns in trees.items():
        wanted[table].update(columns)
    with ThreadPoolExecutor(workers, "subset") as pool:
        read = dict(zip(wanted, pool.map(lambda table: reader.read(table, wanted[table]), wanted), strict=True))
    found = _joined(read, keys, reader)
    found += [_tree(table, read[table].columns[reader.positions(table, trees[table])]) for table in trees]
    return References(found, {table: known.ranks for table, known in read.items()})


def read_partitions(snapshot: Manifest, store: Store) -> dict[str, list[str]]:
    """By partitioned table the tables that it is divided into at last, as `schema.table`."""
    direct: dict[str, list[str]] = defaultdict(list)
    for entry in _contents(snapshot, store):
        if entry.kind == "TABLE ATTACH" and (attached := _ATTACHED.match(entry.sql)):
            whole, part = (_unquoted(attached[name]) for name in ("whole", "part"))
            direct[whole].append(part)

    def leaves(table: str) -> Iterator[str]:
        for part in direct[table]:
            yield from leaves(part) if part in direct else [part]

    return {table: list(leaves(table)) for table in list(direct)}


def _contents(snapshot: Manifest, store: Store) -> list[toc.Entry]:
    [file] = [file for file in snapshot.files if file.name == "toc.dat"]
    return toc.read(b"".join(checked(store, snapshot, file)))


def _unquoted(name: str) -> str:
    """`public."Odd"` without its quotes."""
    return ".".join(part.removeprefix('"').removesuffix('"').replace('""', '"') for part in re.findall(_WORD, name))


class _Reader:
    def __init__(self, snapshot: Manifest, store: Store) -> None:
        self._snapshot = snapshot
        self._store = store
        self._files = {file.table: file for file in snapshot.files if file.table}
        self.tables = {table.qualified: table for table in snapshot.schema_.tables}

    def read(self, name: str, wanted: Collection[str]) -> Keys:
        """The columns `wanted` of a table, and its ranks."""
        table = self.tables[name]
        if not table.copied:  # its rows are all the same
            return Keys(pl.DataFrame(), np.arange(self._files[name].rows or 0, dtype=np.uint64))
        keys = [(position, table.copied[int(position)]) for position in self.positions(name, sorted(wanted))]
        everything = [str(position) for position in range(len(table.copied))]
        is_named = table.primary_key and {column.name for column in table.copied}.issuperset(table.primary_key)
        naming = self.positions(name, table.primary_key) if is_named else everything
        only = {*naming, *(position for position, _ in keys)}
        frames = [pl.DataFrame(schema={position: _type(column) for position, column in keys})]
        ranks = [pl.Series(dtype=pl.UInt64)]
        before = 0
        for block in self._blocks(self._files[name]):
            try:
                fields = copytext.split(block, len(everything))
                raw = pl.DataFrame({position: fields.values(int(position)).series() for position in only})
                ranks.append(raw.select(naming).hash_rows(SEED))
                frames.append(raw.select(_comparable(position, column) for position, column in keys))
            except ValueMalformed as problem:
                row = before + problem.position + 1
                raise ArchiveMalformed(f"Table {name}, row {row:,}: it {problem.what}; strip again.") from None
            except pl.exceptions.PolarsError:  # its message holds values
                raise ArchiveMalformed(f"Table {name}: a key of integers holds something else; strip again.") from None
            before += len(fields)
        return Keys(pl.concat(frames), pl.concat(ranks).to_numpy())

    def positions(self, name: str, columns: Collection[str]) -> list[str]:
        """Where columns stand in their table's file: what they are called in frames, where names could be patterns."""
        copied = [column.name for column in self.tables[name].copied]
        if missing := [column for column in columns if column not in copied]:
            raise SubsetError(
                f"{name}.{missing[0]} is generated and part of a foreign key, and archives do not hold generated "
                "columns: choose roots that this key does not lead to."
            )
        return [str(copied.index(column)) for column in columns]

    def tree_columns(self, name: str) -> list[str]:
        """The columns of a tree of materialised paths (django-treebeard's MP_Node, which Wagtail's pages are): there a
        row needs its ancestors, and no foreign key says so."""
        types = {column.name: _type(column) for column in self.tables[name].copied}
        is_tree = [types.get(name) for name in ("depth", "numchild", "path")] == [pl.Int64, pl.Int64, pl.String]
        return ["depth", "path"] if is_tree else []

    def may_be_broken(self, key: ForeignKey) -> bool:
        """Whether the source never checked a key: it was NOT VALID there, or NOT ENFORCED."""
        return f"{key.table} {key.name}" in self._unchecked

    @cached_property
    def _unchecked(self) -> set[str]:
        return {
            f"{entry.namespace}.{entry.tag}"
            for entry in _contents(self._snapshot, self._store)
            if entry.kind == "FK CONSTRAINT" and ("NOT VALID" in entry.sql or "NOT ENFORCED" in entry.sql)
        }

    def _blocks(self, file: ArchiveFile) -> Iterator[bytes]:
        """The rows of a table, in blocks of whole lines."""
        left = file.rows or 0
        stream = archive.decompress(checked(self._store, self._snapshot, file), file.name)
        for block in archive.blocks_of_lines(stream):
            newlines = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
            rows = min(len(newlines), left)
            left -= rows
            if rows:
                yield block[: newlines[rows - 1] + 1]  # without pg_dump's terminator
        if left:
            raise SnapshotDamaged(f"Table {file.table} has fewer rows than its manifest says: strip again.")


def _type(column: Column) -> pl.DataType:
    return pl.Int64() if (column.base_type or column.type) in _INTEGERS else pl.String()


def _comparable(position: str, column: Column) -> pl.Expr:
    """The values of a key column, as text or numbers that are equal where the server takes them for equal."""
    values = pl.col(position)
    base = column.base_type or column.type
    if base in _INTEGERS:
        return values.cast(pl.Int64)
    if base.startswith("numeric"):
        return values.str.replace(r"\.0*$|(\.\d*?)0+$", "$1")
    if base.startswith("character("):
        return values.str.strip_chars_end(" ")
    return values.str.to_lowercase() if base.endswith("citext") else values


def _joined(read: Mapping[str, Keys], keys: Collection[ForeignKey], reader: _Reader) -> list[Reference]:
    by_columns: dict[tuple[str, ...], list[ForeignKey]] = defaultdict(list)
    for key in keys:
        by_columns[key.table, *key.columns].append(key)
    found = []
    for same in by_columns.values():  # several where it refers to partitions: a row's partner is in one of them
        child = same[0].table
        own = read[child].columns[reader.positions(child, same[0].columns)]
        references = []
        for key in same:
            others = read[key.references].columns[reader.positions(key.references, key.referenced_columns)]
            extends = sorted(key.columns) == sorted(reader.tables[child].primary_key)
            references.append(Reference(child, key.references, _partners(own, others), extends))
        filled = own.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        lost = filled & np.all([each.rows == NOTHING for each in references], axis=0)
        if lost.any() and not any(reader.may_be_broken(key) for key in same):
            raise SubsetError(
                f"{int(lost.sum())} rows of {child} refer by {', '.join(same[0].columns)} to rows that "
                f"{same[0].references} does not seem to have: choose roots that this key does not lead to."
            )
        found += references
    return found


def _tree(table: str, columns: pl.DataFrame) -> Reference:
    """Each row's parent: its path is the row's without the last step, and all steps are equally long."""
    columns.columns = ["depth", "path"]
    path, depth = pl.col("path"), pl.col("depth")
    length = path.str.len_chars()
    above = columns.select(pl.when(depth > 1).then(path.str.head(length - length // depth)))
    return Reference(table, table, _partners(above, columns.select(path)))


def _partners(children: pl.DataFrame, parents: pl.DataFrame) -> RowNumbers:
    """For each row the number of the row that equals it, or NOTHING: also where any of its fields is null."""
    names = [str(number) for number in range(children.width)]
    children, parents = (pl.DataFrame(frame.get_columns(), schema=names) for frame in (children, parents))
    mixed = [name for name in names if children[name].dtype != parents[name].dtype]
    children, parents = (frame.with_columns(pl.col(mixed).cast(pl.String)) for frame in (children, parents))
    numbered = parents.with_row_index("row").unique(names, keep="first")
    joined = children.join(numbered, on=names, how="left", maintain_order="left")
    return joined["row"].cast(pl.Int64).fill_null(NOTHING).to_numpy()
