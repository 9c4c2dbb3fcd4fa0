"""The plan: rules compiled against a snapshot's schema, before any data is read. Whatever is not covered stops here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import holds_no_text
from etna_pipelines.anonymise.help.suggestions import suggest
from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.plan import lint
from etna_pipelines.anonymise.plan.planned import ColumnPlan, Plan, TablePlan
from etna_pipelines.anonymise.plan.unique_keys import is_unique
from etna_pipelines.anonymise.rules.conditions import Condition, condition, exception
from etna_pipelines.anonymise.rules.rules import Rule, Rules
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.leaving_out import LeftOut
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, Table

__all__ = ["ColumnPlan", "Plan", "TablePlan", "compile_plan", "is_unique", "problems", "rule_for"]


def compile_plan(rules: Rules, schema: DatabaseSchema) -> Plan:
    """Raises RulesError that lists everything which the rules leave open or which does not fit the schema."""
    draft = _Draft(rules.on(schema), schema)
    plan = draft.plan()
    if draft.problems:
        raise RulesError(" ".join(draft.problems))
    return plan


def problems(rules: Rules, schema: DatabaseSchema) -> list[str]:
    """All that compile_plan() refuses, one sentence each: nothing where the strip could begin."""
    draft = _Draft(rules.on(schema), schema)
    draft.plan()
    return draft.problems


def rule_for(rules: Rules, table: Table, column: Column) -> Rule | None:
    """The rule that names a column, or None. A pattern keeps what can't hold text alone: a new `passport_id text` is
    no key, and wants a rule of its own."""
    rule = rules.for_column(table.qualified, column.name)
    kept_by_pattern = rule is not None and rule.by_pattern and rule.spec.name == "keep"
    return None if kept_by_pattern and not holds_no_text(column) else rule


@dataclass
class _Draft:
    """A plan in the making, and what stands against it."""

    rules: Rules
    schema: DatabaseSchema
    problems: list[str] = field(default_factory=list)
    _misfits: list[str] = field(default_factory=list)
    _unlisted: list[tuple[Table, Column]] = field(default_factory=list)

    def plan(self) -> Plan:
        self._check_unsupported()
        self._check_names()
        tables = {table.qualified: self._table(table) for table in self.schema.tables}
        kept = self._check_unlisted()
        self._misfits += lint.misfits(tables, self.schema)
        if self._misfits:
            self.problems.append(f"Rules that do not fit the schema: {'; '.join(self._misfits)}.")
        skipped = [plan.table for plan in tables.values() if plan.skip]
        return Plan(tables, self.rules.public, kept, LeftOut(skipped, self._without_large_objects))

    @property
    def _without_large_objects(self) -> bool:
        return self.rules.large_objects.value == "skip"

    def _table(self, table: Table) -> TablePlan:
        data = self.rules.data(table.qualified)
        if data != "keep":
            return TablePlan(table, data == "empty", [], skip=data == "skip")
        columns = [
            ColumnPlan(
                position,
                column,
                self._spec(table, column, rule),
                rule.origin,
                self._condition(table, column, rule),
                rule.checked,
            )
            for position, column in enumerate(table.copied)
            if (rule := self._rule(table, column)) is not None and not rule.spec.keeps
        ]
        self._check_generated(table)
        return TablePlan(table, False, columns, self._rows(table))

    def _rule(self, table: Table, column: Column) -> Rule | None:
        rule = rule_for(self.rules, table, column)
        if rule is None and self.rules.unlisted.value == "null":
            return Rule(MaskSpec("null"), f"`unlisted`, {self.rules.unlisted.origin}")
        if rule is None:
            self._unlisted.append((table, column))
        return rule

    def _spec(self, table: Table, column: Column, rule: Rule) -> MaskSpec:
        """The rule's mask; for both ends of a foreign key, as for any key, one that tells all originals apart."""
        refers = (table.qualified, column.name) in self._referring
        return masks.kept_apart(rule.spec) if refers or is_unique(table, column.name) else rule.spec

    @cached_property
    def _referring(self) -> set[tuple[str, str]]:
        return {(key.table, column) for key in self.schema.foreign_keys for column in key.columns}

    def _condition(self, table: Table, column: Column, rule: Rule) -> Condition | None:
        try:
            return exception(rule.when, rule.unless, table)
        except RulesError as problem:
            self._misfits.append(f"{table.qualified}.{column.name} ({rule.origin}): {problem}")
            return None

    def _rows(self, table: Table) -> Condition | None:
        said = self.rules.rows(table.qualified)
        try:
            return condition(said.value, table) if said else None
        except RulesError as problem:
            self._misfits.append(f"{table.qualified} ({said.origin if said else ''}): {problem}")
            return None

    def _check_unsupported(self) -> None:
        unsupported = LeftOut([], self._without_large_objects).schema(self.schema).unsupported
        if unsupported:
            self.problems.append(
                f"The snapshot holds what no rule can name yet, {', '.join(unsupported)}: "
                "remove it from production or keep it in a database of its own."
            )

    def _check_names(self) -> None:
        known: dict[str, set[str]] = {}
        for each in self.schema.tables:
            for name in (each.qualified, *each.partition_of):
                known.setdefault(name, set()).update(column.name for column in each.columns)
        unknown = []
        for table, column, origin in self.rules.named():
            if table not in known:
                if column is None:
                    unknown.append(f"table {table} ({origin})")
            elif column is not None and column not in known[table]:
                unknown.append(f"column {table}.{column} ({origin})")
        if unknown:
            self.problems.append(
                f"Rules for what the database does not have: {'; '.join(unknown)}. Remove or correct them."
            )

    def _check_generated(self, table: Table) -> None:
        for column in table.columns:
            rule = self.rules.for_column(table.qualified, column.name) if column.generated else None
            if rule is not None and not rule.by_pattern and not rule.spec.keeps:
                self._misfits.append(
                    f"{table.qualified}.{column.name} ({rule.origin}): it is made from other columns whenever a row "
                    "is stored: mask those, and take this rule out"
                )

    def _check_unlisted(self) -> list[str]:
        """The columns without a rule, where they are kept."""
        if self.rules.unlisted.value == "keep":
            return [f"{table.qualified}.{column.name}" for table, column in self._unlisted]
        if self._unlisted:
            count = len(self._unlisted)
            self.problems.append(
                f"{count} column{'s have' if count > 1 else ' has'} no rule in {self.rules.path.name}: "
                f"{'; '.join(self._suggested())}. Add a rule for each; nothing was stripped."
            )
        return []

    def _suggested(self) -> Iterator[str]:
        for table, column in self._unlisted:
            yield f"{table.qualified}.{column.name} (try `{suggest(column)}`)"
