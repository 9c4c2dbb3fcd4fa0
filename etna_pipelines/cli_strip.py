"""`etna strip`: a stripped snapshot now, or a subset of the newest one."""

from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape

from etna_pipelines.errors import SubsetError
from etna_pipelines.settings import Settings, load
from etna_pipelines.settings_file import Target
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.snapshots.subset_spec import Follow, Subset
from etna_pipelines.terminal import console, table


def strip(
    subset: Annotated[
        str | None,
        typer.Option(
            metavar="ROWS|ENVIRONMENT",
            help="Make a part of the newest stripped snapshot instead: `auth_user=100, blog_page=5%`, or what an "
            "environment has under `subset:`.",
        ),
    ] = None,
    follow: Annotated[
        Follow | None, typer.Option(help="`both`: what refers to the chosen rows comes along, too.")
    ] = None,
) -> None:
    """Strip the newest full snapshot now, prove the result, and publish it."""
    from etna_pipelines.bars import Bars
    from etna_pipelines.steps import Steps

    settings = load()
    with Bars(console) as bars:
        steps = Steps(settings, settings.open_store(), bars)
        if subset is None:
            made = steps.publish(steps.strip(steps.newest("full").id))
        else:
            asked = _asked(settings, subset, follow)
            made = steps.subset(steps.newest("stripped"), asked)
    _tell(made)


def _asked(settings: Settings, said: str, follow: Follow | None) -> Subset:
    """What follows `--subset`: rows of tables, or the name of an environment that has a subset."""
    if "=" in said:
        return Subset.parse(said, follow or "parents")
    section = settings.sections.get(said)
    if not isinstance(section, Target) or section.subset is None:
        raise SubsetError(
            f"`{said}` is no environment with a `subset:` in environments.yaml: give it one, or say the rows to keep, "
            "such as `auth_user=100, blog_page=5%`."
        )
    return section.subset.model_copy(update={"follow": follow}) if follow else section.subset


def _tell(made: Manifest) -> None:
    console.print(f"{made.kind} snapshot {made.id}, {decimal(made.bytes)}, {made.rows:,} rows")
    if made.part is None:
        masked = sum(column.values for column in made.masked)
        console.print(f"{masked:,} values masked in {len(made.masked)} columns, {len(made.emptied)} tables emptied")
        return
    console.print(f"a subset of {made.parent}: {made.part.subset}, follow {made.part.subset.follow}\n")
    rows = {each.qualified: each.rows or 0 for each in made.schema_.tables}
    shown = table("table", "rows", "of")
    for name, whole in made.part.rows.items():
        shown.add_row(escape(name), f"{rows[name]:,}", f"{whole:,}")
    console.print(shown)
    console.print(
        "\nOnly foreign keys were followed: a generic key, or an id inside JSON, may name a row that is left out."
    )
