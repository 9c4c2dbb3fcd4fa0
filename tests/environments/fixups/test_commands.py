import json
import sys
from pathlib import Path

import pytest

from etna_pipelines.environments.features import Feature
from etna_pipelines.environments.fixup_spec import FixUps
from etna_pipelines.environments.fixups.commands import run_commands
from etna_pipelines.errors import FixUpFailed
from etna_pipelines.postgres.server import Database
from etna_pipelines.settings import Environment

NEW = Database("db.example", 5433, "restorer", "etna_new", "the secret", (("options", "-c role=etna_app"),))
TELL = """
import os, sys, json
print(json.dumps([sys.argv[1:], {k: v for k, v in os.environ.items() if k[:5] in ("ETNA_", "PGPAS")}]))
"""


def run(home: Path, *commands: list[str], feature: Feature | None = None, version: str | None = "26.08.21.1") -> None:
    name = f"test/{feature.name}" if feature else "staging"
    target = Environment(name, NEW, fix_ups=FixUps(commands=list(commands)), feature=feature)
    run_commands(NEW, target, push="push-1", version=version, home=home)


def test_commands_run_on_the_new_database_as_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_MASKING_KEY", "must not leave")
    run(tmp_path, [sys.executable, "-c", TELL, "app:{image_tag}", "{version} {name} {x}"], [sys.executable, "-c", ""])
    [said] = (tmp_path / "fix-ups" / "staging-push-1.log").read_text().splitlines()
    assert json.loads(said) == [
        ["app:26.08.21.1", "26.08.21.1 staging {x}"],
        {
            "ETNA_DATABASE_URL": "postgresql://restorer@db.example:5433/etna_new?options=-c%20role%3Detna_app",
            "ETNA_ENVIRONMENT": "staging",
            "ETNA_HOME": str(tmp_path),
            "ETNA_PUSH_ID": "push-1",
            "PGPASSWORD": "the secret",
        },
    ]


def test_a_feature_environment_runs_the_image_of_its_branch(tmp_path: Path) -> None:
    feature = Feature("login-page", "feature/Login_page")
    run(tmp_path, [sys.executable, "-c", TELL, "app:{image_tag}", "{name}"], feature=feature, version=None)
    said = json.loads((tmp_path / "fix-ups" / "test-login-page-push-1.log").read_text())
    assert said[0] == ["app:feature-Login_page", "login-page"]


def test_an_exit_code_counts_and_what_comes_after_does_not_run(tmp_path: Path) -> None:
    fails = [sys.executable, "-c", "import sys; sys.exit('a row: secret')"]
    with pytest.raises(FixUpFailed) as raised:
        run(tmp_path, [sys.executable, "-c", ""], fails, [sys.executable, "-c", "open('ran', 'w')"])
    log = tmp_path / "fix-ups" / "staging-push-1.log"
    assert str(raised.value) == f"command 2, {sys.executable}, failed (exit code 1): read {log}."
    assert log.read_text() == "a row: secret\n"
    assert not Path("ran").exists()


def test_what_can_not_be_started_or_filled_in(tmp_path: Path) -> None:
    with pytest.raises(FixUpFailed, match=r"command 1, /missing, cannot be started \(No such file or directory\)"):
        run(tmp_path, ["/missing"])
    with pytest.raises(FixUpFailed, match=r"`\{version\}` is not known: say which `version` staging runs"):
        run(tmp_path, ["migrate", "{version}"], version=None)


def test_a_branch_whose_name_a_shell_would_run_reaches_no_command(tmp_path: Path) -> None:
    with pytest.raises(FixUpFailed, match=r"what `\{image_tag\}` stands for has characters that no tag") as raised:
        run(tmp_path, ["/bin/sh", "-c", "echo {image_tag}"], feature=Feature("x-1", "feature/$(touch${IFS}ran)"))
    assert "touch" not in str(raised.value)
    assert not (tmp_path / "fix-ups").exists() or not list((tmp_path / "fix-ups").iterdir())
