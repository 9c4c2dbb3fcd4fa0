"""Lint: which rules can't work on a schema, found before any data is read. Each problem says what would fit."""

import re
from collections.abc import Iterator, Mapping

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, is_textual
from etna_pipelines.anonymise.masks.inside import within
from etna_pipelines.anonymise.plan import checks, references
from etna_pipelines.anonymise.plan.planned import ColumnPlan, TablePlan
from etna_pipelines.anonymise.plan.unique_keys import folded, is_unique, keys, made_from, names, plain
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, Table
from etna_pipelines.yaml_file import did_you_mean

_NEVER_AN_ORIGINAL = ("null", "email", "hash", "password", "token", "fake")
"""Masks whose pseudonyms no original equals: beside them a unique column may keep some of its values."""

_TURNS_ROUND = re.compile(r"\bIS NULL|\bNOT\b(?! NULL)", re.I)
"""SQL that can become true because something becomes NULL."""

_MEETS_NULL = ("coalesce", "case", "concat", "is null", "is not null")
"""SQL that makes something of NULL."""


def misfits(tables: Mapping[str, TablePlan], schema: DatabaseSchema) -> list[str]:
    """What can't work, as `schema.table.column (file, line): why`."""
    found = []
    for plan in tables.values():
        for planned in plan.columns:
            where = f"{plan.table.qualified}.{planned.column.name} ({planned.origin})"
            found += [f"{where}: {why}" for why in _of_column(plan, planned)]
        found += [f"{plan.table.qualified}: {why}" for why in _of_predicates(plan)]
    return [*found, *references.misfits(tables, schema)]


def _of_column(plan: TablePlan, planned: ColumnPlan) -> Iterator[str]:
    column, spec, table = planned.column, planned.spec, plan.table
    tells_apart = [key for key in keys(table) if any(names(part, column.name) for part in key)]
    tells_apart = [key for key in tells_apart if not _apart_by_less(plan, key)]
    if why := masks.misfit(spec, column, bool(tells_apart)):
        yield why
    if tells_apart:
        yield from _of_unique(table, planned, tells_apart)
    yield from _of_what_it_reads(plan, planned)
    if any(names(part, column.name) for key in table.exclusions for part in plain(table, key)) and spec.name != "null":
        yield (
            f"`{spec.shown}` may make rows collide in an exclusion constraint: keep it, make it null, or empty the "
            "table"
        )
    if any(names(part, column.name) for part in table.partition_key):
        yield f"`{spec.shown}` may move a row out of its partition, which would not load: keep it, or empty the table"
    yield from checks.misfits(plan, planned)


def _apart_by_less(plan: TablePlan, key: list[str]) -> bool:
    """Whether another key's columns, part of this one's, keep the rows apart whatever becomes of the others."""
    of_some_rows = [partial.columns for partial in plan.table.partial]
    return any(
        set(less) < set(key)
        and less not in of_some_rows
        and not any(
            names(part, planned.column.name) and masks.uniqueness(planned.spec) == "lossy"
            for part in less
            for planned in plan.columns
        )
        for less in keys(plan.table)
    )


def _of_unique(table: Table, planned: ColumnPlan, tells_apart: list[list[str]]) -> Iterator[str]:
    name, spec = planned.column.name, planned.spec
    parts = [part for key in tells_apart for part in key if names(part, name)]
    for part in parts:
        if folded(part) != name and (spec.name != "null" or any(word in part.lower() for word in _MEETS_NULL)):
            yield (
                f"`{spec.shown}` may make two rows equal in the unique index on {part}: keep the column or empty the "
                "table"
            )
    if spec.name == "null" and any(name in map(folded, key) for key in table.nulls_equal):
        yield "`null` makes rows equal in a unique index with NULLS NOT DISTINCT: use hash or empty the table"
    if planned.condition is not None and not (
        spec.name in _NEVER_AN_ORIGINAL and (is_textual(planned.column) or spec.name == "null")
    ):
        yield f"`{spec.shown}` may make what another row keeps, and the column is unique: take `when` and `unless` out"


def _of_what_it_reads(plan: TablePlan, planned: ColumnPlan) -> Iterator[str]:
    known = [column.name for column in plan.table.copied]
    for spec in within(planned.spec):
        for name in masks.KINDS[spec.name].reads(spec):
            if name not in known:
                yield f"`{spec.shown}` reads `{name}`, which the table lacks: {did_you_mean(name, known)}"
    if _copies_itself(plan, planned):
        yield f"`{planned.spec}` copies in a circle: give one of those columns a mask of its own"
    elif planned.spec.name == "copy" and planned.spec.arguments[0] in known:
        yield from _of_copied(plan, planned, plan.table.copied[known.index(planned.spec.arguments[0])])


def _of_copied(plan: TablePlan, planned: ColumnPlan, source: Column) -> Iterator[str]:
    """A copy has to fit where it goes, as if the source's own mask stood there."""
    column, spec, masked = planned.column, planned.spec, plan.masked.get(source.name)
    kinds = ["text" if is_textual(each) else base_type(each) for each in (column, source)]
    if kinds[0] != kinds[1]:
        yield f"`{spec.shown}` copies {kinds[1]} into {kinds[0]}: copy a column of the same type"
    if column.not_null and (not source.not_null or (masked and masked.spec.name == "null")):
        yield f"`{spec.shown}` may copy NULL into a NOT NULL column: copy a column that has none"
    if masked and is_unique(plan.table, column.name) and masks.uniqueness(masked.spec) == "lossy":
        yield (
            f"`{spec.shown}` copies what `{masked.spec.shown}` makes, which can give two rows the same value: use hash "
            "or token"
        )


def _copies_itself(plan: TablePlan, planned: ColumnPlan) -> bool:
    seen: set[str] = set()
    current: ColumnPlan | None = planned
    while current is not None and current.spec.name == "copy" and current.column.name not in seen:
        seen.add(current.column.name)
        current = plan.masked.get(current.spec.arguments[0])
    return current is planned and bool(seen)


def _of_predicates(plan: TablePlan) -> Iterator[str]:
    """A unique index on some rows alone is safe where masks leave those rows, or fewer, in it."""
    for partial in plan.table.partial:
        for planned in plan.columns:
            name = planned.column.name
            anew = any(names(partial.where, made) for made in made_from(plan.table, name))
            if anew or (names(partial.where, name) and not _lets_none_in(partial.where, planned)):
                yield (
                    f"{name} ({planned.origin}): `{planned.spec}` may bring rows into an index that "
                    f"keeps some rows apart, those with {partial.where}: keep the column or empty the table"
                )


def _lets_none_in(predicate: str, planned: ColumnPlan) -> bool:
    """Whether a row for which the predicate is not true surely stays one."""
    if not checks.is_about_absence(predicate, planned.column.name):
        return False
    if planned.spec.name == "null":
        return not _TURNS_ROUND.search(predicate)
    return masks.KINDS[planned.spec.name].empties == "stay"
