"""The resolved matrix: what becomes of every column of a database, and which rule says so."""

from dataclasses import asdict, dataclass

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.help.suggestions import suggest
from etna_pipelines.anonymise.masks import MaskSpec
from etna_pipelines.anonymise.plan.plan import is_unique, rule_for
from etna_pipelines.anonymise.rules.rules import Rule, Rules
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, Table


@dataclass(frozen=True)
class Line:
    """One column, or a table that is emptied or left out: then `column` is `*`."""

    table: str
    column: str
    type: str = ""
    mask: str = ""
    """As it may be shown; empty where no rule names the column."""
    rule: str = ""
    """Where the rule stands: `etna.yaml, line 12`, by a pattern or by the table's name."""
    uniqueness: str = ""
    """`preserved`, `likely` or `lossy`; and whether the column has to be unique."""
    cost: str = ""

    def told(self) -> dict[str, str]:
        return asdict(self)


def matrix(rules: Rules, schema: DatabaseSchema) -> list[Line]:
    """What becomes of every column that an archive holds, in the schema's order."""
    rules = rules.on(schema)
    return [line for table in schema.tables for line in _lines(rules, table)]


def _lines(rules: Rules, table: Table) -> list[Line]:
    data = rules.data(table.qualified)
    if data != "keep":
        return [Line(table.qualified, "*", mask=data)]
    return [_line(rules, table, column) for column in table.copied]


def _line(rules: Rules, table: Table, column: Column) -> Line:
    rule, unlisted = rule_for(rules, table, column), rules.unlisted
    if rule is not None:
        where = rule.origin + (", a pattern" if rule.by_pattern else "")
        return _resolved(table, column, rule.spec, _conditions(rule), where)
    if unlisted.value in ("keep", "null"):
        return _resolved(table, column, masks.parse(unlisted.value), "", f"{unlisted.origin}, unlisted")
    said = f"none: try `{suggest(column, is_unique(table, column.name))}`"
    return Line(table.qualified, column.name, column.type, rule=said)


def _resolved(table: Table, column: Column, spec: MaskSpec, conditions: str, rule: str) -> Line:
    needed = ", needed" if is_unique(table, column.name) else ""
    uniqueness, cost = masks.uniqueness(spec) + needed, masks.KINDS[spec.name].cost
    return Line(table.qualified, column.name, column.type, f"{spec.shown}{conditions}", rule, uniqueness, cost)


def _conditions(rule: Rule) -> str:
    said = (("when", rule.when), ("unless", rule.unless))
    return "".join(f" {word} {condition}" for word, condition in said if condition)
