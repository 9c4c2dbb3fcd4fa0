"""CHECK constraints on masked columns: met for sure, or refused before anything is loaded."""

import re
from collections.abc import Iterator

import polars as pl

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.plan.planned import ColumnPlan, TablePlan
from etna_pipelines.anonymise.plan.unique_keys import made_from
from etna_pipelines.anonymise.rules.conditions import condition
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Check, Table

_ATOM = r"""\(*\s*(?:"{name}"|{name})\)*(?:::[\w ]+)?\)*\s+(?:IS\s+(?:NOT\s+)?NULL|<>\s+''(?:::[\w ]+)?)\s*\)*"""
_ABSENCE_MATTERS = re.compile(r"\bNULL\b|coalesce|concat|num_n|\bCASE\b|\bDISTINCT\b", re.I)
_TEXT_CAST = re.compile(r"('(?:[^']|'')*')::(?:text|character varying|bpchar)(?!\w|\[)")
# Masks that may make an empty text of one that is not.
_MAY_EMPTY = ("default", "set", "copy", "null", "map", "replace", "scrub", "call", "pick", "text", "each")


def misfits(plan: TablePlan, planned: ColumnPlan) -> Iterator[str]:
    """Why masked values may break a CHECK constraint of the table or of the column's domain, with what would fit."""
    if planned.checked:
        return
    made = set(made_from(plan.table, planned.column.name))
    for check in plan.table.checks:
        own = planned.column.name in check.columns and not _is_met(check, plan, planned)
        if own or not made.isdisjoint(check.columns):
            yield (
                f"`{planned.spec}` may make what CHECK constraint {check.name} refuses: use null, set(...) or "
                "pick(...) with values that it takes, or write `checked: true` beside the mask if all masked values do"
            )


def is_about_absence(sql: str, column: str) -> bool:
    """Whether the SQL asks of the column only whether it is NULL or empty."""
    atom = re.compile(_ATOM.format(name=re.escape(column)), re.I)
    said = [part for part in re.split(r"\s+AND\s+", sql) if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", part)]
    return all(atom.fullmatch(part.strip()) for part in said)


def _is_met(check: Check, plan: TablePlan, planned: ColumnPlan) -> bool:
    name, spec = planned.column.name, planned.spec
    sql = re.sub(r"\bVALUE\b", f'"{name}"', check.sql.removeprefix("CHECK ").removesuffix(" NOT VALID"))
    if spec.name == "shuffle" and check.columns == [name]:
        return True  # the column's own values meet it
    if masks.KINDS[spec.name].empties == "stay" and is_about_absence(sql, name):
        return spec.name not in _MAY_EMPTY or "''" not in sql
    made = _constants(planned)
    if made is not None and check.columns == [name] and (truth := _truth(sql, plan.table, name, made)) is not None:
        return bool(truth.fill_null(True).all())  # what is unknown is no violation
    return spec.name == "null" and not _ABSENCE_MATTERS.search(sql)


def _constants(planned: ColumnPlan) -> list[str | None] | None:
    """All that the mask can make, where that is known."""
    spec = planned.spec
    if spec.name == "null":
        return [None]
    if spec.name in ("set", "pick"):
        return list(spec.arguments)
    return None


def _truth(sql: str, table: Table, column: str, values: list[str | None]) -> pl.Series | None:
    """What the constraint says of values, or None where Polars can't tell."""
    try:
        return condition(_TEXT_CAST.sub(r"\1", sql), table).truth({column: pl.Series(values, dtype=pl.String)})
    except RulesError:
        return None
