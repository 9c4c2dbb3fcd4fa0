import json
import os
import stat
import sys
from pathlib import Path

import pytest

from etna_pipelines.environments.features import feature_of
from etna_pipelines.errors import RedeployFailed
from etna_pipelines.postgres.server import Database
from etna_pipelines.redeploy.command import CommandRedeployer
from etna_pipelines.redeploy.redeployer import Deployment, Redeployed

DATABASE = Database("db.example", 5433, "app", "etna", "the secret", (("sslmode", "require"),))


def redeploy(code: str, home: Path, timeout: float = 20) -> Redeployed:
    """Redeploy by a Python program of these lines."""
    return CommandRedeployer([sys.executable, "-c", code], home, timeout).redeploy(
        Deployment("push-1", "development", DATABASE)
    )


def log(home: Path) -> Path:
    return home / "redeploys" / "development-push-1.log"


def test_the_last_line_is_the_version(tmp_path: Path) -> None:
    done = redeploy(
        "import sys; print('starting'); print('26.08.21.2215\\n\\n'); print('noise', file=sys.stderr)", tmp_path
    )
    assert done.version == "26.08.21.2215"
    assert done.seconds > 0


def test_a_program_that_says_nothing_has_no_version(tmp_path: Path) -> None:
    assert redeploy("", tmp_path).version is None


def test_the_program_is_told_what_to_redeploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_MASKING_KEY", "must not leave")
    code = "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k[:5] in ('ETNA_', 'PGPAS')}))"
    redeploy(code, tmp_path)
    assert json.loads(log(tmp_path).read_text()) == {
        "ETNA_ENVIRONMENT": "development",
        "ETNA_PUSH_ID": "push-1",
        "ETNA_DATABASE_URL": "postgresql://app@db.example:5433/etna?sslmode=require",
        "ETNA_HOME": str(tmp_path),
        "PGPASSWORD": "the secret",
    }


def test_the_program_is_told_version_and_branch_where_they_are_known(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1], os.environ['ETNA_VERSION'], os.environ['ETNA_BRANCH'])"
    deployment = Deployment("push-1", "test/login", DATABASE, "feature-login", feature_of("feature/login"), attempt=2)
    done = CommandRedeployer([sys.executable, "-c", code, "{name}:{push}"], tmp_path).redeploy(deployment)
    assert done.version == "login:push-1-2 feature-login feature/login"
    assert (tmp_path / "redeploys" / "test-login-push-1-2.log").exists()


def test_a_failure_names_environment_program_code_and_log(tmp_path: Path) -> None:
    with pytest.raises(RedeployFailed) as raised:
        redeploy("import sys; print('out: secret'); sys.exit('err: secret')", tmp_path)
    message = str(raised.value)
    assert "development" in message and sys.executable in message and "exit code 1" in message
    assert str(log(tmp_path)) in message and "secret" not in message
    assert sorted(log(tmp_path).read_text().splitlines()) == ["err: secret", "out: secret"]
    assert stat.S_IMODE(log(tmp_path).stat().st_mode) == 0o600


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    redeployer = CommandRedeployer([os.fspath(tmp_path / "missing")], tmp_path)
    with pytest.raises(RedeployFailed, match=r"missing cannot be started \(No such file or directory\)"):
        redeployer.redeploy(Deployment("push-1", "development", DATABASE))
