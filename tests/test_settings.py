"""environments.yaml: what it gives, and the sentence each mistake ends in."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from etna_pipelines import keys
from etna_pipelines.environments.features import Feature
from etna_pipelines.errors import SettingsError
from etna_pipelines.redeploy.spec import CommandRedeploy
from etna_pipelines.settings import Settings, load
from etna_pipelines.settings_file import SettingsFile
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.s3 import S3Store
from tests.certificates import Authority

ROOT = Path(__file__).parent.parent
A_KEY, ANOTHER_KEY = "0a" * 32, "1B" * 32

CONFIGURED = """\
production:
  database: postgresql://etna_backup@db.example.internal/etna?sslmode=require
store: s3://example-etna-snapshots/nightly
rules: anonymisation_rules/etna.yaml
staging:
  database: postgresql://etna_pusher@db.example.internal:6432/etna_staging
  hosts: {www.example.org: staging-www.example.org}
  redeploy: {command: [./redeploy, staging]}
  owner: etna_app_user
development:
  database: embedded
"""

Load = Callable[[str], Settings]


@pytest.fixture
def load_text(fresh: Path) -> Load:
    def load_text(text: str) -> Settings:
        (fresh / "environments.yaml").write_text(text)
        return load()

    return load_text


def test_without_a_file_everything_is_embedded(fresh: Path) -> None:
    settings = load()

    assert settings.home == fresh / ".etna"
    assert settings.store.url == str(fresh / ".etna/store")
    assert settings.rules == fresh / "anonymisation_rules/demo.yaml"
    assert list(settings.sections) == ["production", "staging", "development", "test", "local"]
    assert all(settings.is_embedded(name) for name in settings.sections)
    assert settings.uses_embedded_server


@pytest.mark.parametrize("text", ["", "# only a remark\n", "production:\n  # all commented\nstaging:\n"])
def test_an_empty_file_says_what_no_file_says(fresh: Path, load_text: Load, text: str) -> None:
    assert load_text(text) == load(fresh / "absent.yaml")


def test_the_file_of_the_checkout_spells_the_default_out(fresh: Path, load_text: Load) -> None:
    assert load_text((ROOT / "environments.yaml").read_text()) == load(fresh / "absent.yaml")


def test_the_demo_is_redeployed_by_the_python_that_runs_us(fresh: Path) -> None:
    development = load().sections["development"]

    assert development.redeploy == CommandRedeploy(command=[sys.executable, "-m", "etna_pipelines.demo.redeploy"])
    assert development.hosts == {"www.example.org": "development.example.org"}


def test_a_configured_file(fresh: Path, load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_PRODUCTION_PASSWORD", "hunter2")
    (fresh / ".env").write_text("ETNA_STAGING_PASSWORD=swordfish\n")

    settings = load_text(CONFIGURED)

    production, staging = settings.production.database, settings.environment("staging")
    assert (production.host, production.port, production.user, production.name) == (
        "db.example.internal",
        5432,
        "etna_backup",
        "etna",
    )
    assert production.options == (("sslmode", "require"),)
    assert production.password == "hunter2"
    assert staging.database.port == 6432
    assert staging.database.password == "swordfish"
    assert (staging.snapshot, staging.owner) == ("full", "etna_app_user")
    assert staging.hosts == {"www.example.org": "staging-www.example.org"}
    assert staging.redeploy == CommandRedeploy(command=["./redeploy", "staging"])
    assert settings.rules == fresh / "anonymisation_rules/etna.yaml"
    assert "hunter2" not in repr(settings) and "swordfish" not in repr(settings)


def test_fix_ups_find_their_files_and_passwords(fresh: Path, load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "after.sql").touch()
    monkeypatch.setenv("ETNA_STAGING_SUPERUSER_PASSWORD", "hunter2")
    settings = load_text("""
staging:
  database: postgresql://me@db/a
  fix_ups: {sql: [after.sql], commands: [[python, manage.py, migrate]]}
test:
  database: postgresql://me@db/b
  hosts: {www.org: "{name}.org"}
  fix_ups: {rewrite: {site.code: {www: "{name}"}}}
local:
  database: postgresql://me@db/c
""")

    staging = settings.environment("staging")
    assert staging.fix_ups.sql == [str(fresh / "after.sql")]
    assert staging.fix_ups.commands == [[sys.executable, "manage.py", "migrate"]]
    assert (staging.superuser_password, "hunter2" in repr(staging)) == ("hunter2", False)
    feature = settings.feature_environment(Feature("login", "feature/login"))
    assert (feature.hosts, feature.fix_ups.rewrite) == ({"www.org": "login.org"}, {"site.code": {"www": "login"}})
    assert (feature.kind, feature.superuser_password) == ("test", None)
    assert settings.environment("local").superuser_password == "admin"


def test_a_real_production_brings_no_environment_that_nobody_named(load_text: Load) -> None:
    settings = load_text("production: {database: postgresql://etna@db.example.internal/etna}\n")

    assert list(settings.sections) == ["production", "development"]
    assert settings.sections["development"].redeploy is None


def test_etna_settings_names_another_file(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "elsewhere").mkdir()
    (fresh / "elsewhere/mine.yaml").write_text("store: snapshots\n")
    monkeypatch.setenv("ETNA_SETTINGS", str(fresh / "elsewhere/mine.yaml"))

    assert load().store.url == str(fresh / "elsewhere/snapshots")


def test_etna_home_moves_the_embedded_parts(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_HOME", str(fresh / "home"))

    settings = load()

    assert (settings.home, settings.store.url) == (fresh / "home", str(fresh / "home/store"))


def test_the_file_named_by_etna_settings_is_missing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_SETTINGS", "/nowhere/environments.yaml")

    assert mistake(load) == (
        "ETNA_SETTINGS names /nowhere/environments.yaml, which is not there: correct the variable or unset it."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "production:\n  database: embedded\ndevelopment:\n  databse: embedded\n",
            "environments.yaml, line 4: `databse` is not a setting of `development`; did you mean `database`?",
            id="unknown key",
        ),
        pytest.param(
            "colour: blue\n",
            "environments.yaml, line 1: `colour` is not a setting; use one of "
            + ", ".join(f"`{name}`" for name in SettingsFile.model_fields)
            + ".",
            id="unknown section",
        ),
        pytest.param(
            "test:\n  redeploy:\n    comand: [x]\n",
            "environments.yaml, line 2: `test.redeploy` has `comand`, which is no way to redeploy: use one of "
            "`command`, `workflow`, `webhook`, `ssm`, `lambda`, `ecs`.",
            id="unknown redeploy",
        ),
        pytest.param(
            "test:\n  redeploy: {command: [x], webhook: 'https://x'}\n",
            "environments.yaml, line 2: `test.redeploy` has `command` and `webhook`: keep one of them.",
            id="two redeploys",
        ),
        pytest.param(
            "test:\n  redeploy: now\n",
            "environments.yaml, line 2: `test.redeploy` must be a mapping (`name: value`) with one of `command`, "
            "`workflow`, `webhook`, `ssm`, `lambda`, `ecs`.",
            id="a redeploy that is no mapping",
        ),
        pytest.param(
            "test:\n  redeploy:\n    lambda: deploy\n    payloud: {}\n",
            "environments.yaml, line 4: `payloud` is not a setting of `test.redeploy`; did you mean `payload`?",
            id="unknown key of a redeploy",
        ),
        pytest.param(
            "test:\n  redeploy:\n    ssm: {Name: web}\n",
            "environments.yaml, line 2: `test.redeploy` has no `commands`; add it.",
            id="half a redeploy",
        ),
        pytest.param(
            "test:\n  redeploy:\n    webhook: https://user:hunter2@deploy.example\n",
            "environments.yaml, line 3: `test.redeploy.webhook` must be an address such as "
            "`https://deploy.example.org/etna`, without credentials.",
            id="credentials in a webhook",
        ),
        pytest.param(
            "test:\n  redeploy:\n    ecs: web\n",
            "environments.yaml, line 3: `test.redeploy.ecs` must be a cluster and a service, as in `staging/web`.",
            id="a service without its cluster",
        ),
        pytest.param(
            "test:\n  registry: {branch: feature/*}\n",
            "environments.yaml, line 2: `test.registry` has `branch`, which is no way to list feature environments: "
            "use one of `branches`, `deployments`, `directory`.",
            id="unknown registry",
        ),
        pytest.param(
            "test:\n  registry: {}\n",
            "environments.yaml, line 2: `test.registry` is empty: it needs one of `branches`, `deployments`, "
            "`directory`.",
            id="empty registry",
        ),
        pytest.param(
            "staging:\n  hosts:\n    a: 1\n",
            "environments.yaml, line 3: `staging.hosts.a` must be a text.",
            id="wrong type",
        ),
        pytest.param(
            "local:\n  hosts:\n    a: https://b\n",
            "environments.yaml, line 3: `local.hosts.a` must be a host, or with a port as in `localhost:8000`.",
            id="a URL for a host",
        ),
        pytest.param(
            "staging:\n  fix_ups:\n    keep: [token]\n    emty: [mail]\n",
            "environments.yaml, line 4: `emty` is not a setting of `staging.fix_ups`; did you mean `empty`?",
            id="unknown fix-up",
        ),
        pytest.param(
            "staging:\n  fix_ups:\n    keep: [token]\n    empty: [token]\n",
            "environments.yaml, line 2: `staging.fix_ups` says `token` under `keep` and `empty`; take it out of one of "
            "them.",
            id="kept and emptied",
        ),
        pytest.param(
            "staging:\n  fix_ups:\n    rewrite:\n      page: {a: b}\n",
            "environments.yaml, line 4: `staging.fix_ups.rewrite.page` must be a column with its table, such as "
            "`blog_page.link` or `public.blog_page.link`.",
            id="a table for a column",
        ),
        pytest.param(
            "staging:\n  fix_ups:\n    keep:\n    - a.b.c\n",
            "environments.yaml, line 4: `staging.fix_ups.keep.0` must be a table, such as `api_apitoken` or "
            "`public.api_apitoken`.",
            id="no table",
        ),
        pytest.param(
            "staging:\n  fix_ups:\n    sql:\n    - /no/where.sql\n",
            "environments.yaml, line 4: /no/where.sql is not there; correct its name.",
            id="a file that is not there",
        ),
        pytest.param(
            "development: yes\n",
            "environments.yaml, line 1: `development` must be a mapping (`name: value`).",
            id="not a mapping",
        ),
        pytest.param(
            "- production\n", "environments.yaml, line 1: the file must be a mapping (`name: value`).", id="a list"
        ),
        pytest.param(
            "test:\n  redeploy: {command: []}\n",
            "environments.yaml, line 2: `test.redeploy.command` is wrong: list should have at least 1 item after "
            "validation, not 0.",
            id="empty command",
        ),
        pytest.param(
            "test:\n  redeploy:\n    command:\n      - run\n      - 5\n",
            "environments.yaml, line 5: `test.redeploy.command.1` must be a text.",
            id="number in a command",
        ),
        pytest.param(
            "local: {database: embedded}\ntest: {database: embedded}\nlocal: {}\n",
            "environments.yaml, line 3: `local` is said twice, first in line 1; keep one of them.",
            id="section twice",
        ),
        pytest.param(
            "test:\n  database: mysql://root@db/etna\n",
            "environments.yaml, line 2: `test.database` must be `embedded` or a URL such as "
            "`postgresql://user@host:5432/name`.",
            id="not a PostgreSQL URL",
        ),
        pytest.param(
            "test:\n  database: postgresql://user@host:port/etna\n",
            "environments.yaml, line 2: `test.database` must be `embedded` or a URL such as "
            "`postgresql://user@host:5432/name`, special characters as `%40`.",
            id="port that is no number",
        ),
        pytest.param(
            "test:\n  database: postgresql://host/etna\n",
            "environments.yaml, line 2: `test.database` must be `embedded` or a URL such as "
            "`postgresql://user@host:5432/name`, special characters as `%40`.",
            id="no user",
        ),
        pytest.param(
            "staging:\n  snapshot: whole\n",
            "environments.yaml, line 2: `staging.snapshot` must be `full` or `stripped`.",
            id="unknown kind of snapshot",
        ),
        *(
            pytest.param(
                f"{name}:\n  snapshot: full\n",
                f"environments.yaml, line 2: `{name}.snapshot` must be `stripped`; only staging may see real people's "
                "data.",
                id=f"full snapshot for {name}",
            )
            for name in ("development", "test", "local")
        ),
        pytest.param(
            "production:\n  database: postgresql://a@DB.example.internal/etna\n"
            "development:\n  database: postgresql://b@db.example.internal:5432/etna\n",
            "environments.yaml, line 4: `development` has the very database of `production`, and a push would replace "
            "it; name another.",
            id="production as target",
        ),
        pytest.param(
            "staging:\n  database: postgresql://a@localhost/etna\nlocal:\n  database: postgresql://a@127.0.0.1/etna\n",
            "environments.yaml, line 4: `local` has the very database of `staging`, and their pushes would undo each "
            "other; name another.",
            id="two environments in one database",
        ),
        pytest.param(
            "test:\n  database: postgresql://a@localhost/etna\n"
            "development:\n  database: postgresql://b@127.0.0.1/etna_development\n",
            "environments.yaml, line 2: the databases of feature environments would be called `etna_...`, as "
            "`etna_development` of `development` is, and a branch's push could replace it; name another beginning.",
            id="a database that a feature environment's can be",
        ),
        pytest.param(
            "store: gs://bucket\n",
            "environments.yaml, line 1: `store` must be `embedded`, a directory, or an address such as "
            "`s3://bucket/prefix`.",
            id="unknown store",
        ),
        pytest.param(
            "store: {url: snapshots, region: eu-west-2}\n",
            "environments.yaml, line 1: `store` has `region`, which only an `s3://` store can have; take that out.",
            id="region of a directory",
        ),
        pytest.param(
            "store: {url: 's3://b', endpoint_url: 'http://s3.internal:9000'}\n",
            "environments.yaml, line 1: `store` would send snapshots unencrypted to s3.internal: give it an https:// "
            "`endpoint_url`, or say `plain_http: true` where nobody else is on the way.",
            id="a store without encryption on the way",
        ),
        pytest.param(
            "test:\n  redeploy:\n    webhook: http://deploy.example\n",
            "environments.yaml, line 2: `test.redeploy` has a `webhook` that begins with http://: make it https://, or "
            "say `plain_http: true`.",
            id="a webhook without encryption on the way",
        ),
        pytest.param(
            "production: {database: embedded\n",
            "environments.yaml, line 2: this is not YAML (expected ',' or '}', but got '<stream end>'); check the "
            "indentation, colons and quotes here and just above.",
            id="open bracket",
        ),
        pytest.param(
            "rules: &here [*here]\n",
            "environments.yaml, line 1: an alias refers to what it stands in; write the value out.",
            id="endless",
        ),
        pytest.param(
            "rules: 2026-13-45\n",
            "environments.yaml, line 1: this is not YAML (a value that must stand in quotes); check the indentation, "
            "colons and quotes here and just above.",
            id="impossible date",
        ),
    ],
)
def test_each_mistake_is_one_sentence_with_its_line(load_text: Load, text: str, sentence: str) -> None:
    assert mistake(lambda: load_text(text)) == sentence


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("staging:\n  database: postgresql://user:hunter2@host/etna\n", "ETNA_STAGING_PASSWORD"),
        ("staging:\n  database: postgresql://user@host/etna?password=hunter2\n", "ETNA_STAGING_PASSWORD"),
        ("staging:\n  database: postgresql://user:hunter2#@host/etna\n", "ETNA_STAGING_PASSWORD"),
        ("staging:\n  database: postgresql://user:1/hunter2@host/etna\n", "`staging.database`"),
        ("store: {url: 's3://snapshots', endpoint_url: 'https://key:hunter2@s3.internal'}\n", "boto3"),
        ("staging:\n  database: *hunter2\n", "line 2"),
        ("staging:\n  database: !hunter2 x\n", "line 2"),
        ("staging:\n  database: 'hunter2\n", "line 3"),
        ("staging:\n  owner: [hunter2]\n", "`staging.owner`"),
    ],
)
def test_no_message_holds_what_may_be_a_secret(load_text: Load, text: str, named: str) -> None:
    sentence = mistake(lambda: load_text(text))

    assert named in sentence
    assert "hunter2" not in sentence


def test_embedded_keys_are_made_once_for_their_owner_alone(fresh: Path) -> None:
    masking, signing = load().masking_key(), load().signing_key()

    assert (load().masking_key(), load().signing_key()) == (masking, signing)
    assert len(masking) == len(signing) == 32
    assert masking != signing
    files = sorted((fresh / ".etna/keys").iterdir())
    assert [file.name for file in files] == ["masking.key", "signing.key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_given_keys_count_before_made_ones(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_MASKING_KEY", A_KEY)

    assert load().masking_key() == bytes.fromhex(A_KEY)
    assert not (fresh / ".etna").exists()


def test_a_real_production_never_gets_a_made_up_key(fresh: Path, load_text: Load) -> None:
    settings = load_text(CONFIGURED)

    for key, variable in ((settings.masking_key, "ETNA_MASKING_KEY"), (settings.signing_key, "ETNA_SIGNING_KEY")):
        sentence = mistake(key)
        assert sentence.startswith(f"{variable} is not set")
        assert keys.HOW_TO_MAKE_ONE in sentence
    assert not (fresh / ".etna").exists()


@pytest.mark.parametrize(
    ("masking", "signing", "named"),
    [
        (A_KEY[:-1], ANOTHER_KEY, "ETNA_MASKING_KEY is not 64 hex digits"),
        (A_KEY, "secret-" * 9 + "!", "ETNA_SIGNING_KEY is not 64 hex digits"),
        (ANOTHER_KEY, ANOTHER_KEY.lower(), "are the same"),
    ],
)
def test_keys_that_are_none(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, masking: str, signing: str, named: str
) -> None:
    monkeypatch.setenv("ETNA_MASKING_KEY", masking)
    monkeypatch.setenv("ETNA_SIGNING_KEY", signing)

    sentence = mistake(load)

    assert named in sentence
    assert not any(key in sentence for key in (masking, signing))


def test_old_signing_keys_verify_and_never_mask(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_SIGNING_KEY", A_KEY)
    monkeypatch.setenv("ETNA_OLD_SIGNING_KEYS", f"{A_KEY} 2025:{ANOTHER_KEY}")
    newest, old = bytes.fromhex(A_KEY), bytes.fromhex(ANOTHER_KEY)

    assert load().signing_keys() == keys.SigningKeys(newest, (old,))
    monkeypatch.setenv("ETNA_MASKING_KEY", ANOTHER_KEY)
    assert "are the same" in mistake(load)


def test_a_file_of_a_newer_version_is_refused_before_its_keys(load_text: Load) -> None:
    load_text("version: 1\n")
    assert mistake(lambda: load_text("stroe: x\nversion: 2\n")) == (
        "environments.yaml, line 2: `version` is 2 and this etna-pipelines reads 1: use a newer one."
    )
    assert "`version` must be 1" in mistake(lambda: load_text("version: one\n"))


def test_where_drills_are_held(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETNA_DRILL_PASSWORD", "hunter2")
    settings = load_text("integrity: {weeks: 2, drill: 'postgresql://drills@db.example.org/postgres'}\n")
    assert (settings.integrity.weeks, settings.drill_is_embedded, settings.drill.name) == (2, False, "drill")
    assert settings.drill.database.label == "etna_drill on db.example.org:5432"
    assert settings.drill.database.password == "hunter2"

    assert load_text("integrity: {drill: false}\n").integrity.drill == ""
    for wrong, says in {
        "true": "`integrity.drill` must be `embedded`, a URL such as",
        "somewhere": "`integrity.drill` must be `embedded`, a URL such as",
        "'postgresql://drills:hunter2@db.example.org/postgres'": "into the variable ETNA_DRILL_PASSWORD",
        "'postgresql://db.example.org'": "`integrity.drill` must be `embedded` or a URL such as",
    }.items():
        sentence = mistake(lambda wrong=wrong: load_text(f"integrity:\n  drill: {wrong}\n"))  # type: ignore[misc]
        assert sentence.startswith("environments.yaml, line 2: ") and says in sentence
        assert "hunter2" not in sentence


def test_production_is_no_target(fresh: Path) -> None:
    assert "production is where data comes from" in mistake(lambda: load().environment("production"))
    assert "There is no environment `live`" in mistake(lambda: load().environment("live"))


def test_the_store_is_a_directory_or_s3(load_text: Load) -> None:
    assert isinstance(load_text("store: snapshots\n").open_store(), LocalStore)
    store = load_text("store: {url: 's3://snapshots/nightly', endpoint_url: 'http://localhost:1', region: eu-west-2}\n")
    assert isinstance(store.open_store(), S3Store)
    assert (store.store.bucket, store.store.prefix) == ("snapshots", "nightly")


def test_snapshots_go_unencrypted_only_where_that_is_said(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_clear = "endpoint_url: 'http://s3.internal:9000', plain_http: true"
    assert isinstance(load_text(f"store: {{url: 's3://b', {in_the_clear}}}\n").open_store(), S3Store)

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3.internal:9000")
    by_variable = load_text("store: {url: 's3://b', region: eu-west-2}\n")
    assert "would send snapshots unencrypted to http://s3.internal:9000" in mistake(by_variable.open_store)


def test_a_brokers_password_goes_over_tls(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    celery = "growing: {executor: celery}"
    for good in ("rediss://:planted@redis.example.org", "redis://:planted@localhost", "redis://redis.example.org"):
        monkeypatch.setenv("ETNA_BROKER_URL", good)
        assert load_text(celery).broker() == good

    monkeypatch.setenv("ETNA_BROKER_URL", "redis://:planted@redis.example.org")
    with pytest.raises(SettingsError, match="ETNA_BROKER_URL begins with redis://") as refused:
        load_text(celery)
    assert "planted" not in str(refused.value)
    load_text("")  # nobody uses it


def test_an_authority_of_ones_own_for_the_store(load_text: Load, fresh: Path) -> None:
    settings = load_text("store: {url: 's3://b', region: eu-west-2, ca_bundle: ca.pem}\n")
    assert mistake(settings.open_store) == f"`store.ca_bundle` names {fresh}/ca.pem, which is not there: correct it."
    Authority(fresh, "ca")
    assert isinstance(settings.open_store(), S3Store)


def test_github_is_opened_as_a_token_or_as_an_app(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"environments.yaml has no `github`"):
        load_text("").open_github()
    token, app = "github: {repository: owner/name}", "github: {repository: owner/name, app: {id: 1, installation: 2}}"
    with pytest.raises(SettingsError, match=r"ETNA_GITHUB_TOKEN is not set, .* a fine-grained token for it"):
        load_text(token).open_github()
    with pytest.raises(SettingsError, match=r"ETNA_GITHUB_PRIVATE_KEY is not set, .* the App's private key"):
        load_text(app).open_github()

    monkeypatch.setenv("ETNA_GITHUB_TOKEN", "github_pat_x")
    with load_text(token).open_github() as github:
        assert github.repository == "owner/name"
    monkeypatch.setenv("ETNA_GITHUB_PRIVATE_KEY", "a word")
    with pytest.raises(SettingsError, match="is not a private key in PEM"):
        load_text(app).open_github()


@pytest.mark.parametrize(
    "url", ["http://github.example.org", "https://", "https://user:word@github.example.org", "github.example.org/api"]
)
def test_the_github_token_goes_over_https(load_text: Load, url: str) -> None:
    with pytest.raises(SettingsError, match=r"`github.api_url` must be an https address") as raised:
        load_text(f"github: {{repository: owner/name, api_url: '{url}'}}")
    assert "word" not in str(raised.value)


def test_a_store_whose_address_is_none(load_text: Load) -> None:
    settings = load_text("store: {url: 's3://snapshots', endpoint_url: nowhere, region: eu-west-2}\n")

    assert mistake(settings.open_store).startswith("The store s3://snapshots cannot be opened (ValueError)")


def mistake(call: Callable[[], object]) -> str:
    with pytest.raises(SettingsError) as caught:
        call()
    return str(caught.value)
