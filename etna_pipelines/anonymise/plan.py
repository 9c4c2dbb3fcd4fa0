"""The plan: rules compiled against a snapshot's schema, before any data is read. Whatever is not covered stops here."""

import re
from dataclasses import dataclass

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import holds_no_text
from etna_pipelines.anonymise.conditions import Condition
from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.rules import Rule, Rules
from etna_pipelines.anonymise.suggestions import suggest
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, Table


@dataclass(frozen=True)
class ColumnPlan:
    """A column that is changed: where it stands in the table's file, and its mask."""

    position: int
    column: Column
    spec: MaskSpec
    origin: str
    condition: Condition | None = None
    """Where it does not hold, the original stays."""


@dataclass(frozen=True)
class TablePlan:
    """What becomes of a table: emptied, changed in `columns`, or passed as it is where there are none."""

    table: Table
    empty: bool
    columns: list[ColumnPlan]
    rows: Condition | None = None
    """Where it does not hold, the row goes."""


@dataclass(frozen=True)
class Plan:
    tables: dict[str, TablePlan]
    public: Public

    @property
    def scrubs(self) -> bool:
        return any(column.spec.name == "scrub" for table in self.tables.values() for column in table.columns)


def compile_plan(rules: Rules, schema: DatabaseSchema) -> Plan:
    """Raises RulesError that lists everything which the rules leave open or which does not fit the schema."""
    _refuse_unsupported(schema)
    _refuse_unknown_names(rules, schema)
    tables = {table.qualified: _table_plan(rules, table) for table in schema.tables}
    _refuse_uncovered(rules, list(tables.values()))
    _refuse_misfits(tables, schema)
    return Plan(tables, rules.public)


def _table_plan(rules: Rules, table: Table) -> TablePlan:
    if rules.is_empty(table.qualified):
        return TablePlan(table, True, [])
    columns = []
    for position, column in enumerate(table.copied):
        rule = rule_for(rules, table, column)
        if rule is not None and rule.spec.name != "keep":
            columns.append(ColumnPlan(position, column, rule.spec, rule.origin))
    return TablePlan(table, False, columns)


def rule_for(rules: Rules, table: Table, column: Column) -> Rule | None:
    """A pattern keeps what can't hold text: a new `passport_id text` is no key, and wants a rule of its own."""
    rule = rules.for_column(table.qualified, column.name)
    kept_by_pattern = rule is not None and rule.by_pattern and rule.spec.name == "keep"
    return None if kept_by_pattern and not holds_no_text(column) else rule


def _refuse_unsupported(schema: DatabaseSchema) -> None:
    if schema.unsupported:
        raise RulesError(
            f"The snapshot holds what no rule can name yet, {', '.join(schema.unsupported)}: "
            "remove it from production or keep it in a database of its own."
        )


def _refuse_unknown_names(rules: Rules, schema: DatabaseSchema) -> None:
    known = {table.qualified: {column.name for column in table.columns} for table in schema.tables}
    unknown = []
    for table, column, origin in rules.named():
        if table not in known:
            if column is None:
                unknown.append(f"table {table} ({origin})")
        elif column is not None and column not in known[table]:
            unknown.append(f"column {table}.{column} ({origin})")
    if unknown:
        raise RulesError(f"Rules for what the database does not have: {'; '.join(unknown)}. Remove or correct them.")


def _refuse_uncovered(rules: Rules, plans: list[TablePlan]) -> None:
    uncovered = [
        (plan.table, column)
        for plan in plans
        if not plan.empty
        for column in plan.table.copied
        if rule_for(rules, plan.table, column) is None
    ]
    if uncovered:
        listed = "; ".join(f"{table.qualified}.{column.name} (try `{suggest(column)}`)" for table, column in uncovered)
        raise RulesError(
            f"{len(uncovered)} column{'s have' if len(uncovered) > 1 else ' has'} no rule in {rules.path.name}: "
            f"{listed}. "
            "Add a rule for each; nothing was stripped."
        )


def _refuse_misfits(tables: dict[str, TablePlan], schema: DatabaseSchema) -> None:
    problems = [
        f"{plan.table.qualified}.{planned.column.name} ({planned.origin}): {why}"
        for plan in tables.values()
        for planned in plan.columns
        if (why := masks.misfit(planned.spec, planned.column, is_unique(plan.table, planned.column.name)))
    ]
    specs = {
        (plan.table.qualified, planned.column.name): str(planned.spec)
        for plan in tables.values()
        for planned in plan.columns
    }
    for key in schema.foreign_keys:
        for column, referenced in zip(key.columns, key.referenced_columns, strict=True):
            ends = specs.get((key.table, column)), specs.get((key.references, referenced))
            emptied = any(name in tables and tables[name].empty for name in (key.table, key.references))
            if ends[0] not in (ends[1], "null") and not emptied:
                problems.append(
                    f"{key.table}.{column} and {key.references}.{referenced}: a foreign key joins them and their masks "
                    f"differ ({ends[0] or 'keep'}, {ends[1] or 'keep'}): give both the same"
                )
    problems += _orphans(tables, schema)
    if problems:
        raise RulesError(f"Rules that do not fit the schema: {'; '.join(problems)}.")


def _orphans(tables: dict[str, TablePlan], schema: DatabaseSchema) -> list[str]:
    """Emptied tables that rows of other tables still refer to: the archive could not be restored."""
    problems = []
    for key in schema.foreign_keys:
        referencing, referenced = tables.get(key.table), tables.get(key.references)
        if not referencing or not referenced or referencing.empty or not referenced.empty or not referencing.table.rows:
            continue
        nulled = {planned.column.name for planned in referencing.columns if planned.spec.name == "null"}
        if not nulled.intersection(key.columns):
            problems.append(
                f"{key.references} is emptied and {key.table}.{', '.join(key.columns)} refers to it: "
                f"empty {key.table} too, or make the column null"
            )
    return problems


def is_unique(table: Table, column: str) -> bool:
    """Whether a key of the table names the column, alone or with others."""
    word = re.compile(rf"(?<!\w){re.escape(column)}(?!\w)")
    return any(word.search(part) for key in (table.primary_key, *table.uniques) for part in key)
