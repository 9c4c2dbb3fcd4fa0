"""What was planted is nowhere outside archives and databases: after success, and after every kind of failure."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import pytest

from tests.security.scene import ROWS, RULES, SECRETS, SETTINGS, Scene
from tests.stores.faulty_server import Proxy, Reply

SECRET = SECRETS["the secret of a command"]
WRONG = SECRETS["a wrong password"]
SAYS_TOO_MUCH = f"""[sh, -c, 'echo {SECRET}; echo {SECRET} >&2; exit 3']"""
SLOW = """
CREATE FUNCTION slow(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
ALTER TABLE note ADD CONSTRAINT slow CHECK (slow(body));
CREATE OR REPLACE FUNCTION slow(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN true; END'
"""


@dataclass(frozen=True)
class Failure:
    """What makes a night fail, and what it says then."""

    says: str
    production: str = "SELECT"
    undo: str = "SELECT"
    rules: str = RULES
    settings: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def fixed_up_by(fix_ups: str) -> str:
    """Settings with fix-ups of development."""
    return SETTINGS.replace("owner: etna_app, redeploy", f"owner: etna_app, fix_ups: {fix_ups}, redeploy")


@contextmanager
def serving(server: Proxy) -> Iterator[None]:
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def the_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = Scene.make(tmp_path_factory.mktemp("planted"))
    try:
        yield scene
    finally:
        scene.checkout.server.stop()


@pytest.fixture
def scene(the_scene: Scene) -> Iterator[Scene]:
    """The scene; afterwards it is searched."""
    yield the_scene
    findings = the_scene.findings()
    the_scene.told.clear()
    the_scene.watch.found.clear()
    the_scene.settings()
    the_scene.rules()
    assert findings == []


def test_a_night_that_fails_in_a_fix_up(scene: Scene) -> None:
    """All goes well up to there; then a statement fails, and the server quotes the value in its error."""
    (scene.checkout.root / "broken.sql").write_text("SELECT (name || 'x')::int FROM town;")
    scene.settings(instead=fixed_up_by("{{sql: [broken.sql]}}"))
    ended = scene.job("nightly")

    assert "✓ stripped_snapshot" in ended.err
    why = r"statement 1 of .*broken\.sql failed: invalid input syntax for type integer"
    assert re.search(rf"✗ development_database\.fix_ups: .*{why}", ended.err)
    assert any(b"pg_dump" in arguments for arguments in scene.watch.arguments)
    assert any(b"pg_restore" in arguments for arguments in scene.watch.arguments)
    assert len([*scene.home.glob("store/stripped/*/archive/*.dat.gz")]) > 3


def test_it_is_found_where_it_is_planted(the_scene: Scene) -> None:
    """In the very places that are searched above."""
    planted = {
        ".etna/dagster/planted.log": "a name",
        ".etna/store/stripped/planted/manifest.json": "an address",
        ".etna/store/full/planted/manifest.json": "a telephone number",
        ".etna/reports/planted.html": "the masking key",
        "core.1": "production's password",
    }
    for place, name in planted.items():
        path = the_scene.checkout.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"so {the_scene.hunter.planted[name]} it is")
    the_scene.told.append(SECRETS["the signing key"])
    findings = the_scene.findings()
    for place in planted:
        path = the_scene.checkout.root / place
        path.unlink()
        if path.parent.name == "planted":
            path.parent.rmdir()
    the_scene.told.clear()
    assert findings == sorted(
        [
            *(f"{place} holds {name}" for place, name in planted.items()),
            "core.1 is a core dump",
            "the terminal was told the signing key",
        ]
    )


FAILURES = {
    "a row violates a constraint while it is copied": Failure(
        production="ALTER TABLE note ADD CONSTRAINT original CHECK (body ~ ('Xylo' || 'phonist'))",
        undo="ALTER TABLE note DROP CONSTRAINT original",
        says=r"✗ development_database\.restore: .+ violates check constraint \"original\"\.",
    ),
    "rows are no longer unique": Failure(
        production="CREATE UNIQUE INDEX hosts ON person (md5(split_part(email, '@', 2)))",
        undo="DROP INDEX hosts",
        says=r"✗ (stripped_snapshot|development_database\.restore): ",
    ),
    "a value becomes too long for its column": Failure(
        production="ALTER TABLE note ADD extra varchar(45);"
        f""" UPDATE note SET extra = '{{"a": "{ROWS["a value of a document"]}", "by": "a@b.c"}}'""",
        undo="ALTER TABLE note DROP extra",
        rules=RULES.replace("columns: {body:", "columns: {extra: {mask: keep, $.by: email}, body:"),
        says=r"✗ stripped_snapshot: .*public\.note, column extra, row 1: it is longer than the column takes",
    ),
    "the proof finds somebody": Failure(
        production=f"UPDATE note SET at = 'gwenllian@{ROWS['an address']}.org.uk'",
        undo=f"UPDATE note SET at = '{ROWS['a town']}'",
        says=r"✗ stripped_snapshot: .*public\.note\.at",
    ),
    "a column has no rule": Failure(
        production=f"ALTER TABLE person ADD phone text; UPDATE person SET phone = '{ROWS['a telephone number']}'",
        undo="ALTER TABLE person DROP phone",
        says=r"✗ stripped_snapshot: 1 column has no rule",
    ),
    "a password is wrong": Failure(
        variables={"ETNA_PRODUCTION_PASSWORD": WRONG},
        says=r"✗ production_backup: .+ the password of role etna_backup is wrong: correct it\.",
    ),
    "a password is in the settings": Failure(
        settings="production: {{database: 'postgresql://etna_backup:" + WRONG + "@127.0.0.1/etna'}}\n",
        says=r"holds a password; take it out and put it into the variable ETNA_PRODUCTION_PASSWORD",
    ),
    "a key is none": Failure(
        variables={"ETNA_MASKING_KEY": SECRET},
        says=r"ETNA_MASKING_KEY is not 64 hex digits",
    ),
    "a fix-up says more than it should": Failure(
        settings=fixed_up_by(f"{{{{commands: [{SAYS_TOO_MUCH}]}}}}"),
        says=r"✗ development_database\.fix_ups: .*command 1, .+ failed \(exit code 3\): read .+/fix-ups/.+\.log\.",
    ),
    "a statement raises what it knows": Failure(
        settings=fixed_up_by("{{sql: [raises.sql]}}"),
        says=r"✗ development_database\.fix_ups: .*statement 1 of .*raises\.sql failed: ",
    ),
    "a redeploy says more than it should": Failure(
        settings=re.sub(r"command: \[python, .*?\]", f"command: {SAYS_TOO_MUCH}", SETTINGS),
        says=r"✗ development_redeploy: .+ failed \(exit code 3\); read .+\.log, then run `etna redeploy development`\.",
    ),
    "a webhook is refused": Failure(
        settings=re.sub(r"command: \[python, .*?\]", "webhook: 'http://127.0.0.1:1/{{push}}'", SETTINGS),
        says=r"✗ development_redeploy: ",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_night_that_fails(failure: Failure, scene: Scene) -> None:
    (scene.checkout.root / "raises.sql").write_text(
        "DO $$ BEGIN RAISE EXCEPTION 'about %', (SELECT string_agg(name, ',') FROM town); END $$;"
    )
    scene.rules(failure.rules)
    if failure.settings:
        scene.settings(instead=failure.settings)
    with scene.production_has(failure.production, failure.undo):
        ended = scene.job("nightly", **failure.variables)
    assert ended.code == 1
    assert re.search(failure.says, ended.err), ended.err


@pytest.mark.long
def test_all_goes_well(scene: Scene) -> None:
    """A night, a full copy pushed, a rollback, and what people ask for meanwhile."""
    assert scene.job("nightly").code == 0
    assert scene.job("refresh_staging").code == 0
    for command in (
        ["push", "development"],
        ["rollback", "development"],
        ["status"],
        ["snapshots"],
        ["report"],
        ["doctor"],
        ["rules", "check"],
        ["rules", "suggest"],
        ["rules", "preview", "person"],
    ):
        ended = scene.etna(*command)
        assert ended.out + ended.err and "Traceback" not in ended.err


def test_alerts_that_do_not_arrive(scene: Scene) -> None:
    ended = scene.etna("alert", "--test")

    assert ended.code == 1
    assert [line.split()[1] for line in ended.out.splitlines() if "✗" in line] == ["slack", "webhook", "email"]


@pytest.mark.long
@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch"])
def test_the_store_says_no(scene: Scene, code: str) -> None:
    """And quotes what it was sent."""
    quoted = f"{SECRETS['the secret of a command']} {SECRETS['a wrong password']}"
    body = f"<Error><Code>{code}</Code><Message>{quoted}</Message><StringToSign>{quoted}</StringToSign></Error>"
    server = Proxy("http://127.0.0.1:1")
    server.answer = lambda request: Reply(403, {"Content-Type": "application/xml"}, body.encode())
    with serving(server):
        scene.settings(f"store: {{url: 's3://snapshots', endpoint_url: '{server.url}', region: eu-west-2}}\n")
        ended = scene.job("nightly")
    says = {
        "AccessDenied": "The credentials are not allowed ",
        "ExpiredToken": "have expired: sign in again",
        "RequestTimeTooSkewed": "because this machine's clock is wrong: set the clock",
        "SignatureDoesNotMatch": "or their secret is wrong: check AWS_ACCESS_KEY_ID",
    }[code]
    assert ended.code == 1
    assert "↻" not in ended.err  # once more would not help
    assert re.search(f"✗ production_backup: .*{says}", ended.err), ended.err


@pytest.mark.long
@pytest.mark.parametrize("stage", ["backup", "restore"])
def test_a_night_that_is_killed(scene: Scene, stage: str) -> None:
    if stage == "backup":
        with scene.production.connect(autocommit=False) as blocker:
            blocker.execute("LOCK TABLE person")
            scene.kill_night("relation")
    else:
        with scene.production_has(SLOW, "DROP FUNCTION slow CASCADE"):
            scene.kill_night("PgSleep")
    assert scene.findings() == []
    assert scene.job("nightly").code == 0  # and it leaves nothing of what was killed
    assert [*(scene.home / "scratch").glob("*")] == []


@pytest.mark.long
def test_dagsters_history_in_postgres(scene: Scene) -> None:
    """In every value of its tables, after a night that went well and one that did not."""
    database = scene.checkout.server.database("dagster_history")
    scene.checkout.server.create_database(database.name)
    file = scene.checkout.root / "dagster.yaml"
    before = file.read_text()
    storage = "storage:\n  postgres:\n    postgres_url: {env: ETNA_DAGSTER_STORAGE_URL}\n\nlocal_artifact"
    file.write_text(re.sub(r"storage:\n  sqlite:.*?\nlocal_artifact", storage, before, flags=re.DOTALL))
    url = database.url.replace("@", f":{database.password}@").replace("postgresql:", "postgresql+psycopg2:")
    try:
        constraint = FAILURES["a row violates a constraint while it is copied"]
        with scene.production_has(constraint.production, constraint.undo):
            failed = scene.job("nightly", ETNA_DAGSTER_STORAGE_URL=url)
        assert re.search(constraint.says, failed.err), failed.err
        assert scene.job("nightly", ETNA_DAGSTER_STORAGE_URL=url).code == 0
    finally:
        file.write_text(before)
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) > 100 FROM event_logs").fetchone() == (True,)
    assert scene.hunter.in_database(database) == []


@pytest.mark.long
def test_a_store_in_s3(scene: Scene, s3_server: str) -> None:
    """Every object but those of full archives."""
    import boto3

    client = boto3.client("s3", endpoint_url=s3_server, region_name="eu-west-2", aws_access_key_id="testing",
                          aws_secret_access_key=SECRETS["AWS's key"])  # fmt: skip
    client.create_bucket(Bucket="planted", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    scene.settings(f"store: {{url: 's3://planted/nightly', endpoint_url: '{s3_server}', region: eu-west-2}}\n")
    ended = scene.job("nightly")
    assert ended.code == 0, ended.err

    copy = scene.checkout.root / "copy"
    for stored in client.list_objects_v2(Bucket="planted")["Contents"]:
        if not re.match(r"nightly/full/[^/]+/archive/", stored["Key"]):
            path = copy / stored["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file("planted", stored["Key"], str(path))
    found = scene.hunter.in_files([path for path in copy.rglob("*") if path.is_file()], copy)
    shutil.rmtree(copy)
    assert len(found) > 0  # the town, which the rules keep
    assert all(re.match(r"nightly/stripped/.+ holds a town", each) for each in found)
