"""The environments that environments.yaml names, and the default of the others."""

import sys
from collections.abc import Mapping
from pathlib import Path

from etna_pipelines.environments.registry_spec import DirectoryRegistry
from etna_pipelines.errors import SettingsError
from etna_pipelines.integrity_spec import NOWHERE, IntegritySpec
from etna_pipelines.redeploy.spec import CommandRedeploy
from etna_pipelines.settings_file import (
    EMBEDDED,
    EXAMPLE_URL,
    TARGETS,
    Production,
    SettingsFile,
    Target,
    Test,
)
from etna_pipelines.yaml_file import Place, YamlFile

APPLICATION_ROLE = "etna_app"
"""The role that owns databases of the embedded server: no superuser, as in a real installation."""

DEMO_DEVELOPMENT = Target(
    owner=APPLICATION_ROLE,
    hosts={"www.example.org": "development.example.org"},
    redeploy=CommandRedeploy(command=["python", "-m", "etna_pipelines.demo.redeploy"]),
)


def sections_of(configured: SettingsFile, base: Path) -> dict[str, Production | Target]:
    """What the file names, and the default of the rest. Once production is a real one, only development has a default:
    real data must not flow into an environment that nobody asked for."""
    production = configured.production or Production()
    defaults: dict[str, Target] = {"development": Target()}
    if production.database == EMBEDDED:
        defaults = {name: kind() for name, kind in TARGETS.items()} | {"development": DEMO_DEVELOPMENT}
    sections: dict[str, Production | Target] = {"production": production}
    for name in TARGETS:
        section: Target | None = getattr(configured, name) or defaults.get(name)
        if section:
            sections[name] = _with_sql_files(_with_registry(_with_this_python(section), base), base)
    return sections


def _with_this_python(section: Target) -> Target:
    """`python` in a command is the one that runs us, whatever PATH says."""

    def runnable(command: list[str]) -> list[str]:
        return [sys.executable, *command[1:]] if command[0] == "python" else command

    commands = [runnable(command) for command in section.fix_ups.commands]
    section = section.model_copy(update={"fix_ups": section.fix_ups.model_copy(update={"commands": commands})})
    if not isinstance(section.redeploy, CommandRedeploy):
        return section
    redeploy = section.redeploy.model_copy(update={"command": runnable(section.redeploy.command)})
    return section.model_copy(update={"redeploy": redeploy})


def _with_registry(section: Target, base: Path) -> Target:
    """A directory that lists feature environments stands beside the settings file, unless it is absolute."""
    if not isinstance(section, Test) or not isinstance(section.registry, DirectoryRegistry):
        return section
    return section.model_copy(update={"registry": section.registry.resolved(base)})


def _with_sql_files(section: Target, base: Path) -> Target:
    """So do SQL files."""
    files = [str(base / Path(name).expanduser()) for name in section.fix_ups.sql]
    return section.model_copy(update={"fix_ups": section.fix_ups.model_copy(update={"sql": files})})


def check_sections(file: YamlFile, sections: Mapping[str, Production | Target]) -> None:
    """Raise SettingsError, with the line, where sections don't go together or files that they name are not there."""
    _check_databases(file, sections)
    _check_sql_files(file, sections)


def check_drill(file: YamlFile, integrity: IntegritySpec) -> None:
    """Raise SettingsError, with the line, where the address of the drill's server is none, or holds a password."""
    if integrity.drill not in (NOWHERE, EMBEDDED):
        _identity(file, ("integrity", "drill"), "drill", integrity.drill)


def _check_sql_files(file: YamlFile, sections: Mapping[str, Production | Target]) -> None:
    """A file that is not there must not be missed an hour after a push began."""
    for name, section in sections.items():
        for number, path in enumerate(section.fix_ups.sql if isinstance(section, Target) else []):
            if not Path(path).is_file():
                raise file.mistake((name, "fix_ups", "sql", number), f"{path} is not there; correct its name.")


def _check_databases(file: YamlFile, sections: Mapping[str, Production | Target]) -> None:
    """No two environments may share a database: a push would swap the one under the other."""
    seen: dict[tuple[str, int, str], str] = {}
    for name, section in sections.items():
        if section.database == EMBEDDED:
            continue
        identity = _identity(file, (name, "database"), name, section.database)
        if identity in seen:
            danger = (
                "a push would replace it" if seen[identity] == "production" else "their pushes would undo each other"
            )
            raise file.mistake(
                (name, "database"), f"`{name}` has the very database of `{seen[identity]}`, and {danger}; name another."
            )
        seen[identity] = name
    _check_beginning(file, {name: identity for identity, name in seen.items()})


def _check_beginning(file: YamlFile, identities: Mapping[str, tuple[str, int, str]]) -> None:
    """No environment's database may be called as one of a feature environment can be."""
    if "test" not in identities:
        return
    *server, beginning = identities["test"]
    for name, (*its_server, database) in identities.items():
        if its_server == server and database.startswith(f"{beginning}_"):
            raise file.mistake(
                ("test", "database"),
                f"the databases of feature environments would be called `{beginning}_...`, as `{database}` of `{name}` "
                "is, and a branch's push could replace it; name another beginning.",
            )


def _identity(file: YamlFile, place: Place, name: str, address: str) -> tuple[str, int, str]:
    """What makes two addresses the same database; refuses those that libpq would not read, or that hold a password."""
    from etna_pipelines.postgres.server import Database

    said = ".".join(map(str, place))
    try:
        database = Database.from_url(address)
        if "@" in database.name:  # an unquoted password can end up there
            raise SettingsError
    except SettingsError:
        sentence = f"`{said}` must be `{EMBEDDED}` or a URL such as `{EXAMPLE_URL}`, special characters as `%40`."
        raise file.mistake(place, sentence) from None
    if database.password:
        raise file.mistake(
            place,
            f"`{said}` holds a password; take it out and put it into the variable "
            f"ETNA_{name.upper()}_PASSWORD, or a line of .env.",
        )
    host = database.host.lower().rstrip(".")
    return ("localhost" if host in ("127.0.0.1", "::1") else host, database.port, database.name)
