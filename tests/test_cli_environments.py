"""Environments by hand: what people are told, and what is served then."""

from pathlib import Path

from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from tests.commands import Etna


def test_rollback_takes_the_environments_there_are(etna: Etna) -> None:
    assert "production is where data comes from" in etna("rollback", "production").err
    assert etna("rollback", "live").err == (
        "There is no environment `live`: there are staging, development, test, local.\n"
    )
    assert etna("rollback").code == 2


def test_the_very_first_push_says_what_comes_before_it(etna: Etna, fresh: Path) -> None:
    assert etna("push", "development").err == (
        f"{fresh}/.etna/store has no stripped snapshot yet: run the job `nightly` first.\n"
    )
    assert etna("push", "test").err == "`test` stands for many environments: name one, as in `test/login-page`.\n"
    assert not list(fresh.rglob("postgresql.conf"))


def test_rollback_and_back(fresh: Path, etna: Etna, database: Database, server: EmbeddedServer) -> None:
    previous = database.named(f"{database.name}_previous")
    server.create_database(previous.name)
    for which, row in ((database, "now"), (previous, "before")):
        with which.connect() as connection:
            connection.execute("CREATE TABLE state AS SELECT %s AS at", [row])
    (fresh / ".env").write_text(f"ETNA_LOCAL_PASSWORD={database.password}\n")
    (fresh / "environments.yaml").write_text(
        f"local:\n  database: '{database.url}'\n  redeploy: {{command: [python, -c, 'print(26.11)']}}\n"
    )

    def served() -> str:
        with database.connect() as connection:
            return str(connection.execute("SELECT at FROM state").fetchall()[0][0])

    try:
        first = etna("rollback", "local")
        assert (first.code, first.err) == (0, "")
        assert first.out.startswith("local serves what it served before any push again.")
        assert first.out.endswith("Redeployed: version 26.11.\n")
        assert served() == "before"

        assert etna("rollback", "local").code == 0
        assert served() == "now"
    finally:
        server.drop_database(previous.name)


def test_redeploying_again(fresh: Path, etna: Etna, database: Database, server: EmbeddedServer) -> None:
    server.create_database(f"{database.name}_previous")
    mended = fresh / "mended"
    (fresh / ".env").write_text(f"ETNA_LOCAL_PASSWORD={database.password}\n")
    (fresh / "environments.yaml").write_text(
        f"local:\n  database: '{database.url}'\n  redeploy: {{command: [sh, -c, 'test -e {mended} && echo 26.12']}}\n"
    )
    try:
        assert (
            etna("redeploy", "local").err == "Nothing was pushed to local yet: run the job that does, then redeploy.\n"
        )

        failed = etna("rollback", "local")
        assert failed.code == 1
        assert failed.err.endswith("then run `etna redeploy local`.\n")

        mended.touch()
        assert etna("redeploy", "local").out == "Redeployed: version 26.12.\n"

        mended.unlink()  # it succeeded, and is not done twice
        assert etna("redeploy", "local").out == "Redeployed: version 26.12.\n"
    finally:
        server.drop_database(f"{database.name}_previous")


def test_nothing_to_roll_back_to(fresh: Path, etna: Etna, database: Database) -> None:
    (fresh / ".env").write_text(f"ETNA_LOCAL_PASSWORD={database.password}\n")
    (fresh / "environments.yaml").write_text(f"local: {{database: '{database.url}'}}\n")

    ended = etna("rollback", "local")

    assert ended.code == 1
    assert ended.err == f"{database.label} has no previous database to roll back to: push a snapshot instead.\n"
