"""The files of deploy/: what they say to Dagster and systemd."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())


def test_dagster_is_told_the_same_everywhere_but_where_its_history_is() -> None:
    here, deployed = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (PROJECT, DEPLOY))
    for settings in (here, deployed):
        del settings["storage"], settings["local_artifact_storage"]["config"]["base_dir"]

    assert deployed == here


def test_the_code_location_has_one_name_for_ever() -> None:
    here, deployed = (
        next(iter(yaml.safe_load((folder / "workspace.yaml").read_text())["load_from"][0].values()))
        for folder in (PROJECT, DEPLOY)
    )
    service = (DEPLOY / "systemd/etna-code-server.service").read_text()

    assert here["location_name"] == deployed["location_name"]
    assert f"--module-name {here['module_name']} --location-name {here['location_name']}" in service
    assert f"--port {deployed['port']}" in service


def test_the_second_webserver_only_looks() -> None:
    first, second = (
        _read(DEPLOY / f"systemd/etna-webserver{which}.service")["Service"] for which in ("", "-read-only")
    )

    assert second.pop("ExecStart") == first.pop("ExecStart").replace("3000", "3001 --read-only")
    assert second == first


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    for unit in UNITS:  # the programs are not here
        (tmp_path / unit.name).write_text(
            unit.read_text().replace("ExecStart=/opt/etna/.venv/bin/", "ExecStart=/bin/echo ")
        )

    verified = subprocess.run(
        [analyze, "verify", *(f"./{unit.name}" for unit in UNITS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.stem)
def test_each_service_is_kept_in_its_place_and_started_again(unit: Path) -> None:
    service = _read(unit)["Service"]

    assert service["User"] == "etna"
    assert service["Restart"] == "always"
    assert service["LimitCORE"] == "0"
    assert service["NoNewPrivileges"] == "yes" and service["ProtectSystem"] == "strict"
    listens = service["ExecStart"].partition("--host ")[2].split(" ")[0]
    assert listens in ("127.0.0.1", "")


def test_only_the_code_server_holds_secrets() -> None:
    assert [unit.stem for unit in UNITS if "secrets.env" in unit.read_text()] == ["etna-code-server"]


def _read(unit: Path) -> dict[str, dict[str, str]]:
    read = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(unit)
    return {name: dict(section) for name, section in read.items()}


def test_containers_run_what_the_units_run() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    [image] = re.findall(r"^CMD (\[.*?\])$", (DEPLOY / "Dockerfile").read_text().replace("\\\n", ""), re.MULTILINE)
    commands = {
        name: compose[name].get("command") or yaml.safe_load(image) for name in ("code-server", "daemon", "webserver")
    }

    for name, command in commands.items():
        unit = _read(DEPLOY / f"systemd/etna-{name}.service")["Service"]["ExecStart"].split()
        here = [word.removeprefix("/opt/etna/.venv/bin/") for word in unit]
        assert [word.replace("0.0.0.0", "127.0.0.1") for word in command] == here  # noqa: S104
        assert ("secrets/secrets.env" in compose[name]["env_file"]) == (name == "code-server")


def test_what_containers_are_given_is_in_no_image_and_no_commit() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values()
    given = [file for service in services for file in service["env_file"]]
    given += [volume for service in services for volume in service.get("volumes", []) if volume.startswith(".")]

    assert {Path(file.partition(":")[0]).parts[0] for file in given} == {"secrets"}
    assert "deploy/secrets" in (PROJECT / ".dockerignore").read_text().splitlines()
    assert "deploy/secrets/" in (PROJECT / ".gitignore").read_text().splitlines()


def test_containers_are_reached_from_this_machine_alone() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())

    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"]}
    assert compose["networks"]["inside"] == {"internal": True}
    assert compose["services"]["code-server"]["hostname"] == "code-server"
    assert "ETNA_CODE_SERVER=code-server" in (DEPLOY / "Dockerfile").read_text()
