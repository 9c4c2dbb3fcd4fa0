"""Advice written as a rules file: one line a column, and behind it why."""

from collections.abc import Iterator

import yaml

from etna_pipelines.anonymise.help.advice import TableAdvice


def as_rules(advice: list[TableAdvice]) -> str:
    """A rules file that says what the advice says, to be read by people first. It holds no value of any row."""
    lines = [line for table in advice for line in _table_lines(table)]
    return "\n".join(["tables:" if lines else "tables: {}", *lines]) + "\n"


def summary(advice: list[TableAdvice]) -> str:
    """How much the advice is about, in a sentence."""
    columns = [advised for table in advice for advised in table.columns.values()]
    sensitive = sum(advised.sensitive for advised in columns)
    emptied = sum(table.empty is not None for table in advice)
    if not advice:
        return "Every column has a rule."
    return f"{sensitive} of {len(columns)} columns may hold personal data; {emptied} tables had better be empty."


def _table_lines(advice: TableAdvice) -> Iterator[str]:
    yield f"  {_plain(advice.table.qualified.removeprefix('public.'))}:"
    if advice.empty:
        yield f"    data: empty  # {_in_one_line(advice.empty)}"
        return
    yield "    columns:"
    for name, advised in advice.columns.items():
        doubt = "; no mask fits: empty the table, or keep it and say why" if advised.unfit else ""
        yield f"      {_plain(name)}: {advised.mask}  # {_in_one_line(advised.why)}{doubt}"


def _plain(name: str) -> str:
    """The name as YAML reads it back: `yes`, `null` and the like in quotes."""
    written = yaml.safe_dump(name, default_flow_style=True, allow_unicode=True, width=10_000)
    return written.removesuffix("\n").removesuffix("\n...")


def _in_one_line(why: str) -> str:
    """A comment ends where its line does, and a name may hold anything."""
    return " ".join(why.split())
