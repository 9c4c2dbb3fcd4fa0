"""The whole flow as the roles of deploy/roles, and what it says where one of their privileges is missing."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.errors import DependentObjectsStillExist

from etna_pipelines.errors import EtnaError
from etna_pipelines.feature_steps import FeatureSteps
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.push_steps import PushSteps
from etna_pipelines.settings import load
from etna_pipelines.snapshots.manifest import Manifest
from etna_pipelines.steps import Steps
from tests.environments.conftest import databases

ROLES = Path(__file__).parents[2] / "deploy/roles"
BACKUP, PUSHER, APP = "etna_backup", "etna_pusher", "etna_app"
PASSWORD = "of-the-test"

PRODUCTION = """
    CREATE SCHEMA private;
    CREATE TABLE person (id serial PRIMARY KEY, email text NOT NULL);
    CREATE TABLE private.note (id int PRIMARY KEY, person int REFERENCES person, body text);
    INSERT INTO person (email) SELECT 'person' || i || '@harbourlight-post.co.uk' FROM generate_series(1, 20) i;
    INSERT INTO private.note VALUES (1, 1, 'planted');
    CREATE EXTENSION citext;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""
RULES = """
tables:
  person: {keep: [id], columns: {email: email}}
  private.note: {keep: [id, person], columns: {body: null}}
"""
SETTINGS = """
rules: rules.yaml
production: {{database: {production}}}
development: {{database: {pushed}_development, owner: etna_app}}
test: {{database: {pushed}_test, owner: etna_app, registry: {{directory: registry}}}}
"""


@dataclass(frozen=True)
class Bench:
    """Production and its targets on one server; we are no superuser of it, but `admin` is."""

    admin: Database

    @property
    def steps(self) -> Steps:
        settings = load()
        return Steps(settings, settings.open_store())

    @property
    def pushes(self) -> PushSteps:
        return PushSteps(self.steps.settings, self.steps.store)

    @property
    def features(self) -> FeatureSteps:
        return FeatureSteps(self.steps.settings, self.steps.store)

    @property
    def live(self) -> Database:
        return self.admin.named("roles_development")

    def run(self, *statements: str, on: Database | None = None) -> None:
        with (on or self.admin).connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def night(self) -> Manifest:
        """Backup, strip and proof; the stripped snapshot."""
        steps = self.steps
        full = steps.catalogue.publish(steps.check_backup(steps.back_up().id))
        return steps.publish(steps.strip(full.id))

    def emails(self, database: str) -> tuple[int, int]:
        """How many people a database has, and how many of production's addresses."""
        with self.admin.named(database).connect() as connection:
            query = "SELECT count(*), count(*) FILTER (WHERE email ~ 'harbourlight') FROM person"
            [(people, known)] = connection.execute(query).fetchall()
            return people, known

    def refusal_of_backup(self) -> str:
        with pytest.raises(EtnaError) as refused:
            self.steps.back_up()
        assert not refused.value.retryable
        return str(refused.value)

    def refusal_of_push(self, snapshot: Manifest) -> str:
        """Nothing is made, and who is connected stays so."""
        before = databases(self.live)
        with self.live.connect() as somebody:
            with pytest.raises(EtnaError) as refused:
                self.pushes.begin("development", snapshot)
            somebody.execute("SELECT")
        assert databases(self.live) == before
        assert not refused.value.retryable
        return str(refused.value)


def bench_on(server: EmbeddedServer, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    server.create_database("roles_production")
    bench = Bench(server.database("roles_production"))
    bench.run(PRODUCTION, (ROLES / "production.sql").read_text(), (ROLES / "target.sql").read_text())
    for role, environments in ((BACKUP, ["PRODUCTION"]), (PUSHER, ["DEVELOPMENT", "TEST"])):
        bench.run(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
        for environment in environments:
            monkeypatch.setenv(f"ETNA_{environment}_PASSWORD", PASSWORD)
    for name, byte in (("MASKING", "5e"), ("SIGNING", "a7")):
        monkeypatch.setenv(f"ETNA_{name}_KEY", byte * 32)
    url = bench.admin.url
    (directory / "environments.yaml").write_text(
        SETTINGS.format(
            production=url.replace("postgres@", f"{BACKUP}@"),
            pushed=url.replace("postgres@", f"{PUSHER}@").removesuffix("_production"),
        )
    )
    (directory / "rules.yaml").write_text(RULES)
    try:
        yield bench
    finally:
        with bench.admin.maintenance.connect() as connection:
            for name in databases(bench.admin.named("roles")):
                connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            for role in (PUSHER, APP, BACKUP):
                with suppress(DependentObjectsStillExist):  # the demo's tests have a role of that name on this server
                    connection.execute(f"DROP ROLE {role}")


@pytest.fixture(params=["server", pytest.param("server15", marks=pytest.mark.long)])
def bench(request: pytest.FixtureRequest, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from bench_on(request.getfixturevalue(request.param), fresh, monkeypatch)


def test_the_whole_flow(bench: Bench, fresh: Path) -> None:
    """Backup, strip, push, swap under somebody else's session, rollback, clone, removal; no role is a superuser."""
    bench.run((ROLES / "production.sql").read_text(), (ROLES / "target.sql").read_text())  # once more does no harm
    bench.run("CREATE DATABASE roles_development OWNER etna_app", "CREATE ROLE reader LOGIN PASSWORD 'x'")
    bench.run("CREATE TABLE person (id int, email text)", on=bench.live)
    with bench.admin.connect() as connection:
        roles = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolname IN ('etna_backup', 'etna_pusher', 'etna_app')"
        assert connection.execute(roles).fetchall() == []

    snapshot = bench.night()
    reader = Database(bench.live.host, bench.live.port, "reader", bench.live.name, "x")
    with reader.connect():
        done = bench.pushes.push("development", snapshot)
    assert bench.emails("roles_development") == (20, 0)
    with bench.live.connect() as connection:
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('public', 'private')"
        assert connection.execute(owners).fetchall() == [(APP,)]
    bench.pushes.rollback("development", expected=done.id)
    assert bench.emails("roles_development") == (0, 0)

    branch = fresh / "registry/feature/login"
    branch.parent.mkdir(parents=True)
    branch.touch()
    bench.features.tick()
    bench.pushes.push("test/login", snapshot)
    assert bench.emails("roles_test_login") == (20, 0)
    branch.unlink()
    bench.features.remove("login")
    assert "roles_test_login" not in databases(bench.admin.named("roles"))
    bench.run("DROP ROLE reader")


def test_production_is_only_read(bench: Bench) -> None:
    """By want of privileges, whatever the role's own settings say, and where not everybody may create in `public`."""
    url = bench.steps.settings.production.database
    with url.connect() as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM person",
            "UPDATE private.note SET body = ''",
            "TRUNCATE person",
            "SELECT nextval('person_id_seq')",
            "CREATE TABLE public.mine ()",
            "SELECT lo_creat(-1)",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, 'x')",
            "SELECT lo_import('/etc/passwd')",
            "DROP TABLE person",
            "ALTER TABLE person DISABLE TRIGGER ALL",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
        ):
            with pytest.raises(Exception, match=r"permission denied|must be owner"):
                connection.execute(statement)


def test_what_is_missing_in_production(bench: Bench) -> None:
    says = {
        "ALTER ROLE etna_backup NOLOGIN": (
            "roles_production on {} refuses the connection: role etna_backup may not log in: ALTER ROLE it to LOGIN."
        ),
        "REVOKE CONNECT ON DATABASE roles_production FROM PUBLIC, etna_backup": (
            "roles_production on {} refuses the connection: role etna_backup may not connect: GRANT it CONNECT on the "
            "database."
        ),
        "REVOKE pg_read_all_data FROM etna_backup": (
            "Role etna_backup may not read 3 objects of roles_production on {} (private.note, public.person, "
            "public.person_id_seq): GRANT pg_read_all_data TO etna_backup."
        ),
        "REVOKE pg_read_all_data FROM etna_backup; GRANT USAGE ON SCHEMA public, private TO etna_backup;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public, private TO etna_backup": (
            "Role etna_backup may not read 1 object of roles_production on {} (public.person_id_seq): "
            "GRANT pg_read_all_data TO etna_backup."
        ),
        "ALTER TABLE person ENABLE ROW LEVEL SECURITY": (
            "Row-level security hides rows of roles_production on {} from role etna_backup (public.person): "
            "ALTER ROLE etna_backup BYPASSRLS."
        ),
    }
    for taken, sentence in says.items():
        bench.run(taken)
        assert bench.refusal_of_backup() == sentence.format(where(bench))
        bench.run((ROLES / "production.sql").read_text(), "ALTER TABLE person DISABLE ROW LEVEL SECURITY")
        bench.run("REVOKE ALL ON ALL TABLES IN SCHEMA public, private FROM etna_backup")
    assert bench.steps.back_up().rows == 21
    assert list((bench.steps.settings.home / "scratch").glob("*")) == []


def test_what_is_missing_on_a_target(bench: Bench) -> None:
    bench.run("CREATE DATABASE roles_development OWNER etna_app")
    snapshot = bench.night()
    at = where(bench)
    says = {
        "ALTER ROLE etna_pusher NOLOGIN": (
            f"roles_development on {at} refuses the connection: role etna_pusher may not log in: "
            "ALTER ROLE it to LOGIN."
        ),
        "ALTER ROLE etna_pusher NOCREATEDB": (
            f"Role etna_pusher may not create databases on {at}: ALTER ROLE etna_pusher CREATEDB."
        ),
        "REVOKE pg_signal_backend FROM etna_pusher": (
            f"Role etna_pusher may not end the sessions that a swap has to end on {at}: "
            "GRANT pg_signal_backend TO etna_pusher."
        ),
        "REVOKE etna_app FROM etna_pusher": (
            f"Role etna_pusher is no member of etna_app, who is to own roles_development on {at}: "
            "GRANT etna_app TO etna_pusher."
        ),
        "ALTER DATABASE roles_development OWNER TO postgres": (
            f"Database roles_development on {at} is owned by postgres, of whom etna_pusher is no member, so it can't "
            "be renamed: ALTER DATABASE roles_development OWNER TO etna_app."
        ),
    }
    with bench.admin.connect() as connection:
        if connection.info.server_version >= 160000:
            says |= {
                "GRANT etna_app TO etna_pusher WITH INHERIT FALSE": (
                    f"Role etna_pusher is a member of etna_app, who is to own roles_development on {at}, but not with "
                    "its rights: GRANT etna_app TO etna_pusher WITH INHERIT TRUE."
                ),
                "GRANT etna_app TO etna_pusher WITH SET FALSE": (
                    f"Role etna_pusher is a member of etna_app, who is to own roles_development on {at}, but may not "
                    "become it: GRANT etna_app TO etna_pusher WITH SET TRUE."
                ),
            }
    for taken, sentence in says.items():
        bench.run(taken)
        assert bench.refusal_of_push(snapshot) == sentence
        bench.run("REVOKE etna_app FROM etna_pusher", (ROLES / "target.sql").read_text())
        bench.run("ALTER DATABASE roles_development OWNER TO etna_app")
    bench.pushes.push("development", snapshot)


def test_a_tablespace_that_may_not_be_used(bench: Bench) -> None:
    snapshot = bench.night()
    bench.run("SET allow_in_place_tablespaces = on", "CREATE TABLESPACE roles_space LOCATION ''")
    bench.run("CREATE DATABASE roles_development OWNER etna_app TABLESPACE roles_space")
    try:
        assert bench.refusal_of_push(snapshot) == (
            "Role etna_pusher may not make databases in tablespace roles_space, where roles_development on "
            f"{where(bench)} is: GRANT CREATE ON TABLESPACE roles_space TO etna_pusher."
        )
        bench.run("GRANT CREATE ON TABLESPACE roles_space TO etna_pusher")
        bench.pushes.push("development", snapshot)
    finally:
        for name in databases(bench.live):
            bench.run(f'DROP DATABASE "{name}" WITH (FORCE)')
        bench.run("DROP TABLESPACE roles_space")


def where(bench: Bench) -> str:
    return f"{bench.admin.host}:{bench.admin.port}"
