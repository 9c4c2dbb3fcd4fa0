"""The resolved matrix: what becomes of every column of a database, and which rule says so."""

from dataclasses import asdict, dataclass

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.plan import compile_plan, is_unique, rule_for
from etna_pipelines.anonymise.rules import Rule, Rules
from etna_pipelines.anonymise.suggestions import suggest
from etna_pipelines.errors import RulesError
from etna_pipelines.snapshots.manifest import Column, DatabaseSchema, Table


@dataclass(frozen=True)
class Line:
    """One column, or a table that is emptied or left out: then `column` is `*`."""

    table: str
    column: str
    type: str = ""
    mask: str = ""
    """As rules write it; empty where no rule names the column."""
    rule: str = ""
    """Where the rule stands: `etna.yaml, line 12`, by a pattern or by the table's name."""
    uniqueness: str = ""
    """`preserved`, `likely` or `lossy`; and whether the column has to be unique."""
    cost: str = ""

    def told(self) -> dict[str, str]:
        return asdict(self)


def matrix(rules: Rules, schema: DatabaseSchema) -> list[Line]:
    """What becomes of every column that an archive holds, in the schema's order."""
    return [line for table in schema.tables for line in _lines(rules, table)]


def problems(rules: Rules, schema: DatabaseSchema) -> list[str]:
    """What the strip would refuse, one sentence each; nothing where it would begin."""
    try:
        compile_plan(rules, schema)
    except RulesError as problem:
        return [str(problem)]
    return []


def _lines(rules: Rules, table: Table) -> list[Line]:
    data = rules.data(table.qualified)
    if data != "keep":
        return [Line(table.qualified, "*", mask=data)]
    return [_line(rules, table, column) for column in table.copied]


def _line(rules: Rules, table: Table, column: Column) -> Line:
    rule = rule_for(rules, table, column)
    if rule is None:
        said = f"none: try `{suggest(column, is_unique(table, column.name))}`"
        return Line(table.qualified, column.name, column.type, rule=said)
    needed = ", needed" if is_unique(table, column.name) else ""
    return Line(
        table.qualified,
        column.name,
        column.type,
        str(rule.spec) + "".join(f" {word} {condition}" for word, condition in _conditions(rule) if condition),
        rule.origin + (", a pattern" if rule.by_pattern else ""),
        masks.uniqueness(rule.spec) + needed,
        masks.KINDS[rule.spec.name].cost,
    )


def _conditions(rule: Rule) -> list[tuple[str, str | None]]:
    return [("when", rule.when), ("unless", rule.unless)]
