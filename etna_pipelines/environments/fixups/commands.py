"""The application's own programs on the new database: migrate, update_index."""

from pathlib import Path
from typing import TYPE_CHECKING

from etna_pipelines.errors import FixUpFailed
from etna_pipelines.own_program import environment_of, run_program
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.placeholders import Unfillable, filled, harmful

if TYPE_CHECKING:
    from etna_pipelines.settings import Environment


def run_commands(new: Database, target: "Environment", *, push: str, version: str | None, home: Path) -> None:
    """Run each command to its end, as the role that `new` is reached by. Raises FixUpFailed unless all end well.

    A command finds what a redeploying one does, ETNA_DATABASE_URL being the new database's. `version` is the one that
    will serve, None where nobody knows."""
    log = home.absolute() / "fix-ups" / f"{target.name.replace('/', '-')}-{push}.log"
    for number, command in enumerate(target.fix_ups.commands, 1):
        arguments = [_filled(argument, target, version) for argument in command]
        given = environment_of(target.name, push, new, home, target.fix_ups.pass_environment)
        try:
            ended = run_program(arguments, given, log, target.fix_ups.timeout * 60)
        except OSError as error:
            raise FixUpFailed(f"command {number}, {command[0]}, cannot be started ({error.strerror}).") from None
        if ended.failure:
            raise FixUpFailed(f"command {number}, {command[0]}, failed ({ended.failure}): read {log}.")


def _filled(argument: str, target: "Environment", version: str | None) -> str:
    feature = target.feature
    values = {
        "version": version,
        "image_tag": feature.image_tag if feature else version,
        "name": feature.name if feature else target.name,
    }
    try:
        return filled(argument, values)
    except Unfillable as problem:
        if problem.known:
            raise FixUpFailed(harmful(problem)) from None
        raise FixUpFailed(
            f"`{{{problem.name}}}` is not known: say which `version` {target.name} runs, or take it out."
        ) from None
