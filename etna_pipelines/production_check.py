"""What `etna doctor --production` examines: a set-up against the page deploy/README.md, shortfall by shortfall.

Nothing is changed. Each check is a small function; one that can't be made says so, and the others go on."""

import os
import resource
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import yaml

from etna_pipelines import production_check_servers, production_check_store
from etna_pipelines.doctor import Finding, State
from etna_pipelines.errors import EtnaError, SettingsError
from etna_pipelines.production_page import Section, finding
from etna_pipelines.sentences import sentence_of
from etna_pipelines.settings import FILE, Settings, load
from etna_pipelines.variables import KeyName

Check = Callable[[Settings], Iterable[Finding]]

OURS_ALONE, NOT_FOR_ALL = 0o077, 0o007
"""Bits of a mode that must not be set."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SERVERS = {"dagster-webserver": "the webserver", "dagster-daemon": "the daemon", "dagster api grpc": "the code server"}


def examine(path: Path = FILE) -> list[Finding]:
    """Every finding of every check; where the settings can't be read, that alone."""
    try:
        settings = load(path)
    except SettingsError as error:
        return [finding("settings", "work", str(error), Section.SETTINGS)]
    with ThreadPoolExecutor() as pool:
        return [found for findings in pool.map(lambda check: _made(check, settings), CHECKS) for found in findings]


def _made(check: Check, settings: Settings) -> list[Finding]:
    subject = check.__name__.replace("_", " ")
    try:
        return list(check(settings))
    except Exception as error:
        return [finding(subject, "work", f"could not be examined: {sentence_of(error)}", None)]


def account(_: Settings) -> Iterator[Finding]:
    if os.geteuid() == 0:
        says = "this is root: run etna and its services as an account of their own (`runuser -u etna -- etna doctor`)."
        yield finding("account", "work", says, Section.MACHINE)
    else:
        yield finding("account", "good", "no superuser of this machine", Section.MACHINE)


def core_dumps(_: Settings) -> Iterator[Finding]:
    soft, _hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft == 0:
        yield finding("core dumps", "good", "off", Section.SERVICES)
    else:
        says = "are on, and one would hold keys and rows: set `LimitCORE=0` in the services, `ulimit -c 0` in a shell."
        yield finding("core dumps", "work", says, Section.SERVICES)


def embedded_parts(settings: Settings) -> Iterator[Finding]:
    embedded = [name for name in settings.sections if settings.is_embedded(name)]
    if embedded:
        says = f"{', '.join(embedded)} is in the embedded server, which is for trying out: name its database."
        yield finding("settings", "work", says, Section.SETTINGS)
    if settings.rules.name == "demo.yaml":
        says = "the rules are the demo's: name your own in environments.yaml; `etna rules suggest` drafts them."
        yield finding("rules", "work", says, Section.SETTINGS)


def private_files(settings: Settings) -> Iterator[Finding]:
    """The home, with scratch, reports and keys, is ours alone; settings and secrets are not for everybody, nor are the
    files that variables name."""
    file = settings.variables.settings or FILE
    beside = sorted(file.parent.glob("*.env")) if settings.variables.settings else []
    looked_at = [(settings.home, OURS_ALONE), (file, 0o022), (Path(".env"), OURS_ALONE)]
    named = [Path(os.environ.get(name, "")) for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")]
    files = [*beside, *filter(Path.is_file, named), *settings.variables.age_identity_files()]
    looked_at += [(path, NOT_FOR_ALL) for path in files]
    wrong = [problem for path, forbidden in looked_at if (problem := _openness(path, forbidden))]
    for problem in wrong:
        yield finding("files", "work", problem, Section.SETTINGS)
    if not wrong:
        yield finding("files", "good", f"{settings.home} and what holds secrets is private", Section.SETTINGS)


def _openness(path: Path, forbidden: int) -> str | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to another account than this one or root: chown it."
    if mode & forbidden:
        return f"{path} is open to others (mode {mode:04o}): chmod it to {mode & ~forbidden:04o}."
    return None


def keys(settings: Settings) -> Iterator[Finding]:
    """Both are given, and neither was made up here. That they differ is seen to whenever they are read."""
    names: tuple[KeyName, ...] = ("masking", "signing")
    for name in names:
        subject, variable = f"{name} key", f"ETNA_{name.upper()}_KEY"
        if settings.key_file(name):
            says = f"is made by default and kept beside the data: make one, keep a copy elsewhere and set {variable}."
            yield finding(subject, "work", says, Section.SETTINGS)
            continue
        try:
            settings.masking_key() if name == "masking" else settings.signing_key()
        except EtnaError as error:
            yield finding(subject, "work", str(error), Section.SETTINGS)
        else:
            yield finding(subject, "good", f"given in {variable}", Section.SETTINGS)


def dagster(_: Settings) -> Iterator[Finding]:
    """Its history is in Postgres, reached by a variable, as a role that is no superuser; and its daemon is at work."""
    file = Path(os.environ.get("DAGSTER_HOME") or ".") / "dagster.yaml"
    try:
        storage = (yaml.safe_load(file.read_text()) or {}).get("storage") or {}
    except (OSError, yaml.YAMLError, AttributeError):
        yield finding("dagster", "work", f"{file} can't be read: set DAGSTER_HOME to deploy/.", Section.DAGSTER)
        return
    if "postgres" not in storage:
        says = f"{file} keeps the history in files: set DAGSTER_HOME to deploy/, whose dagster.yaml has it in Postgres."
        yield finding("dagster", "work", says, Section.DAGSTER)
        return
    url = (storage["postgres"] or {}).get("postgres_url")
    if not isinstance(url, dict):
        says = f"{file} has the address of the history, with its password, in it: write `{{env: ...}}` there instead."
        yield finding("dagster", "work", says, Section.DAGSTER)
        return
    variable = str(url.get("env"))
    if not (address := os.environ.get(variable)):
        yield finding("dagster", "work", f"{variable} is not set: it says where the history is.", Section.DAGSTER)
        return
    yield from production_check_servers.history(address, variable)


def alerts(settings: Settings) -> Iterator[Finding]:
    if not settings.alerts.to:
        says = "nobody is told that a night failed: name somebody under `alerts`, then try `etna alert --test`."
        yield finding("alerts", "work", says, Section.ALERTS)
        return
    missing = [what for what in ("heartbeat", "webserver") if getattr(settings.alerts, what) is None]
    state: State = "note" if missing else "good"
    rest = f", without {' and '.join(f'`{what}`' for what in missing)}" if missing else ""
    yield finding("alerts", state, f"go to {len(settings.alerts.to)} places{rest}", Section.ALERTS)


def services(_: Settings) -> Iterator[Finding]:
    """The webserver has no login of its own, and a code server runs whatever it is told: neither may be open to the
    network. In a container (then ETNA_CODE_SERVER names another host than this) it has to be, to its own."""
    apart = os.environ.get("ETNA_CODE_SERVER", LOOPBACK[0]) not in LOOPBACK
    for program, name in SERVERS.items():
        found = [*_running(program)]
        exposed = [host for host in found if host not in LOOPBACK]
        if exposed and apart:
            says = f"{name} listens on {exposed[0]}: see that nobody but the other services reaches it there"
            yield finding("services", "note", says, Section.PEOPLE)
        elif exposed:
            says = f"{name} listens on {exposed[0]} and asks nobody who they are: start it with `--host 127.0.0.1`."
            yield finding("services", "work", says, Section.PEOPLE)
        elif found:
            yield finding("services", "good", f"{name} runs, for this machine alone", Section.SERVICES)
        else:
            yield finding("services", "note", f"{name} does not run here, or can't be seen", Section.SERVICES)


def _running(program: str) -> Iterator[str]:
    """Where each process of a program listens; without --host or -h, they listen on this machine alone."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        arguments: list[str] = process.info["cmdline"] or []
        if program in " ".join(Path(argument).name for argument in arguments[:4]):
            options = dict(pairwise([*" ".join(arguments).replace("=", " ").split(" "), ""]))
            yield options.get("--host") or options.get("-h") or "127.0.0.1"


CHECKS: tuple[Check, ...] = (
    account,
    private_files,
    keys,
    embedded_parts,
    dagster,
    services,
    core_dumps,
    production_check_servers.production,
    production_check_servers.targets,
    production_check_store.store,
    production_check_store.pruning,
    alerts,
)
