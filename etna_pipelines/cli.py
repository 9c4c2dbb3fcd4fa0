"""`etna ...`: for people. Every command calls a function that lives elsewhere and shows what it returns."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from etna_pipelines import (
    cli_alert,
    cli_environments,
    cli_features,
    cli_integrity,
    cli_release,
    cli_rules,
    cli_snapshots,
    cli_strip,
    cli_worker,
)
from etna_pipelines.core_dumps import forbid_core_dumps
from etna_pipelines.errors import SettingsError
from etna_pipelines.progress import Tick
from etna_pipelines.sentences import sentence_of
from etna_pipelines.settings import Settings, load
from etna_pipelines.terminal import console, show, table

if TYPE_CHECKING:
    from etna_pipelines.steps import Steps

app = typer.Typer(
    help="Production's database to every other environment: backed up, stripped, proven clean, swapped in, redeployed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_features.app, name="test")
app.add_typer(cli_rules.app, name="rules")
app.command()(cli_strip.strip)
for command in (
    cli_environments.push,
    cli_environments.pull,
    cli_environments.rollback,
    cli_environments.redeploy,
    cli_release.release,
    cli_snapshots.snapshots,
    cli_snapshots.prune,
    cli_alert.alert,
    cli_integrity.verify,
    cli_integrity.resign,
    cli_integrity.drill,
    cli_worker.worker,
):
    app.command()(command)


def main() -> None:
    """Run a command. What goes wrong is one sentence on stderr and exit code 1; ETNA_DEBUG=1 shows where."""
    forbid_core_dumps()
    try:
        app()
    except Exception as error:
        if os.environ.get("ETNA_DEBUG") == "1":
            raise
        print(sentence_of(error), file=sys.stderr)
        sys.exit(1)


@app.command()
def demo() -> None:
    """Fill a production with invented people, run the job `nightly`, and say what was done."""
    from etna_pipelines.anonymise.warming import warming
    from etna_pipelines.bars import Bars
    from etna_pipelines.demo.production import seed
    from etna_pipelines.environments.start import start_embedded

    settings = load()
    if not settings.is_embedded("production"):
        raise SettingsError(
            "etna demo fills an embedded production with invented people, and environments.yaml names a real one: "
            "run it in another checkout, or run the job `nightly`."
        )
    with Bars(console) as bars, warming():
        bars(Tick("start the embedded server"))
        start_embedded(settings)
        seed(settings.production.database, progress=bars)
        bars(Tick("load Dagster"))
        from etna_pipelines.defs.running import run_nightly

        run_nightly(bars)
    _tell_of_the_demo(settings)


def _tell_of_the_demo(settings: Settings) -> None:
    from etna_pipelines.status import environments, newest

    told = Table.grid(padding=(0, 2, 0, 0))
    for manifest in newest(settings):
        told.add_row(f"{manifest.kind} snapshot", f"{manifest.id}, {decimal(manifest.bytes)}, {manifest.rows:,} rows")
        if manifest.masked and manifest.proof:
            masked = sum(column.values for column in manifest.masked)
            told.add_row("", f"{masked:,} values masked in {len(manifest.masked)} columns")
            told.add_row("", f"none of {manifest.proof.originals:,} originals found in it")
    for environment in environments(settings):
        if environment.snapshot:
            told.add_row(environment.name, f"serves {environment.kind} snapshot {environment.snapshot}")
    password = settings.embedded_server.directory / "password"
    console.print()
    console.print(told)
    console.print(f"\nThe databases, for psql and any other client; their password is in {password}:", soft_wrap=True)
    for name in ("production", "development"):
        console.print(f"  PGPASSWORD=$(cat {password}) psql {settings.database(name).url}", soft_wrap=True)
    console.print("\nThe run, its pictures and its numbers: uv run dagster dev, then http://127.0.0.1:3000")
    console.print("Stop the embedded server: uv run etna stop")


@app.command()
def status() -> None:
    """What each environment serves: snapshot, age, rules, the application's version, and who pushed it when."""
    from etna_pipelines.status import age, environments, newest

    settings = load()
    shown = table("environment", "serves", "snapshot", "age", "rules", "application", "pushed", "by", "")
    for environment in environments(settings):
        shown.add_row(
            environment.name,
            environment.kind or "",
            environment.snapshot,
            age(environment.snapshot) if environment.snapshot else "",
            environment.rules,
            escape(environment.version),
            f"{environment.pushed:%d %b %H:%M}" if environment.pushed else "",
            escape(environment.by),
            escape(environment.remark),
        )
    show(shown)
    for manifest in newest(settings):
        console.print(f"The newest {manifest.kind} snapshot, {manifest.id}, was taken {age(manifest.id)} ago.")


@app.command()
def report(
    snapshot: Annotated[str, typer.Argument(help="The id of a stripped snapshot; else the newest one.")] = "",
    output: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
) -> None:
    """A page on what is in a stripped snapshot and how that was proven, for whoever answers for data protection."""
    steps = _steps()
    written = steps.report(steps.catalogue.read("stripped", snapshot) if snapshot else steps.newest("stripped"))
    if output:
        shutil.copyfile(written, output)
    console.print(f"What is in it: {output or written}", soft_wrap=True)


def _steps() -> "Steps":
    from etna_pipelines.steps import Steps

    settings = load()
    return Steps(settings, settings.open_store())


@app.command()
def doctor(
    production: Annotated[
        bool, typer.Option("--production", help="And whether it is set up as deploy/README.md says.")
    ] = False,
) -> None:
    """What is configured, what works, what is missing, and the next step."""
    from etna_pipelines.doctor import examine

    findings = examine()
    if production:
        from etna_pipelines import production_check

        findings += production_check.examine()
    marks = {"good": "[green]✓", "note": "[yellow]·", "work": "[red]✗"}
    told = Table.grid(padding=(0, 2), pad_edge=False)
    for finding in findings:
        told.add_row(marks[finding.state], finding.subject, escape(finding.says))
    console.print(told)
    if any(finding.state == "work" for finding in findings):
        raise typer.Exit(1)


@app.command()
def stop() -> None:
    """Stop the embedded database server. Its data stays; the next run starts it again."""
    server = load().embedded_server
    running = server.is_running
    server.stop()
    console.print("The embedded server is stopped." if running else "The embedded server was not running.")
