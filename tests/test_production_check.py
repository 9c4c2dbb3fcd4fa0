"""What `etna doctor --production` finds, on real servers."""

import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import dagster as dg
import pytest

from etna_pipelines import production_check
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.production_check_servers import clock_problem
from etna_pipelines.production_check_store import pruning, store
from etna_pipelines.production_page import PAGE, Section
from etna_pipelines.settings import load
from tests.aws_users import enforced
from tests.deploy.test_s3 import apply

PROJECT = Path(__file__).parents[1]
PASSWORD = "swordfish-of-roles"
HISTORY = "ETNA_DAGSTER_STORAGE_URL"

Examine = Callable[[str], dict[str, list[str]]]


@pytest.fixture
def examine(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Write environments.yaml and examine: what there is to do, by subject. Who runs the tests is no matter."""
    monkeypatch.setattr("os.geteuid", lambda: fresh.stat().st_uid)

    def examine(text: str) -> dict[str, list[str]]:
        (fresh / "environments.yaml").write_text(text)
        (fresh / "environments.yaml").chmod(0o644)
        found: dict[str, list[str]] = {}
        for each in production_check.examine():
            if each.state == "work" and (each.subject, fresh.stat().st_uid) != ("account", 0):
                found.setdefault(each.subject, []).append(each.says)
        return found

    return examine


@pytest.fixture
def roles(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A production with a table, and the roles of deploy/roles on its server."""
    with database.connect() as connection:
        connection.execute("CREATE TABLE person (id int)")
        for name in ("production", "target"):
            connection.execute((PROJECT / f"deploy/roles/{name}.sql").read_text().encode())
        for role, environment in {"etna_backup": "PRODUCTION", "etna_pusher": "DEVELOPMENT"}.items():
            connection.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
            monkeypatch.setenv(f"ETNA_{environment}_PASSWORD", PASSWORD)
    yield database
    with database.connect() as connection:
        connection.execute("DROP OWNED BY etna_backup, etna_pusher")
        connection.execute("DROP ROLE etna_backup, etna_pusher")


@pytest.fixture(scope="module")
def made_by_dagster(server: EmbeddedServer) -> Iterator[Database]:
    """The database of Dagster's history, as deploy/dagster.yaml has it made."""
    with server.database("postgres").connect() as connection:
        connection.execute(f"CREATE ROLE etna_dagster LOGIN PASSWORD '{PASSWORD}'")
    server.create_database("etna_dagster", owner="etna_dagster")
    at = server.database("etna_dagster")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(HISTORY, f"postgresql+psycopg2://etna_dagster:{PASSWORD}@{at.host}:{at.port}/etna_dagster")
        with dg.DagsterInstance.from_config(str(PROJECT / "deploy")):
            pass
    yield at
    server.drop_database("etna_dagster")
    with server.database("postgres").connect() as connection:
        connection.execute("DROP ROLE etna_dagster")


@pytest.fixture
def history(made_by_dagster: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The same, with a daemon that was just heard of."""
    at = made_by_dagster
    monkeypatch.setenv(HISTORY, f"postgresql+psycopg2://etna_dagster:{PASSWORD}@{at.host}:{at.port}/etna_dagster")
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT / "deploy"))
    with at.connect() as connection:
        connection.execute(
            "TRUNCATE daemon_heartbeats; INSERT INTO daemon_heartbeats (daemon_type, daemon_id, timestamp)"
            " VALUES ('SCHEDULER', 'one', now() AT TIME ZONE 'UTC')"
        )
    return at


@pytest.fixture
def settings(roles: Database, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """environments.yaml of a set-up that lacks nothing, perhaps changed."""
    monkeypatch.setenv("ETNA_MASKING_KEY", secrets.token_hex(32))
    monkeypatch.setenv("ETNA_SIGNING_KEY", secrets.token_hex(32))
    (fresh / "rules.yaml").write_text("tables: {}\n")

    def settings(production: str = "etna_backup", pusher: str = "etna_pusher", rest: str = "") -> str:
        at = f"{roles.host}:{roles.port}"
        return (
            f"production: {{database: postgresql://{production}@{at}/{roles.name}}}\n"
            f"development: {{database: postgresql://{pusher}@{at}/later}}\n"
            f"rules: rules.yaml\nalerts: {{to: [{{slack: '#etna'}}]}}\n{rest}"
        )

    return settings


def test_a_set_up_after_the_page_lacks_nothing(
    examine: Examine,
    settings: Callable[..., str],
    history: Database,
    s3_server: str,
    aws_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = f"production-{secrets.token_hex(4)}"
    apply(boto3.client("s3", endpoint_url=s3_server), bucket)
    with enforced(s3_server, bucket) as keys:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["runner"][0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["runner"][1])

        at = f"store: {{url: s3://{bucket}/nightly, endpoint_url: '{s3_server}'}}\n"
        assert examine(settings(rest=f"{at}retention: {{automatic: false}}\n")) == {}
        assert examine(settings(rest=at)).keys() == {"retention"}


def test_shortfalls_are_named_with_the_section_that_tells_how(
    examine: Examine,
    settings: Callable[..., str],
    roles: Database,
    fresh: Path,
    history: Database,
    s3_server: str,
    aws_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = f"bare-{secrets.token_hex(4)}"
    s3 = boto3.client("s3", endpoint_url=s3_server)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    (fresh / ".env").write_text("ETNA_WEBHOOK_SECRET=x\n")
    (fresh / ".env").chmod(0o644)
    (fresh / ".etna").mkdir(mode=0o755)
    for name, variable in (("aws", "AWS_SHARED_CREDENTIALS_FILE"), ("team.age", "ETNA_AGE_IDENTITY")):
        (fresh / name).touch(mode=0o644)
        monkeypatch.setenv(variable, str(fresh / name))
    with history.connect() as connection:
        connection.execute("UPDATE daemon_heartbeats SET timestamp = timestamp - interval '2 hours'")
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", roles.password or "")
    monkeypatch.setenv("ETNA_DEVELOPMENT_PASSWORD", roles.password or "")
    text = settings("postgres", "postgres", f"store: {{url: s3://{bucket}, endpoint_url: '{s3_server}'}}\n")

    found = examine(text.replace("rules.yaml", "demo.yaml").replace("{slack: '#etna'}", ""))

    assert {subject: len(says) for subject, says in found.items()} == {
        "files": 4,
        "rules": 1,
        "daemon": 1,
        "production": 1,
        "development": 1,
        "bucket": 5,
        "store": 1,
        "alerts": 1,
    }
    assert found["production"] == [
        "the role postgres is a superuser, may write to 1 tables, may create in 1 schemas: it is to read and nothing "
        f"else ({PAGE}, 4. The databases' roles)"
    ]
    assert found["daemon"][0].startswith("it was last heard of 120 minutes ago")
    assert found["files"][0].startswith(f"{fresh}/.etna is open to others (mode 0755): chmod it to 0700")
    assert [says.partition(" is open")[0] for says in found["files"][2:]] == [f"{fresh}/aws", f"{fresh}/team.age"]
    assert "may delete snapshots" in found["store"][0]
    assert all(f"({PAGE}, " in says for several in found.values() for says in several)
    assert PASSWORD not in str(found)


def test_whether_snapshots_can_be_deleted_is_asked_without_a_trace(
    fresh: Path, s3_server: str, aws_environment: None
) -> None:
    s3 = boto3.client("s3", endpoint_url=s3_server)
    bucket = f"asked-{secrets.token_hex(4)}"
    apply(s3, bucket)

    def found(bucket: str) -> list[str]:
        (fresh / "environments.yaml").write_text(
            f"store: {{url: s3://{bucket}/nightly, endpoint_url: '{s3_server}'}}\n"
        )
        settings = load()
        return [each.says for check in (store, pruning) for each in check(settings) if "delet" in each.says]

    may, can = found(bucket)
    assert may.startswith("these credentials may delete snapshots") and can == "what is to go can be deleted"
    assert s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []) == []
    unknown, cannot = found("nowhere-at-all")
    assert unknown == "whether these credentials may delete snapshots is unknown (NoSuchBucket)"
    assert cannot.startswith("nothing can be pruned by these credentials")


def test_a_history_whose_tables_were_made_by_halves(
    examine: Examine, roles: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = roles.url.replace("postgresql:", "postgresql+psycopg2:").replace("@", f":{roles.password}@")
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT / "deploy"))
    monkeypatch.setenv(HISTORY, address)
    with roles.connect() as connection:
        connection.execute("CREATE TABLE runs (id int); CREATE TABLE daemon_heartbeats (timestamp timestamp)")

    superuser, says = examine("")["dagster"]

    assert "is a superuser" in superuser
    assert f"{roles.label} lacks the tables event_logs, job_ticks, run_tags: stop the services" in says

    monkeypatch.setenv(HISTORY, address.replace("+psycopg2", ""))
    driver, *_ = examine("")["dagster"]
    assert f"{HISTORY} must begin with postgresql+psycopg2://" in driver


def test_keys_that_were_made_up_and_a_history_in_files(examine: Examine, fresh: Path) -> None:
    (fresh / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())

    found = examine("")

    assert found.keys() == {"masking key", "signing key", "settings", "rules", "dagster", "alerts"}
    assert found["dagster"][0].startswith("dagster.yaml keeps the history in files: set DAGSTER_HOME")


@pytest.mark.parametrize(
    ("storage", "says"),
    [
        ("postgres: {postgres_url: 'postgresql://u:secret@h/d'}", "has the address of the history, with its password"),
        ("postgres: {postgres_url: {env: ETNA_NOWHERE}}", "ETNA_NOWHERE is not set"),
        ("postgres: {postgres_url: {env: ETNA_ELSEWHERE}}", "h:1 cannot be reached"),
    ],
)
def test_a_history_that_cannot_be_looked_at(
    examine: Examine, fresh: Path, monkeypatch: pytest.MonkeyPatch, storage: str, says: str
) -> None:
    monkeypatch.setenv("ETNA_ELSEWHERE", "postgresql+psycopg2://u:secret@127.0.0.1:1/d")
    (fresh / "dagster.yaml").write_text(f"storage: {{{storage}}}\n")

    found = examine("")["dagster"]

    assert len(found) == 1 and says.replace("h:1", "127.0.0.1:1") in found[0] and "secret@" not in found[0]


def test_other_parts_are_examined_where_a_server_does_not_answer(
    examine: Examine, settings: Callable[..., str], history: Database
) -> None:
    found = examine(re.sub(r"@127.0.0.1:\d+", "@127.0.0.1:1", settings()).replace("rules.yaml", "demo.yaml"))

    assert found.keys() == {"production", "development", "rules"}


def test_a_webserver_that_is_open_to_the_network(examine: Examine) -> None:
    program = [sys.executable, "-c", "input()", "dagster-webserver", "--host", "0.0.0.0"]  # noqa: S104
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        found = examine("")["services"]
        process.communicate(b"\n")

    assert found == [
        "the webserver listens on 0.0.0.0 and asks nobody who they are: start it with `--host 127.0.0.1` "
        f"({PAGE}, 7. Who sees the UI)"
    ]


def test_a_container_listens_to_its_own_networks(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_CODE_SERVER", "code-server")
    program = [sys.executable, "-c", "input()", "dagster", "api", "grpc", "--host", "0.0.0.0"]  # noqa: S104
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        assert "services" not in examine("")
        process.communicate(b"\n")


def test_clocks_that_are_hours_apart() -> None:
    assert clock_problem(119, "S3") is clock_problem(-119, "S3") is None
    assert clock_problem(7200, "S3") == "this machine's clock is 120 minutes behind that of S3: set both by NTP."
    assert clock_problem(-7200, "S3") == "this machine's clock is 120 minutes ahead of that of S3: set both by NTP."


def test_the_page_has_the_sections() -> None:
    headings = [
        line.removeprefix("## ") for line in (PROJECT / PAGE).read_text().splitlines() if line.startswith("## ")
    ]

    assert [section for section in Section if section not in headings] == []
