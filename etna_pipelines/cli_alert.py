"""`etna alert`: who is told of troubles, and whether that works."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from etna_pipelines.errors import SettingsError
from etna_pipelines.settings import load
from etna_pipelines.terminal import console


def alert(test: Annotated[bool, typer.Option("--test", help="Post a test message on every channel.")] = False) -> None:
    """Who is told when something goes wrong; with --test, everyone is sent a message."""
    from etna_pipelines.alerts.channels import channels
    from etna_pipelines.alerts.telling import post_test

    settings = load()
    to = channels(settings.alerts, settings.variables.secret)
    if not to:
        raise SettingsError("environments.yaml says nobody under `alerts.to`: name a channel, see ENVIRONMENTS.md.")
    if not test:
        for channel in to:
            console.print(escape(channel.name))
        return
    untold = post_test(to)
    told = Table.grid(padding=(0, 2), pad_edge=False)
    for name, why in untold.items():
        told.add_row("[red]✗" if why else "[green]✓", escape(why or f"{name} has the test message"))
    console.print(told)
    if any(untold.values()):
        raise typer.Exit(1)
