"""`etna release`: the application's next release, made or rehearsed."""

from typing import Annotated

import typer
from rich.markdown import Markdown

from etna_pipelines.bars import Bars
from etna_pipelines.progress import Progress
from etna_pipelines.release_steps import ReleaseSteps
from etna_pipelines.settings import load
from etna_pipelines.terminal import console


def release(
    version: Annotated[str, typer.Argument(help="Such as 26.08.21.2215; else the next one by the calendar.")] = "",
    rehearse: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Make no release: run this one's migrations on a copy beside staging."),
    ] = None,
) -> None:
    """Make the application's next release: its tag, by the workflow that the application has for it."""
    if rehearse is not None:
        _rehearse(rehearse)
        return
    with Bars(console) as bars:
        made = _steps(bars).create_release(version)
    console.print(f"The release {made} has its tag.")


def _rehearse(version: str) -> None:
    from etna_pipelines.releases.rehearsal import page, refuse_failed

    with Bars(console) as bars:
        rehearsal = _steps(bars).rehearse(version)
    console.print(Markdown(page(rehearsal)))
    refuse_failed(rehearsal)


def _steps(progress: Progress) -> ReleaseSteps:
    settings = load()
    return ReleaseSteps(settings, settings.open_store(), progress)
