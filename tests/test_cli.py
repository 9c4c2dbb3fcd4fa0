"""`etna ...` as people meet it: what is printed, on which stream, and the exit code."""

import sys
from pathlib import Path

import pytest

from etna_pipelines import doctor
from etna_pipelines.cli import main
from etna_pipelines.errors import SettingsError
from etna_pipelines.postgres.embedded import EmbeddedServer
from tests.commands import Etna


def test_what_goes_wrong_is_one_sentence(fresh: Path, etna: Etna) -> None:
    (fresh / "environments.yaml").write_text("colour: blue\n")

    for command in ("status", "snapshots", "stop", "demo"):
        ended = etna(command)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("environments.yaml, line 1: `colour` is not a setting; use one of ")
        assert ended.err.count("\n") == 1


def test_a_fault_of_our_own_shows_nothing_but_its_type(etna: Etna, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("swordfish")

    monkeypatch.setattr(doctor, "examine", fail)

    ended = etna("doctor")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("A fault of etna-pipelines itself: KeyError at etna_pipelines.cli, line ")
    assert "swordfish" not in ended.err


def test_the_traceback_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    (fresh / "environments.yaml").write_text("colour: blue\n")
    monkeypatch.setenv("ETNA_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["etna", "stop"])

    with pytest.raises(SettingsError, match="colour"):
        main()


def test_doctor_ends_with_1_where_something_needs_work(fresh: Path, etna: Etna) -> None:
    missing = etna("doctor")
    assert missing.code == 1
    assert "✗  dagster" in missing.out and "dagster.yaml and workspace.yaml not in" in missing.out

    (fresh / "dagster.yaml").touch()
    (fresh / "workspace.yaml").touch()
    (fresh / "anonymisation_rules").mkdir()
    (fresh / "anonymisation_rules/demo.yaml").write_text("tables: {}\n")
    assert etna("doctor").code == 0


def test_an_empty_store(fresh: Path, etna: Etna) -> None:
    ended = etna("snapshots")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.replace("\n", "") == f"No snapshots yet in {fresh}/.etna/store."


def test_stop_stops_the_embedded_server_and_says_so(fresh: Path, etna: Etna) -> None:
    server = EmbeddedServer(fresh / ".etna")
    server.ensure_running()

    assert etna("stop").out == "The embedded server is stopped.\n"
    assert not server.is_running
    assert etna("stop").out == "The embedded server was not running.\n"


def test_the_demo_leaves_a_real_production_alone(fresh: Path, etna: Etna) -> None:
    (fresh / "environments.yaml").write_text("production: {database: postgresql://etna@127.0.0.1:1/etna}\n")

    ended = etna("demo")

    assert ended.code == 1
    assert "names a real one" in ended.err
    assert not (fresh / ".etna").exists()
