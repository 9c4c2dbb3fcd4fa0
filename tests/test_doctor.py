"""What `etna doctor` finds, on real servers."""

from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from etna_pipelines import doctor
from etna_pipelines.doctor import Finding, examine
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from tests.github_server import TOKEN, GitHubServer

Examine = Callable[[str], dict[str, Finding]]


@pytest.fixture
def examine_text(fresh: Path) -> Examine:
    """Write environments.yaml and examine: the findings by subject."""

    def examine_text(text: str) -> dict[str, Finding]:
        (fresh / "environments.yaml").write_text(text)
        return {finding.subject: finding for finding in examine()}

    return examine_text


@pytest.fixture
def configured(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A file whose production is `database`, perhaps changed, and whose development is on the same server."""
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", database.password or "")
    monkeypatch.setenv("ETNA_DEVELOPMENT_PASSWORD", database.password or "")
    monkeypatch.setenv("ETNA_MASKING_KEY", "0a" * 32)
    monkeypatch.setenv("ETNA_SIGNING_KEY", "0b" * 32)

    def configured(production: str = database.url) -> str:
        return f"production: {{database: '{production}'}}\ndevelopment: {{database: '{database.named('later').url}'}}\n"

    return configured


def test_a_fresh_checkout_needs_nothing(fresh: Path, examine_text: Examine) -> None:
    (fresh / "dagster.yaml").touch()
    (fresh / "workspace.yaml").touch()
    (fresh / "anonymisation_rules").mkdir()
    (fresh / "anonymisation_rules/demo.yaml").write_text("tables: {auth_user: {data: empty}}\n")

    findings = examine_text("")

    assert {finding.state for finding in findings.values()} == {"good", "note"}
    assert findings["databases"] == doctor.RESTING
    assert findings["scratch"].says.startswith(f"{fresh}/.etna/scratch has ")
    assert findings["masking key"].says == f"made at the first use, in {fresh}/.etna/keys/masking.key"
    assert not (fresh / ".etna/keys").exists() and not (fresh / ".etna/postgres").exists()


def test_a_mistake_in_the_settings_comes_alone(examine_text: Examine) -> None:
    findings = examine_text("colour: blue\n")

    assert list(findings) == ["settings"]
    assert findings["settings"].state == "work"
    assert "line 1: `colour`" in findings["settings"].says


def test_databases_that_answer(examine_text: Examine, configured: Callable[..., str], database: Database) -> None:
    findings = examine_text(configured())

    assert findings["settings"].says == "configured: production, development"
    assert findings["production"].state == "good"
    assert findings["production"].says.startswith(f"{database.label}, PostgreSQL ")
    assert findings["development"].state == "note"
    assert findings["development"].says.endswith("is not there yet; its first push makes it")
    assert findings["masking key"].says.startswith("in ETNA_MASKING_KEY, with the id ")
    assert "0a0a" not in findings["masking key"].says


def test_a_wrong_password(
    examine_text: Examine, configured: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", "swordfish")

    findings = examine_text(configured())

    assert findings["production"].state == "work"
    assert "password" in findings["production"].says and "swordfish" not in findings["production"].says


def test_a_server_that_does_not_answer(examine_text: Examine, configured: Callable[..., str]) -> None:
    findings = examine_text(configured("postgresql://etna@127.0.0.1:1/etna"))

    assert findings["production"].state == "work"
    assert "127.0.0.1:1" in findings["production"].says
    assert findings["development"].state == "note"


def test_a_production_that_does_not_exist(
    examine_text: Examine, configured: Callable[..., str], database: Database
) -> None:
    findings = examine_text(configured(database.named("elsewhere").url))

    assert findings["production"].state == "work"


def test_programs_that_are_behind(
    examine_text: Examine, configured: Callable[..., str], server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = server.version
    major = int(version.split(".")[0])
    monkeypatch.setattr(doctor, "NEWEST_MINORS", {major: version})
    assert examine_text(configured())["programs"].state == "good"

    monkeypatch.setattr(doctor, "NEWEST_MINORS", {major: f"{major}.999"})
    behind = examine_text(configured())["programs"]

    assert behind.state == "work"
    assert f"pg_dump and pg_restore {version} in " in behind.says
    assert f"behind {major}.999" in behind.says


def test_keys_that_a_real_production_lacks(
    examine_text: Examine, configured: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ETNA_MASKING_KEY")
    monkeypatch.setenv("ETNA_OLD_SIGNING_KEYS", "00" * 32)

    findings = examine_text(configured())

    assert findings["masking key"].state == "work"
    assert findings["signing key"].state == "good"
    assert findings["old signing keys"].says == "53378d04 still verify; `etna resign` signs anew what needs them"


def test_a_store_that_cannot_be_written(fresh: Path, examine_text: Examine) -> None:
    (fresh / "occupied").write_text("a file, where the store's directory should be")

    findings = examine_text("store: occupied\n")

    assert findings["store"].state == "work"
    assert str(fresh / "occupied") in findings["store"].says


def test_the_probe_is_removed(fresh: Path, examine_text: Examine) -> None:
    assert examine_text("store: snapshots\n")["store"].state == "good"
    assert [path for path in (fresh / "snapshots").rglob("*") if path.is_file()] == []


def test_rules_that_are_wrong(fresh: Path, examine_text: Examine) -> None:
    (fresh / "mine.yaml").write_text("tables:\n  auth_user: {dta: empty}\n")

    assert examine_text("rules: mine.yaml\n")["rules"].says.endswith(
        "mine.yaml, line 2: `dta` is not a setting of `tables.auth_user`; did you mean `data`?"
    )
    assert examine_text("rules: absent.yaml\n")["rules"].state == "work"


def test_another_directory_than_the_checkout(examine_text: Examine) -> None:
    assert examine_text("")["dagster"].state == "work"


def test_feature_environments_and_github(
    examine_text: Examine, configured: Callable[..., str], github_server: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    github_server.add_branch("feature/login")
    spec = github_server.spec
    settings = (
        f"{configured()}github: {{repository: {spec.repository}, api_url: '{spec.api_url}'}}\n"
        "test: {registry: {branches: feature/*}}\n"
    )
    asked = examine_text(settings)
    assert {asked[subject].state for subject in ("github", "registry")} == {"work"}
    assert asked["github"].says.startswith("ETNA_GITHUB_TOKEN is not set")

    monkeypatch.setenv("ETNA_GITHUB_TOKEN", TOKEN)
    answered = examine_text(settings)
    assert answered["github"].says == f"{spec.repository} answers; it has 0 tags"
    assert answered["registry"].says == "it announces 1 branches"
    assert examine_text("test: {database: embedded}\n")["registry"].state == "note"


def test_a_server_that_nobody_verifies_is_told_of(
    examine_text: Examine, configured: Callable[..., str], database: Database
) -> None:
    """Reached by another name than the machine's own."""
    elsewhere = database.url.replace("127.0.0.1", "db.example.internal")
    findings = examine_text(configured(f"{elsewhere}?hostaddr=127.0.0.1"))

    assert findings["production"].state == "good"
    assert findings["production TLS"].state == "note"
    assert "is reached with sslmode=prefer, so nobody checks who answers" in findings["production TLS"].says
    assert "development TLS" not in findings


def test_which_encrypted_archives_could_be_opened(examine_text: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, developer = (pyrage.x25519.Identity.generate() for _ in range(2))
    text = f"encryption: {{full: {operator.to_public()}, stripped: {developer.to_public()}}}\n"
    says = "recipients of full snapshots: 1, of stripped ones: 2"

    assert "encryption" not in examine_text("")
    nobody = examine_text(text)["encryption"]
    assert (nobody.state, nobody.says.startswith(f"{says}, and ETNA_AGE_IDENTITY opens neither")) == ("work", True)
    monkeypatch.setenv("ETNA_AGE_IDENTITY", str(developer))
    assert examine_text(text)["encryption"] == Finding(
        "encryption", "note", f"{says}; this machine opens the latter: enough to pull, not for a night"
    )
    monkeypatch.setenv("ETNA_AGE_IDENTITY", f"{developer}\n{operator}")
    assert examine_text(text)["encryption"] == Finding("encryption", "good", f"{says}; ETNA_AGE_IDENTITY opens both")
    monkeypatch.setenv("ETNA_AGE_IDENTITY", str(operator)[:-1])
    assert examine_text(text)["encryption"].state == "work"
