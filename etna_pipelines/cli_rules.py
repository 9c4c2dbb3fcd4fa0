"""`etna rules ...`: help to write the anonymisation rules, for people. What it does is elsewhere; here it is shown."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from etna_pipelines import terminal
from etna_pipelines.errors import RulesError
from etna_pipelines.settings import Settings, load
from etna_pipelines.terminal import console

if TYPE_CHECKING:
    from etna_pipelines.anonymise.rules.rules import Rules
    from etna_pipelines.snapshots.catalogue import Catalogue
    from etna_pipelines.snapshots.manifest import Manifest, Table

app = typer.Typer(help="Help to write the anonymisation rules.", no_args_is_help=True)

NO_SNAPSHOT = "There is no full snapshot yet: only the files were checked; run the job `nightly`, then check again."

LONGEST = 60
"""Characters of a value that a preview shows."""

OnlyTable = Annotated[str, typer.Option("--table", help="One table only: auth_user, or archive.letters.")]


@app.command()
def check(
    only: OnlyTable = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What becomes of every column, which rule says so, and what the strip would refuse (then exit code 1)."""
    from etna_pipelines.anonymise.help.matrix import matrix
    from etna_pipelines.anonymise.plan.plan import problems

    settings = load()
    rules = _rules(settings)
    full = _catalogue(settings).newest("full")
    if full is None:
        print(json.dumps({"columns": [], "problems": []}) if as_json else NO_SNAPSHOT)
        return
    lines = matrix(rules, full.schema_)
    if only:
        name = _table(full, only).qualified
        lines = [line for line in lines if line.table == name]
    refused = problems(rules, full.schema_)
    if as_json:
        print(json.dumps({"columns": [line.told() for line in lines], "problems": refused}, indent=1))
    else:
        shown = terminal.table("table", "column", "type", "mask", "rule", "unique", "cost")
        for line in lines:
            shown.add_row(*map(escape, line.told().values()))
        terminal.show(shown)
        for problem in refused:
            print(problem, file=sys.stderr)
    if refused:
        raise typer.Exit(1)


@app.command()
def suggest(
    write: Annotated[Path | None, typer.Option(help="A new file for the lines, instead of the terminal.")] = None,
) -> None:
    """Ready lines for every column that no rule names, each with its reason, from the newest full snapshot."""
    from etna_pipelines.anonymise.help.advice import advise
    from etna_pipelines.anonymise.help.rule_lines import as_rules, summary
    from etna_pipelines.anonymise.help.sampling import spread

    settings = load()
    rules = _rules(settings) if settings.rules.exists() else None
    full, store = _newest_full(settings), settings.open_store()
    advice = advise(full.schema_, lambda table: spread(full, store, table), rules)
    if write:
        _write_new(write, as_rules(advice))
    elif advice:
        print(as_rules(advice), end="")
    print(summary(advice), file=sys.stderr)


@app.command()
def preview(
    table: Annotated[str, typer.Argument(help="For example: auth_user, or archive.letters")],
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many of its first rows.")] = 5,
    originals: Annotated[bool, typer.Option("--originals", help="Also production's; on a terminal only.")] = False,
) -> None:
    """What the rules make of a table's first rows, in the newest full snapshot. Nothing is written anywhere."""
    from etna_pipelines.anonymise.help.preview import preview

    if originals and not sys.stdout.isatty():
        raise RulesError("Originals are shown on a terminal only, and this is none: leave --originals out.")
    settings = load()
    rules, full = _rules(settings), _newest_full(settings)
    found = preview(full, settings.open_store(), rules, _table(full, table), rows, masking_key=settings.masking_key())
    if not found.masks:
        console.print(f"Every column of {table} stays as it is.")
        return
    shown = terminal.table("row", "column", "mask", *(["before"] if originals else []), "after")
    for number, (before, after) in enumerate(found.rows()):
        for column, mask in found.masks.items():
            values = [*([before.get(column)] if originals else []), after[column]]
            shown.add_row(str(number + 1), escape(column), escape(mask), *map(_value, values))
    terminal.show(shown)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The id of a stripped snapshot.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The id of another.")],
) -> None:
    """What a change of rules does: masks, rows and values that differ between two stripped snapshots, as counts."""
    from etna_pipelines.anonymise.help.differences import compare

    settings = load()
    catalogue = _catalogue(settings)
    found = compare(catalogue.read("stripped", before), catalogue.read("stripped", after), catalogue.store)
    if not found.same_source:
        print("They are of two full snapshots: what production changed between them counts too.", file=sys.stderr)
    if not found.same_key:
        print("They were made with two keys: every pseudonym differs.", file=sys.stderr)
    if not found.changes and not found.tables:
        print("They are the same.")
        return
    if found.changes:
        shown = terminal.table("table", "column", "mask in A", "mask in B")
        for change in found.changes:
            shown.add_row(*map(escape, (change.table, change.column, change.before, change.after)))
        terminal.show(shown)
        print()
    shown = terminal.table(
        "table", "rows in A", "in B", "only in A", "only in B", "compared", "column", "values that differ"
    )
    for table in found.tables:
        counts = [*table.rows, *table.only, table.compared]
        share = "" if table.share == 1 else f", {table.share:.1%} of all"
        cells = [escape(table.table), *(f"{count:,}" for count in counts[:-1]), f"{counts[-1]:,}{share}"]
        for column, count in table.columns.items() or [("", 0)]:
            shown.add_row(*cells, escape(column), f"{count:,}" if column else "")
            cells = [""] * len(cells)
    terminal.show(shown)


@app.command()
def schema() -> None:
    """The JSON Schema of rules files, for editors that complete and check."""
    from etna_pipelines.anonymise.rules.rules_file import json_schema

    print(json.dumps(json_schema(), indent=1))


@app.command()
def allow() -> None:
    """A line for `public: hashes` that allows a value without naming it. The value is asked for, or read from stdin."""
    from etna_pipelines.anonymise.public import hash_of

    value = typer.prompt("The value (it is not shown)", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    if not value.strip():
        raise RulesError("There is no value to allow: type one, or send it to `etna rules allow` through a pipe.")
    print(hash_of(value))


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise RulesError(
            f"{path} is there already: name a new file, and take over from it what you agree with."
        ) from None
    except OSError as error:
        raise RulesError(f"{path} cannot be written ({error.strerror}): name another file.") from None


def _rules(settings: Settings) -> "Rules":
    from etna_pipelines.anonymise.rules import rules  # here and below: what compiles kernels takes a second to import

    return rules.load(settings.rules)


def _catalogue(settings: Settings) -> "Catalogue":
    from etna_pipelines.snapshots.catalogue import Catalogue

    return Catalogue(settings.open_store(), settings.signing_keys())


def _newest_full(settings: Settings) -> "Manifest":
    from etna_pipelines.steps import Steps

    return Steps(settings, settings.open_store()).newest("full")


def _table(snapshot: "Manifest", name: str) -> "Table":
    found = snapshot.schema_.table(name) or snapshot.schema_.table(f"public.{name}")
    if found is None:
        raise RulesError(f"Snapshot {snapshot.id} has no table {name}: `etna rules check` lists those that it has.")
    return found


def _value(value: str | None) -> str:
    """A value in a cell: in one line, without what would steer a terminal, and not all of a long one."""
    if value is None:
        return "[dim]NULL"
    shown = "".join(letter if letter.isprintable() else "·" for letter in value[:LONGEST])
    return escape(shown) + (f"[dim]… {len(value):,} characters" if len(value) > LONGEST else "")
