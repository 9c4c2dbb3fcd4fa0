"""The application's own programs on the new database: migrate, update_index."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from etna_pipelines.errors import FixUpFailed
from etna_pipelines.own_program import environment_of, run_program
from etna_pipelines.postgres.server import Database

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


def run_commands(new: Database, target: "Environment", *, push: str, version: str | None, home: Path) -> None:
    """Run each command to its end, as the role that `new` is reached by. Raises FixUpFailed unless all end well.

    A command finds what a redeploying one does, ETNA_DATABASE_URL being the new database's."""
    known = {"{name}": target.feature.name if target.feature else target.name}
    if version:
        known |= {"{version}": version, "{image_tag}": version}
    if target.feature:
        known["{image_tag}"] = target.feature.image_tag
    log = home.absolute() / "fix-ups" / f"{target.name}-{push}.log"
    for number, command in enumerate(target.fix_ups.commands, 1):
        arguments = [_filled(argument, known) for argument in command]
        given = environment_of(target.name, push, new, home)
        try:
            ended = run_program(arguments, given, log, target.fix_ups.timeout * 60)
        except OSError as error:
            raise FixUpFailed(f"command {number}, {command[0]}, cannot be started ({error.strerror}).") from None
        if ended.failure:
            raise FixUpFailed(f"command {number}, {command[0]}, failed ({ended.failure}): read {log}.")


def _filled(argument: str, known: Mapping[str, str]) -> str:
    for place in ("{version}", "{image_tag}", "{name}"):
        if place in argument:
            if place not in known:
                raise FixUpFailed(f"`{place}` is not known here: say which `version` the environment runs.")
            argument = argument.replace(place, known[place])
    return argument
