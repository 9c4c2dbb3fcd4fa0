"""deploy/README.md followed to the letter on a clean machine, and three nights there."""

import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.flows.machine import Machine

PROJECT = Path(__file__).parents[2]
AWS, RECEIVER = "127.0.0.1:5555", "127.0.0.1:9999"
ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-2"}
PATIENCE = 1500
"""Seconds for a night, from when it is set: a busy machine takes minutes to compile the kernels, which is done once."""

PRODUCTION = """
CREATE TABLE person (id int PRIMARY KEY, email text NOT NULL);
INSERT INTO person SELECT i, 'person' || i || '@harbourlight-post.co.uk' FROM generate_series(1, 50) i;
"""
RULES = "tables: {person: {keep: [id], columns: {email: email}}}\n"

RECEIVING = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(json.dumps([dict(self.headers), body]), file=open("/run/received", "a"), flush=True)
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", 9999), Receiver).serve_forever()
"""


def blocks() -> Iterator[tuple[str, str]]:
    """The page's shell blocks that are for this machine, each with the section it stands in."""
    page = (PROJECT / "deploy/README.md").read_text()
    for section in re.split(r"(?m)^## ", page)[1:]:
        for block in re.findall(r"(?ms)^```sh\n(.*?)^```", section):
            yield section.partition(".")[0], block


class Followed:
    """A machine on which somebody follows the page."""

    def __init__(self, at: Machine, directory: Path) -> None:
        self.at = at
        self._directory = directory
        self.done: set[str] = set()

    def follow(self, *sections: str, network: bool = False, **variables: str) -> str:
        """Paste sections into one shell."""
        self.done |= {*sections}
        todo = [block for number, block in blocks() if number in sections]
        assert len(todo) >= len(sections)
        return self.at.shell("".join(todo), network=network, **variables)

    def psql(self, statement: str, database: str = "postgres") -> list[str]:
        """By whoever administers the servers."""
        command = f"runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1 -d {database}"
        return self.at.shell(f"{command} <<'end'\n{statement}\nend").splitlines()

    def other_machines(self) -> None:
        """PostgreSQL 15 with TLS for production, development and Dagster, and an AWS, as a network would have them."""
        authority = Authority(self._directory, "postgres-ca")
        signed = authority.sign("server", "db.example.internal", "dev.example.internal", "localhost")
        for path in (signed.certificate, signed.key, authority.file):
            shutil.copy(path, self.at.path("/etc/ssl"))
        with self.at.path("/etc/hosts").open("a") as hosts:
            hosts.write("\n127.0.0.1 db.example.internal dev.example.internal ops.example.org\n")
        self.at.shell(
            "chown postgres /etc/ssl/server.* && chmod 600 /etc/ssl/server.key\n"
            "mkdir -p /run/postgresql && chown postgres /run/postgresql\n"
            "! pg_lsclusters -h | grep -q '^15 *main ' || pg_dropcluster --stop 15 main\n"
            "pg_createcluster -p 5432 15 main -- --encoding=UTF8 >/dev/null\n"
            "echo \"ssl_cert_file = '/etc/ssl/server.crt'\" >>/etc/postgresql/15/main/postgresql.conf\n"
            "echo \"ssl_key_file = '/etc/ssl/server.key'\" >>/etc/postgresql/15/main/postgresql.conf\n"
            "pg_ctlcluster 15 main start"
        )
        self.psql("ALTER ROLE postgres PASSWORD 'administrator'; CREATE DATABASE etna;")
        self.psql(PRODUCTION, "etna")
        self.at.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", AWS.partition(":")[2]])
        self.at.start([sys.executable, "-c", RECEIVING])
        self.at.shell(f"until curl -s -o /dev/null http://{AWS}/; do sleep 0.2; done")

    def night_in_two_minutes(self) -> None:
        """As the last block of section 10 sets it, without the restart."""
        *_, block = [block for section, block in blocks() if section == "10"]
        yaml = self.at.path("/etc/etna/environments.yaml")
        yaml.write_text(re.sub(r'at: "\d\d:\d\d"', 'at: "02:00"', yaml.read_text()))
        self.at.shell(block.partition("systemctl")[0])

    def nights(self) -> list[str]:
        """How the nights ended that the schedule began, oldest first."""
        query = (
            "SELECT status FROM runs JOIN run_tags USING (run_id) WHERE pipeline_name = 'nightly'"
            " AND key = 'dagster/schedule_name' AND value = 'nightly_schedule' ORDER BY runs.id;"
        )
        return self.psql(query, "etna_dagster")

    def wait_for_nights(self, *ends: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.nights() != [*ends]:
            assert time.monotonic() < deadline, (
                self.nights(),
                self.at.systemd.log("etna-code-server").read_text()[-4000:],
            )
            time.sleep(2)

    def serves(self) -> tuple[int, int, str]:
        """Development: how many people, how many of production's, and which snapshot."""
        [people] = self.psql(
            "SELECT count(*), count(*) FILTER (WHERE email ~ 'harbour') FROM person;", "etna_development"
        )
        everybody, known = people.split("|")
        [comment] = self.psql(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'etna_development';"
        )
        return int(everybody), int(known), comment

    def told_of(self, key: str) -> tuple[dict[str, str], str]:
        """The alert of a new trouble, headers and body: there is one, and soon."""
        deadline = time.monotonic() + 300
        while True:
            lines = [json.loads(line) for line in self.at.path("/run/received").read_text().splitlines()]
            found = [
                (headers, body)
                for headers, body in lines
                if any((event["key"], event["state"]) == (key, "new") for event in json.loads(body)["events"])
            ]
            if found:
                [(headers, body)] = found
                return headers, body
            assert time.monotonic() < deadline, lines
            time.sleep(1)


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[Followed]:
    if os.geteuid() != 0 or not shutil.which("pg_createcluster") or not shutil.which("nsenter"):
        pytest.skip("a clean machine needs root, PostgreSQL 15 of Debian's packages and util-linux")
    with Machine(tmp_path) as at:
        yield Followed(at, tmp_path)


@pytest.mark.long
def test_the_page_followed_to_the_letter(clean: Followed) -> None:
    at = clean.at
    clean.follow("1", network=True, REPOSITORY=str(PROJECT), **_way_out())
    clean.other_machines()
    # What is the reader's own: rules, an authority, who is told, and an S3 that is not Amazon's and has no TLS.
    at.path("/etc/etna/rules.yaml").write_text(RULES)
    shutil.copy(at.path("/etc/ssl/postgres-ca.pem"), at.path("/etc/etna/postgres-ca.pem"))
    administrator = ADMINISTRATOR | {"AWS_ENDPOINT_URL": f"http://{AWS}"}
    clean.follow("2", "3", "4", "5", PGPASSWORD="administrator", **administrator)
    at.shell("chmod o= /etc/etna/*; for each in /etc/etna/*; do runuser -u etna -- cat $each >/dev/null; done")
    settings = at.path("/etc/etna/environments.yaml")
    settings.write_text(settings.read_text().replace("https://ops.example.org", f"http://{RECEIVER}"))
    with at.path("/etc/etna/secrets.env").open("a") as secrets:
        secrets.write(f"AWS_ENDPOINT_URL='http://{AWS}'\n")
    at.shell("aws s3api delete-bucket-policy --bucket example-etna-snapshots", **administrator)

    clean.follow("6")
    assert RECEIVER in clean.follow("8")
    at.shell("sleep 45")  # the daemon notes every half minute that it lives
    examined = clean.follow("10")
    # This machine's packages may be behind; and this S3 has no TLS, and knows no permissions, as that of
    # tests/deploy/test_iam.py does.
    missing = [line for line in examined.splitlines() if line.startswith("✗") and "behind" not in line]
    shortfalls = ("policy of example-etna-snapshots", "these credentials may delete snapshots")
    assert [says in line for says, line in zip(shortfalls, missing, strict=True)] == [True, True], examined

    clean.wait_for_nights("SUCCESS")
    everybody, known, first = clean.serves()
    assert (everybody, known) == (50, 0)

    clean.night_in_two_minutes()
    killed = at.systemd.units["etna-code-server"]
    os.kill(killed.process.pid, signal.SIGKILL)
    clean.wait_for_nights("SUCCESS", "SUCCESS")
    assert at.systemd.units["etna-code-server"].starts == killed.starts + 1
    everybody, known, second = clean.serves()
    assert (everybody, known) == (50, 0) and first != second

    clean.psql("ALTER ROLE etna_backup PASSWORD 'another';")
    clean.night_in_two_minutes()
    at.shell("systemctl restart etna-code-server")
    clean.wait_for_nights("SUCCESS", "SUCCESS", "FAILURE")
    headers, body = clean.told_of("run/nightly")
    [line] = [line for line in at.path("/etc/etna/secrets.env").read_text().splitlines() if "WEBHOOK_SECRET" in line]
    key, stamp = line.partition("=")[2].strip("'"), headers["X-Etna-Timestamp"]
    digest = hmac.new(key.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    assert headers["X-Etna-Signature-256"] == f"sha256={digest}"
    assert "password" in body
    assert clean.serves()[2] == second

    assert clean.done == {section for section, _ in blocks()}


def _way_out() -> dict[str, str]:
    """How this machine reaches the registries: proxies and authorities."""
    return {name: value for name, value in os.environ.items() if re.search(r"(?i)cert|_ca_|proxy|^(pip|uv)_", name)}
