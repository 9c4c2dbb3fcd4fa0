"""A checkout whose production is planted and behind a password: its programs run as by people, then searched."""

import os
import secrets
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyrage

from etna_pipelines.postgres.server import Database
from tests.flows.checkout import NIGHTLY, PROJECT, Checkout
from tests.security.hunt import Hunter, Watch

TOKEN = "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
"""Whatever others do on this machine, nobody else's arguments hold what was planted here."""

ROWS = {
    "a name": f"Xylophonist{TOKEN}",
    "an address": f"mail-{TOKEN}",
    "a telephone number": f"07700 900{secrets.randbelow(900) + 100}",
    "a town": f"Tregaron {TOKEN}",
    "a value of a document": f"document-{TOKEN}",
}
KEPT = {"a town"}
"""Rows whose values the rules keep: a stripped archive may hold them."""
SECRETS = {
    "production's password": f"production-{TOKEN}",
    "a wrong password": f"wrong-{TOKEN}",
    "the masking key": secrets.token_hex(32),
    "the signing key": secrets.token_hex(32),
    "the superuser's password": f"superuser-{TOKEN}",
    "the webhook's secret": f"webhook-{TOKEN}",
    "GitHub's token": f"github_pat_{TOKEN}",
    "AWS's key": f"aws{TOKEN}",
    "the secret of a command": f"command-{TOKEN}",
    "Slack's address": f"slack-{TOKEN}",
    "the secret of alerts": f"alerts-{TOKEN}",
    "the token in a webhook's path": f"path-{TOKEN}",
    "the heartbeat's address": f"heartbeat-{TOKEN}",
    "the mail server's password": f"mailed-{TOKEN}",
    "the broker's password": f"broker-{TOKEN}",
    "the identity that opens archives": str(pyrage.x25519.Identity.generate()),
}
ENVIRONMENT = {
    "ETNA_PRODUCTION_PASSWORD": SECRETS["production's password"],
    "ETNA_MASKING_KEY": SECRETS["the masking key"],
    "ETNA_SIGNING_KEY": SECRETS["the signing key"],
    "ETNA_STAGING_SUPERUSER_PASSWORD": SECRETS["the superuser's password"],
    "ETNA_WEBHOOK_SECRET": SECRETS["the webhook's secret"],
    "ETNA_GITHUB_TOKEN": SECRETS["GitHub's token"],
    "ETNA_ALERT_SLACK_URL": f"http://127.0.0.1:1/slack-{TOKEN}",
    "ETNA_ALERT_WEBHOOK_SECRET": SECRETS["the secret of alerts"],
    "ETNA_ALERT_SMTP_PASSWORD": SECRETS["the mail server's password"],
    "ETNA_BROKER_URL": f"redis://:broker-{TOKEN}@127.0.0.1:1/0",
    "ETNA_AGE_IDENTITY": SECRETS["the identity that opens archives"],
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": SECRETS["AWS's key"],
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONWARNINGS": "ignore",
    "PYTHONDONTWRITEBYTECODE": "",
}
PRODUCTION = f"""
CREATE TABLE town (id int PRIMARY KEY, name text);
CREATE TABLE person (id int PRIMARY KEY, name text, email text, town int REFERENCES town);
CREATE TABLE note (id int PRIMARY KEY, person int REFERENCES person, body text, at text);
CREATE TABLE auth_user (id serial PRIMARY KEY, username text UNIQUE, password text, is_superuser bool, is_staff bool,
    is_active bool, first_name text, last_name text, email text, last_login timestamptz, date_joined timestamptz);
INSERT INTO town VALUES (1, '{ROWS["a town"]}');
INSERT INTO person VALUES (1, 'Gwenllian {ROWS["a name"]}', 'gwenllian@{ROWS["an address"]}.org.uk', 1),
    (2, 'Ianto {ROWS["a name"]}', 'ianto@second.{ROWS["an address"]}.org.uk', 1);
INSERT INTO note VALUES (1, 1, 'Ring Gwenllian {ROWS["a name"]} on {ROWS["a telephone number"]}', '{ROWS["a town"]}');
"""
RULES = """\
tables:
  town: {keep: [id, name]}
  person: {keep: [id, town], columns: {name: fake(name), email: email}}
  note: {keep: [id, person, at], columns: {body: {mask: scrub, checked: true}}}
  auth_user: {data: empty}
"""
SETTINGS = """\
production: {{database: '{production}'}}
development: {{database: embedded, owner: etna_app, redeploy: {{command: [python, -c, "print('v1')"]}}}}
staging: {{database: embedded, owner: etna_app, fix_ups: {{superuser: {{username: admin}}}}}}
alerts:
  heartbeat: http://127.0.0.1:1/heartbeat-{token}
  to:
    - slack: "#etna"
    - webhook: http://127.0.0.1:1/path-{token}
    - {{email: [a@example.org], from: b@example.org, host: 127.0.0.1, port: 1, user: etna}}
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Scene:
    """Runs programs, and knows every place that they may not have left anything planted in."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.home = checkout.root / ".etna"
        self.temporary = checkout.root / "tmp"
        self.temporary.mkdir()
        self.hunter = Hunter(ROWS | SECRETS)
        self.watch = Watch(self.hunter, self.temporary)
        self.told: list[str] = []
        self.rules()

    @classmethod
    def make(cls, root: Path) -> "Scene":
        scene = cls(Checkout.make(root))
        server = scene.checkout.server
        server.ensure_running()
        server.create_database("etna_production")
        password = SECRETS["production's password"]
        with scene.production.connect() as connection:
            connection.execute(PRODUCTION)
            connection.execute((PROJECT / "deploy/roles/production.sql").read_text())
            connection.execute(f"ALTER ROLE etna_backup PASSWORD '{password}'")
        scene.settings()
        return scene

    @property
    def production(self) -> Database:
        return self.checkout.database("production")

    def settings(self, more: str = "", instead: str | None = None) -> None:
        url = self.production.url.replace("//postgres@", "//etna_backup@")
        text = (SETTINGS if instead is None else instead).format(production=url, token=TOKEN)
        (self.checkout.root / "environments.yaml").write_text(text + more)

    def rules(self, text: str = RULES) -> None:
        (self.checkout.root / "anonymisation_rules/demo.yaml").write_text(text)

    @contextmanager
    def production_has(self, statement: str, undo: str) -> Iterator[None]:
        with self.production.connect() as connection:
            connection.execute(statement)
            try:
                yield
            finally:
                connection.execute(undo)

    def job(self, name: str, **variables: str) -> Ended:
        """As `dagster job execute` does it."""
        command = ("-m", "dagster", "job", "execute", "-m", "etna_pipelines.definitions", "-j", name)
        return self.run(sys.executable, *command, **variables)

    def etna(self, *arguments: str, **variables: str) -> Ended:
        return self.run(str(Path(sys.executable).with_name("etna")), *arguments, **variables)

    def run(self, *command: str, **variables: str) -> Ended:
        with self.watch.watching():
            done = self.checkout.run(*command, **self.environment | variables)
        self.told += [done.stdout, done.stderr]
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def environment(self) -> Mapping[str, str]:
        return ENVIRONMENT | {"TMPDIR": str(self.temporary)}

    def kill_night(self, when_waiting_for: str) -> None:
        """SIGKILL to all of its processes once one of its sessions waits for that."""
        root, said = self.checkout.root, self.checkout.root / "tmp.said"
        command = [sys.executable, *NIGHTLY]
        environment = {**self.checkout.environment, **self.environment}
        with said.open("w") as out, self.watch.watching():
            night = subprocess.Popen(command, cwd=root, env=environment, stdout=out, stderr=out, start_new_session=True)
            try:
                self._await_session(when_waiting_for)
            finally:
                os.killpg(night.pid, signal.SIGKILL)
                night.wait()
            time.sleep(2)  # what watches over pg_dump sees that we are gone
        self.told.append(said.read_text())
        self._end_lost_runs()

    def _end_lost_runs(self) -> None:
        """As the daemon does: else the next run waits for the place in a pool that the killed one still has."""
        with self.checkout.history() as history:
            for run in history.get_runs():
                if not run.is_finished:
                    history.report_run_failed(run)
                history.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    def _await_session(self, wait_event: str) -> None:
        query = "SELECT 1 FROM pg_stat_activity WHERE wait_event = %s AND application_name ~ 'etna'"
        deadline = time.monotonic() + 120
        with self.production.maintenance.connect() as connection:
            while not connection.execute(query, [wait_event]).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def findings(self) -> list[str]:
        """Everywhere but where the planted things have their place: databases, full archives, and files that only we
        can read and that are there to keep a secret, or what commands said."""
        told = [f"the terminal was told {name}" for text in self.told for name in self.hunter.names_in(text.encode())]
        everything = [path for path in self.checkout.root.rglob("*") if path.is_file()]
        searched = [path for path in everything if not self._is_in_its_place(path)]
        left = [f"{path.relative_to(self.checkout.root)} is left over" for path in self.temporary.rglob("*")]
        found = self.hunter.in_files(searched, self.checkout.root)
        return sorted({*told, *self.watch.found, *(one for one in found if not self._is_kept(one)), *left})

    def _is_in_its_place(self, path: Path) -> bool:
        place = path.relative_to(self.checkout.root)
        if place.parts[0] in ("environments.yaml", "anonymisation_rules"):
            return True
        match place.parts[1:]:
            case ["postgres", "data", *_] | ["store", "full", _, "archive", _]:
                return True
            case ["postgres", "password"] | ["superusers" | "fix-ups" | "redeploys", _]:
                assert path.stat().st_mode & 0o077 == 0, place
                return True
            case ["scratch", work, *_]:  # of who was killed; the next night sweeps it
                assert (self.home / "scratch" / work).stat().st_mode & 0o077 == 0, place
                return True
        return False

    def _is_kept(self, finding: str) -> bool:
        return finding.startswith(".etna/store/stripped/") and any(finding.endswith(f" {name}") for name in KEPT)
