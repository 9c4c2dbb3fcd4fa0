"""`etna test ...`: the feature environments."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from etna_pipelines import cli_environments
from etna_pipelines.environments.features import Feature, feature_database_name
from etna_pipelines.settings import load
from etna_pipelines.terminal import console, table

if TYPE_CHECKING:
    from etna_pipelines.feature_steps import FeatureSteps

app = typer.Typer(help="The feature environments: one for each branch that the registry has.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="As `etna test list` shows it: login-page")]


@app.command(name="list")
def list_() -> None:
    """The feature environments that are known, as of the sensor's last look at the registry."""
    steps = _steps()
    known, strangers = steps.known(), steps.strangers_if_awake()
    if not known and not strangers:
        console.print("No feature environment is known.")
        return
    shown = table("environment", "branch", "database", "since", "")
    beginning = steps.settings.database_name("test")
    for name, each in known.items():
        database = feature_database_name(beginning, Feature(name, each.branch))
        shown.add_row(f"test/{name}", escape(each.branch), database, f"{each.created:%d %B %H:%M}", each.remark)
    for name in strangers:
        database = feature_database_name(beginning, Feature(name, ""))
        shown.add_row(f"test/{name}", "", database, "", f"not known here: `etna test remove {name}` drops it")
    console.print(shown)


@app.command()
def refresh(name: Name, snapshot: cli_environments.Snapshot = "") -> None:
    """Bring a feature environment up to date by a clone of the newest stripped snapshot, and redeploy it."""
    _steps().look_for(name)
    cli_environments.push(f"test/{name}", snapshot)


@app.command()
def remove(
    name: Name, force: Annotated[bool, typer.Option("--force", help="Even if its branch is registered.")] = False
) -> None:
    """Drop the databases of a feature environment whose branch has gone, without waiting for the grace period."""
    removed = _steps().remove(name, forced=force)
    console.print(f"Dropped: {', '.join(removed.databases)}." if removed.databases else f"test/{name} had no database.")
    if force:
        console.print("While its branch is registered it is made anew: take it out of the registry to keep it away.")


@app.command()
def confirm() -> None:
    """Let all environments be removed whose branches have gone, however many: the sensor held them back to ask."""
    names = _steps().confirm()
    listed = ", ".join(f"test/{name}" for name in names)
    console.print(
        f"To be removed, each when its grace is over: {listed}." if names else "No environment's branch has gone.",
        soft_wrap=True,
    )


def _steps() -> "FeatureSteps":
    from etna_pipelines.feature_steps import FeatureSteps

    settings = load()
    return FeatureSteps(settings, settings.open_store())
