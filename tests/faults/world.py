"""A small production whose rows are known, its environments and its store: what faults are injected into."""

import itertools
import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil
import pytest
import yaml
from psycopg import sql

from etna_pipelines.environments import history
from etna_pipelines.postgres.embedded import EmbeddedServer
from etna_pipelines.postgres.server import Database
from etna_pipelines.snapshots.catalogue import Catalogue
from etna_pipelines.snapshots.manifest import Kind, Manifest
from etna_pipelines.stores.local import LocalStore
from etna_pipelines.stores.store import Store
from tests.faults.content import DAGSTER, DISK, ENVIRONMENTS, FIX_UP, KEYS, LAST, PASSWORD, PRODUCTION, RULES, Serving
from tests.faults.processes import Flow, Outcome, Run, nothing
from tests.faults.redeploys import PROGRAM, Redeploys
from tests.stores.faulty_server import Proxy, Reply, Request

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

StoreKind = Literal["local", "S3"]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Combination:
    """A version of PostgreSQL and a kind of store."""

    major: int
    store: StoreKind

    def __str__(self) -> str:
        return f"{self.major}-{self.store}"


class World:
    """Everything of it is named after it: several may be on one server."""

    def __init__(
        self, root: Path, server: EmbeddedServer, combination: Combination, s3_url: str, spare: EmbeddedServer
    ) -> None:
        self.root, self.server, self.combination = root, server, combination
        self.spare = spare
        """Another server, for drills: they are never done beside production."""
        self.name = f"w{next(_numbers)}"
        self.home, self.temporary = root / "home", root / "tmp"
        self.bucket = f"faults-{secrets.token_hex(4)}"
        self.changes: dict[str, object] = {}
        """What environments.yaml has otherwise than usual: whole sections."""
        self.tables = re.findall(r"CREATE TABLE (\w+)", PRODUCTION)
        self.checked: set[str] = set()
        """Snapshots that were read back already (see invariants.py)."""
        self.was_killed = False
        """A run was, or could not clean up, since the store was swept last."""
        self.is_used_up = False
        """What was done to it, or went wrong in it, would mislead the next test: that gets another world."""
        self._stack = ExitStack()
        self._s3_url = s3_url
        self._runs: list[Run] = []
        for directory in (self.home, self.temporary):
            directory.mkdir(mode=0o700)
        self.has_own_disks = all([self._mounted(root / "store"), self._mounted(self.home / "scratch")])
        self.proxy = self._proxy()
        if combination.store == "S3":
            self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        self.redeploys = Redeploys(root / "redeploys", self.store)
        self._make_production()
        (root / "rules.yaml").write_text(RULES)
        (root / "fix_up.sql").write_text(FIX_UP)
        (root / "redeploy.sh").write_text(PROGRAM)
        (root / "dagster.yaml").write_text(DAGSTER.read_text().replace(".etna/", "home/"))

    def close(self) -> None:
        with self._stack:
            for run in self._runs:
                with suppress(ProcessLookupError):
                    run.kill()
            with self.superuser.connect() as connection:
                for name in self.databases():
                    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def run(self, flow: Flow, *arguments: str, prepare: Flow = nothing, **variables: str) -> Outcome:
        """A run to its end: with these environment variables too, and after what is to be done in its process."""
        return self.start(flow, *arguments, prepare=prepare, **variables).wait()

    def start(self, flow: Flow, *arguments: str, prepare: Flow = nothing, **variables: str) -> Run:
        """A run that may be waited for."""
        self.proxy.seen.clear()
        (self.root / "environments.yaml").write_text(yaml.safe_dump(self.settings))
        run = Run(flow, arguments, self.root, self.variables | variables, prepare)
        self._runs.append(run)
        return run

    def good(self, flow: Flow, *arguments: str) -> None:
        """A run that nothing is done to."""
        outcome = self.run(flow, *arguments)
        assert outcome.ending == "succeeded", outcome.said

    @contextmanager
    def standing_at(self, point: str, flow: Flow, *arguments: str, prepare: Flow = nothing) -> Iterator[Run]:
        """A run that stands still at a fault point while the block is executed, and then goes on."""
        run = self.start(flow, *arguments, prepare=prepare, ETNA_KILL_AT=f"stop:{point}")
        run.wait_until_it_stands()
        try:
            yield run
        finally:
            run.go_on()

    @property
    def settings(self) -> dict[str, object]:
        owned = {"owner": f"{self.name}_app"}
        store: object = str(self.root / "store")
        if self.combination.store == "S3":
            store = {"url": f"s3://{self.bucket}/etna", "endpoint_url": self.proxy.url, "region": "eu-west-2"}
        return {
            "production": {"database": self.database("production").url},
            "store": store,
            "rules": "rules.yaml",
            "staging": {"database": self.database("staging").url, **owned},
            "development": {
                "database": self.database("development").url,
                "fix_ups": {"sql": ["fix_up.sql"]},
                "redeploy": {"command": ["/bin/sh", "redeploy.sh"]},
                **owned,
            },
            "test": {"database": self.database("test").url, **owned},
            "integrity": {"drill": self.spare.database("postgres").url},
            "retention": {"full": LAST, "stripped": LAST},
            **self.changes,
        }

    @property
    def variables(self) -> dict[str, str]:
        names = {"production": f"{PASSWORD}-reader", "development": PASSWORD, "test": PASSWORD}
        return {
            **{f"ETNA_{name.upper()}_PASSWORD": password for name, password in names.items()},
            "ETNA_STAGING_PASSWORD": self.superuser.password or "",
            "ETNA_DRILL_PASSWORD": self.spare.database("postgres").password or "",
            "ETNA_HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "PYTHONWARNINGS": "ignore",
            **KEYS,
        }

    @property
    def superuser(self) -> Database:
        return self.server.database("postgres")

    def database(self, environment: str) -> Database:
        """As its run reaches it: production by a role that reads, staging by a superuser, others by one that pushes."""
        role = {"production": f"{self.name}_reader", "staging": self.superuser.user}.get(
            environment, f"{self.name}_pusher"
        )
        here = self.superuser
        return Database(here.host, here.port, role, f"{self.name}_{environment}")

    def owned(self, environment: str) -> Database:
        """The same database, as a superuser: to look into it and to change it."""
        return self.superuser.named(f"{self.name}_{environment}")

    def databases(self) -> list[str]:
        with self.superuser.connect() as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [rf"{self.name}\_%"])
            return sorted(name for (name,) in rows)

    def execute(self, environment: str, statement: str) -> None:
        with self.owned(environment).connect() as connection:
            connection.execute(statement)

    def serving(self) -> dict[str, Serving]:
        """What each environment that has a database serves. Raises where one can't be reached, or does not say."""
        names = {f"{self.name}_{environment}": environment for environment in ENVIRONMENTS}
        with self.superuser.connect() as connection:
            comments = connection.execute(
                "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY(%s)",
                [[*names]],
            ).fetchall()
        return {names[name]: self._held(names[name], history.serving_of(comment)) for name, comment in comments}

    def _held(self, environment: str, said: history.Serving | None) -> Serving:
        assert said, f"{environment} does not say what it serves"
        each = [
            sql.SQL("SELECT {}, count(*) FROM {}").format(f"public.{name}", sql.Identifier(name))
            for name in self.tables
        ]
        with self.superuser.named(f"{self.name}_{environment}").connect() as connection:
            rows = connection.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()
        return Serving(said.push, said.snapshot, said.kind, dict(rows))

    @property
    def store(self) -> Store:
        """The store, without the proxy between."""
        if self.combination.store == "local":
            return LocalStore(self.root / "store")
        from etna_pipelines.stores.s3 import S3Store

        return S3Store(self.s3, self.bucket, "etna")

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.store, self.signing_key)

    @property
    def signing_key(self) -> bytes:
        return bytes.fromhex(KEYS["ETNA_SIGNING_KEY"])

    def newest(self, kind: Kind) -> Manifest:
        found = self.catalogue.newest(kind)
        assert found
        return found

    @property
    def s3(self) -> "S3Client":
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self._s3_url,
            region_name="eu-west-2",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    @contextmanager
    def answering(self, answer: Callable[[Request], Reply | None]) -> Iterator[None]:
        """The S3 server answers otherwise meanwhile (see tests/stores/faulty_server.py)."""
        self.proxy.answer = answer
        try:
            yield
        finally:
            self.proxy.answer = self.proxy.forward

    @contextmanager
    def settings_with(self, **sections: object) -> Iterator[None]:
        """environments.yaml has these sections otherwise meanwhile."""
        self.changes = sections
        try:
            yield
        finally:
            self.changes = {}

    @contextmanager
    def file_with(self, name: str, text: str) -> Iterator[None]:
        """A file of the world (rules.yaml, fix_up.sql, redeploy.sh) reads otherwise meanwhile."""
        path = self.root / name
        usual = path.read_text()
        path.write_text(text)
        try:
            yield
        finally:
            path.write_text(usual)

    @contextmanager
    def production_has(self, change: str, undo: str) -> Iterator[None]:
        """Production's database was changed meanwhile."""
        self.execute("production", change)
        try:
            yield
        finally:
            self.execute("production", undo)

    @contextmanager
    def another_production(self, options: str = "") -> Iterator[Database]:
        """A database made with these options of CREATE DATABASE, with production's tables and rows."""
        other = self.database("other_production")
        with self.superuser.connect() as connection:
            connection.execute(f"CREATE DATABASE {other.name} {options}")
        self.execute("other_production", PRODUCTION)
        try:
            yield replace(other, user=f"{self.name}_reader")
        finally:
            self.server.drop_database(other.name)

    def wait_until_somebody_waits(self) -> None:
        """For a lock."""
        deadline = time.monotonic() + 30
        with self.superuser.connect() as connection:
            while not connection.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
                assert time.monotonic() < deadline, "nobody waits for a lock"
                time.sleep(0.02)

    def restart_server(self) -> None:
        """Everybody is disconnected, and it comes back at the same port."""
        self.server.stop()
        self.server.ensure_running()

    def crash_server(self) -> None:
        """Every process of it is killed; then it recovers."""
        postmaster = psutil.Process(int((self.server.data / "postmaster.pid").read_text().splitlines()[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self.server.ensure_running()

    @contextmanager
    def stored_otherwise(self, key: str, change: Callable[[bytes], bytes | None]) -> Iterator[None]:
        """An object of the store was changed behind our back meanwhile; None: it is gone."""
        usual = b"".join(self.store.read(key))
        changed = change(usual)
        self.place(key, changed)
        try:
            yield
        finally:
            self.place(key, usual)

    @contextmanager
    def full_disk(self, directory: Path, left: int = 0) -> Iterator[None]:
        """The file system of the store, or of scratch, has so many bytes left meanwhile."""
        self.needs_own_disks()
        filler = directory / ".filler"
        free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while left < free or not left:
                free -= file.write(bytes(min(2**16, max(free - left, 1))))
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def read_only(self, directory: Path) -> Iterator[None]:
        """The file system there may only be read meanwhile."""
        self.needs_own_disks()
        subprocess.run(["/bin/mount", "-o", "remount,ro", str(directory)], check=True)
        try:
            yield
        finally:
            subprocess.run(["/bin/mount", "-o", "remount,rw", str(directory)], check=True)

    def needs_own_disks(self) -> None:
        if not self.has_own_disks:
            pytest.skip("this user may not mount file systems")

    def place(self, key: str, data: bytes | None) -> None:
        """Put an object where it belongs past the store's own ways, which keep files from being changed; None: delete
        it."""
        if self.combination.store == "S3":
            if data is None:
                self.s3.delete_object(Bucket=self.bucket, Key=f"etna/{key}")
            else:
                self.s3.put_object(Bucket=self.bucket, Key=f"etna/{key}", Body=data)
            return
        path = self.root / "store" / key
        path.unlink(missing_ok=True)  # it may be a link to another snapshot's file
        if data is not None:
            path.write_bytes(data)

    def _make_production(self) -> None:
        names = {"app": "", "reader": "LOGIN IN ROLE pg_read_all_data", "pusher": "LOGIN CREATEDB"}
        with self.superuser.connect() as connection:
            for name, attributes in names.items():
                password = {"reader": f"{PASSWORD}-reader", "pusher": PASSWORD}.get(name)
                said = f" PASSWORD '{password}'" if password else ""
                connection.execute(f"CREATE ROLE {self.name}_{name} {attributes}".replace("LOGIN", f"LOGIN{said}"))
            connection.execute(f"GRANT {self.name}_app, pg_signal_backend TO {self.name}_pusher")
        self.server.create_database(f"{self.name}_production")
        self.execute("production", PRODUCTION)

    def _proxy(self) -> Proxy:
        proxy = Proxy(self._s3_url)
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(proxy.server_close)
        self._stack.callback(proxy.shutdown)
        return proxy

    def _mounted(self, directory: Path) -> bool:
        """A small file system of its own, where this user may mount one."""
        directory.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m,mode=0700", "etna-faults", str(directory)]
        try:
            done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        except OSError:
            return False
        if done:
            self._stack.callback(subprocess.run, ["umount", "-l", str(directory)], check=False)
        return done
