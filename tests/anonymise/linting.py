"""What the tests of lint share: rules for a small schema, and what stands against them."""

from pathlib import Path

from etna_pipelines.anonymise.plan.plan import problems
from etna_pipelines.snapshots.manifest import ForeignKey, Table
from tests.anonymise.nights import column, schema, table, written_rules


def found(tmp_path: Path, columns: str, *tables: Table, foreign_keys: tuple[ForeignKey, ...] = ()) -> str:
    """What stands against masks for columns, given by name for all tables; everything else is kept."""
    text = f"unlisted: keep\ncolumns: {{{columns}}}\n"
    return " ".join(problems(written_rules(tmp_path, text), schema(*tables, foreign_keys=foreign_keys)))


def person(*uniques: list[str], **facts: object) -> Table:
    """A table with a primary key, an e-mail address and a name."""
    columns = (column("id", "bigint", not_null=True), "email", "name", column("site", "integer"))
    return table("person", *columns, primary_key=["id"], uniques=list(uniques)).model_copy(update=facts)
